package batchinsert

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/headrace/headrace/internal/pgcopy"
	"github.com/headrace/headrace/internal/target"
)

// matchFields is pairFields for whole rows: it returns an error if a required
// column has no field.
func (t *Table[T]) matchFields(s *target.Schema, keep []string) (*target.Match, error) {
	m, err := t.pairFields(s, keep)
	if err != nil {
		return nil, err
	}
	return m, m.CheckRequired("no field is written to it")
}

// pairFields pairs the fields of T with the table's columns. keep names identity
// columns that are written even without KeepIdentity.
func (t *Table[T]) pairFields(s *target.Schema, keep []string) (*target.Match, error) {
	m := &target.Match{Schema: s}
	for _, name := range t.opts.Omit {
		if s.Column(name) == nil {
			return nil, fmt.Errorf("Options.Omit names %q, but the table's columns are %s", name, s.Names())
		}
	}
	for _, f := range t.fields {
		c, err := s.ColumnOf(f)
		if err != nil {
			return nil, err
		}
		if slices.Contains(m.Columns, c) {
			return nil, fmt.Errorf("field %s: column %q has another field already", f.Name, c.Name)
		}
		ours := c.Identity && !t.opts.KeepIdentity && !slices.Contains(keep, c.Name)
		if c.Generated || ours || slices.Contains(t.opts.Omit, c.Name) {
			continue
		}
		m.Columns, m.Fields = append(m.Columns, c), append(m.Fields, f)
	}
	if len(m.Columns) == 0 {
		return nil, t.nothingLeft(s)
	}
	return m, nil
}

// nothingLeft returns the error if no field is written, with the reason for
// each.
func (t *Table[T]) nothingLeft(s *target.Schema) error {
	var why []string
	for _, f := range t.fields {
		switch c, err := s.ColumnOf(f); {
		case err != nil:
			return err
		case c.Generated:
			why = append(why, fmt.Sprintf("column %q is generated", c.Name))
		case slices.Contains(t.opts.Omit, c.Name):
			why = append(why, fmt.Sprintf("Options.Omit names %q", c.Name))
		case c.Identity:
			why = append(why, fmt.Sprintf("column %q is an identity column, whose values the server gives unless Options.KeepIdentity is set", c.Name))
		}
	}
	return fmt.Errorf("no field is left to write: %s; the table's columns are %s", strings.Join(why, ", "), s.Names())
}

// copyEncoder compiles the encoder of a binary COPY.
func copyEncoder[T any](types *pgtype.Map, m *target.Match) (*pgcopy.Encoder[T], error) {
	targets := make([]pgcopy.Column, len(m.Columns))
	for i, c := range m.Columns {
		targets[i] = m.Schema.Staged(c, m.Fields[i], types)
	}
	return pgcopy.Compile[T](types, targets, m.Fields)
}

// An arrayPlan passes rows to a statement as one array per column.
type arrayPlan[T any] struct {
	*target.Match
	encoder *pgcopy.Encoder[T]
	// from is a FROM item s with the columns c1, c2, ..., and ord.
	from string
	// exprs are the values of the columns in from: "c1", "c2::mood".
	exprs []string
}

// selection returns the query of the rows.
func (p *arrayPlan[T]) selection() string {
	return "SELECT " + strings.Join(p.exprs, ", ") + "\nFROM " + p.from
}

func newArrayPlan[T any](types *pgtype.Map, m *target.Match) (*arrayPlan[T], error) {
	p := &arrayPlan[T]{Match: m}
	composites := false
	targets := make([]pgcopy.Column, len(m.Columns))
	params, names := make([]string, len(m.Columns)), make([]string, len(m.Columns))
	for i, c := range m.Columns {
		targets[i] = m.Schema.InArrays(c, m.Fields[i], types)
		n := strconv.Itoa(i + 1)
		names[i] = "c" + n
		params[i] = "$" + n + "::" + c.TypeName + "[]"
		expr := names[i]
		if targets[i].Text || targets[i].Labels != nil {
			params[i] = "$" + n + "::text[]"
			expr = c.FromText(expr)
		} else if c.Kind == 'c' {
			composites = true
		}
		if c.Collation != "" { // else rows would be compared and locked in an order other than the index's
			expr += " COLLATE " + c.Collation
		}
		p.exprs = append(p.exprs, expr)
	}
	p.from = fromArrays(params, names, composites)
	var err error
	p.encoder, err = pgcopy.Compile[T](types, targets, m.Fields)
	return p, err
}

// fromArrays returns the FROM item of the arrays params as the columns names. In
// FROM, unnest expands a composite into its fields; in a select list, it does
// not.
func fromArrays(params, names []string, composites bool) string {
	if !composites {
		return "unnest(" + strings.Join(params, ", ") + ") WITH ORDINALITY AS s(" + strings.Join(names, ", ") + ", ord)"
	}
	var b strings.Builder
	for i, name := range names {
		b.WriteString("unnest(" + params[i] + ") AS " + name + ", ")
	}
	return "(SELECT " + b.String() + "generate_subscripts(" + params[0] + ", 1)::bigint AS ord) AS s"
}
