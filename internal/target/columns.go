package target

import (
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/headrace/headrace/internal/pgcopy"
)

// A Match pairs the fields of the rows with the columns that they are written
// to.
type Match struct {
	Schema  *Schema
	Columns []*Column
	Fields  []pgcopy.Field // fields[i] goes to columns[i]
}

// Texts reports for each column whether its values are sent as text, because the
// connection has no binary form for them.
func (m *Match) Texts(types *pgtype.Map) []bool {
	texts := make([]bool, len(m.Columns))
	for i, c := range m.Columns {
		texts[i] = m.Schema.Staged(c, m.Fields[i], types).Text
	}
	return texts
}

// FromText returns the SQL that converts a value sent as text to the column's
// type. With array_nulls off, the server would take a NULL in an array for text;
// it gets an invalid array instead, whose error says so.
func (c *Column) FromText(name string) string {
	if c.Category == 'A' {
		name = "(CASE WHEN pg_catalog.current_setting('array_nulls')::pg_catalog.bool OR " + name + " !~* '[{,]\\s*null\\s*[,}]' THEN " + name +
			" ELSE 'array_nulls is off in this session, which makes text of NULL' END)"
	}
	return name + "::" + c.TypeName
}

// fromStagedText is FromText with the column's collation.
func (c *Column) fromStagedText(name string) string {
	expr := c.FromText(name)
	if c.Collation != "" {
		expr += " COLLATE " + c.Collation
	}
	return expr
}

// Only returns the match restricted to the given columns.
func (m *Match) Only(columns []*Column) *Match {
	out := &Match{Schema: m.Schema}
	for i, c := range m.Columns {
		if slices.Contains(columns, c) {
			out.Columns, out.Fields = append(out.Columns, c), append(out.Fields, m.Fields[i])
		}
	}
	return out
}

// ColumnOf returns the field's column. An exact match of the name takes
// precedence over one that differs in case or underscores.
func (s *Schema) ColumnOf(f pgcopy.Field) (*Column, error) {
	if c := s.Column(f.Column); c != nil {
		return c, nil
	}
	for i := range s.Columns {
		if f.Matches(s.Columns[i].Name) {
			return &s.Columns[i], nil
		}
	}
	return nil, fmt.Errorf("field %s: the table has no column %q; it has %s", f.Name, f.Column, s.Names())
}

// CheckRequired returns an error if a column that is NOT NULL without a default
// is not written; why ends its text.
func (m *Match) CheckRequired(why string) error {
	if m.Schema.BeforeTrigger {
		return nil // the trigger may set the column
	}
	for i := range m.Schema.Columns {
		c := &m.Schema.Columns[i]
		if c.NotNull && !c.hasDefault && !c.Generated && !c.Identity && !slices.Contains(m.Columns, c) {
			return fmt.Errorf("column %q (%s) is NOT NULL without a default, and %s", c.Name, c.TypeName, why)
		}
	}
	return nil
}

// WritesIdentity reports whether an identity column is among the columns.
func (m *Match) WritesIdentity() bool {
	return slices.ContainsFunc(m.Columns, func(c *Column) bool { return c.Identity })
}

// List returns the quoted columns, each preceded by prefix, separated by commas.
func (m *Match) List(prefix string) string {
	var b strings.Builder
	for i, c := range m.Columns {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(prefix + Quote(c.Name))
	}
	return b.String()
}

// Overriding returns the clause that an INSERT needs to write identity columns.
func (m *Match) Overriding() string {
	if m.WritesIdentity() {
		return " OVERRIDING SYSTEM VALUE"
	}
	return ""
}

// ColumnsOf returns the table's columns for the names of a Go type's fields. A
// name without a column is returned unchanged, for the error.
func (s *Schema) ColumnsOf(names []string) []string {
	out := make([]string, len(names))
	for i, name := range names {
		out[i] = name
		if s.Column(name) != nil {
			continue
		}
		if j := slices.IndexFunc(s.Columns, func(c Column) bool { return pgcopy.Field{Column: name}.Matches(c.Name) }); j >= 0 {
			out[i] = s.Columns[j].Name
		}
	}
	return out
}
