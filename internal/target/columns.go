package target

import (
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/headrace/headrace/internal/pgcopy"
)

// A Match says which fields are written to which columns.
type Match struct {
	Schema  *Schema
	Columns []*Column
	Fields  []pgcopy.Field // fields[i] goes to columns[i]
}

// Texts says which columns are sent as text for the server to read, by the types
// that the connection knows.
func (m *Match) Texts(types *pgtype.Map) []bool {
	texts := make([]bool, len(m.Columns))
	for i, c := range m.Columns {
		texts[i] = m.Schema.Staged(c, m.Fields[i], types).Text
	}
	return texts
}

// fromText is the SQL of a column's value where it was sent as text.
func (c *Column) fromText(name string) string {
	expr := name + "::" + c.TypeName
	if c.Collation != "" {
		expr += " COLLATE " + c.Collation
	}
	return expr
}

// Only returns the match of these columns alone.
func (m *Match) Only(columns []*Column) *Match {
	out := &Match{Schema: m.Schema}
	for i, c := range m.Columns {
		if slices.Contains(columns, c) {
			out.Columns, out.Fields = append(out.Columns, c), append(out.Fields, m.Fields[i])
		}
	}
	return out
}

// ColumnOf finds the field's column. An exact name goes before one that
// differs in case or underscores.
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

// Missing refuses rows that the table cannot take for want of a value; why says
// how it comes to that.
func (m *Match) CheckRequired(why string) error {
	if m.Schema.BeforeTrigger {
		return nil // it may fill the column
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

// List returns the quoted columns, each after prefix, with commas.
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

// Overriding is what an INSERT says that writes identity columns.
func (m *Match) Overriding() string {
	if m.WritesIdentity() {
		return " OVERRIDING SYSTEM VALUE"
	}
	return ""
}

// ColumnsOf finds the table's columns by the names that a Go type has for
// them. A name that fits none stays, for the error.
func (s *Schema) ColumnsOf(names []string) []string {
	fold := func(s string) string { return strings.ToLower(strings.ReplaceAll(s, "_", "")) }
	out := make([]string, len(names))
	for i, name := range names {
		out[i] = name
		if s.Column(name) != nil {
			continue
		}
		if j := slices.IndexFunc(s.Columns, func(c Column) bool { return fold(c.Name) == fold(name) }); j >= 0 {
			out[i] = s.Columns[j].Name
		}
	}
	return out
}
