package batchinsert

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/headrace/headrace/internal/pgcopy"
)

// matchFields is pairFields for whole rows: it refuses those that the table
// cannot take.
func (t *Table[T]) matchFields(s *schema, keep []string) (*match, error) {
	m, err := t.pairFields(s, keep)
	if err != nil {
		return nil, err
	}
	return m, m.missing("no field is written to it")
}

// pairFields pairs the fields of T with the table's columns. keep names
// identity columns that are written nevertheless.
func (t *Table[T]) pairFields(s *schema, keep []string) (*match, error) {
	m := &match{schema: s}
	for _, name := range t.opts.Omit {
		if s.column(name) == nil {
			return nil, fmt.Errorf("Options.Omit names %q, but the table's columns are %s", name, s.names())
		}
	}
	for _, f := range t.fields {
		c, err := s.columnOf(f)
		if err != nil {
			return nil, err
		}
		if slices.Contains(m.columns, c) {
			return nil, fmt.Errorf("field %s: column %q has another field already", f.Name, c.name)
		}
		ours := c.identity && !t.opts.KeepIdentity && !slices.Contains(keep, c.name)
		if c.generated || ours || slices.Contains(t.opts.Omit, c.name) {
			continue
		}
		m.columns, m.fields = append(m.columns, c), append(m.fields, f)
	}
	if len(m.columns) == 0 {
		return nil, t.nothingLeft(s)
	}
	return m, nil
}

// nothingLeft says why no field is written: each is left to the server, for a
// reason of its own.
func (t *Table[T]) nothingLeft(s *schema) error {
	var why []string
	for _, f := range t.fields {
		switch c, err := s.columnOf(f); {
		case err != nil:
			return err
		case c.generated:
			why = append(why, fmt.Sprintf("column %q is generated", c.name))
		case slices.Contains(t.opts.Omit, c.name):
			why = append(why, fmt.Sprintf("Options.Omit names %q", c.name))
		case c.identity:
			why = append(why, fmt.Sprintf("column %q is an identity column, whose values the server gives unless Options.KeepIdentity is set", c.name))
		}
	}
	return fmt.Errorf("no field is left to write: %s; the table's columns are %s", strings.Join(why, ", "), s.names())
}

// copyEncoder compiles the rows of a binary COPY.
func copyEncoder[T any](types *pgtype.Map, m *match) (*pgcopy.Encoder[T], error) {
	targets := make([]pgcopy.Column, len(m.columns))
	for i, c := range m.columns {
		targets[i] = m.schema.staged(c, m.fields[i], types)
	}
	return pgcopy.Compile[T](types, targets, m.fields)
}

// An arrayPlan is how rows go into a statement as one array per column.
type arrayPlan[T any] struct {
	*match
	encoder *pgcopy.Encoder[T]
	// from is "unnest($1::bigint[], ...) WITH ORDINALITY AS s(c1, ..., ord)".
	from string
	// exprs are the values of the columns in from: "c1", "c2::mood".
	exprs []string
}

// selection is the query of the rows.
func (p *arrayPlan[T]) selection() string {
	return "SELECT " + strings.Join(p.exprs, ", ") + "\nFROM " + p.from
}

func newArrayPlan[T any](types *pgtype.Map, m *match) (*arrayPlan[T], error) {
	p := &arrayPlan[T]{match: m}
	targets := make([]pgcopy.Column, len(m.columns))
	params, names := make([]string, len(m.columns)), make([]string, len(m.columns))
	for i, c := range m.columns {
		targets[i] = m.schema.inArrays(c, m.fields[i], types)
		n := strconv.Itoa(i + 1)
		names[i] = "c" + n
		params[i] = "$" + n + "::" + c.typeName + "[]"
		expr := names[i]
		if targets[i].Text || targets[i].Labels != nil {
			params[i] = "$" + n + "::text[]"
			expr += "::" + c.typeName
		}
		if c.collation != "" { // else rows would be told apart, and locked, in another order than the index's
			expr += " COLLATE " + c.collation
		}
		p.exprs = append(p.exprs, expr)
	}
	p.from = "unnest(" + strings.Join(params, ", ") + ") WITH ORDINALITY AS s(" + strings.Join(names, ", ") + ", ord)"
	var err error
	p.encoder, err = pgcopy.Compile[T](types, targets, m.fields)
	return p, err
}
