package batchinsert

import (
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/headrace/headrace/internal/pgcopy"
)

// A match says which fields are written to which columns.
type match struct {
	schema  *schema
	columns []*tableColumn
	fields  []pgcopy.Field // fields[i] goes to columns[i]
}

// texts says which columns are sent as text for the server to read, by the types
// that the connection knows.
func (m *match) texts(types *pgtype.Map) []bool {
	texts := make([]bool, len(m.columns))
	for i, c := range m.columns {
		texts[i] = m.schema.staged(c, m.fields[i], types).Text
	}
	return texts
}

// fromText is the SQL of a column's value where it was sent as text.
func (c *tableColumn) fromText(name string) string {
	expr := name + "::" + c.typeName
	if c.collation != "" {
		expr += " COLLATE " + c.collation
	}
	return expr
}

// only returns the match of these columns alone.
func (m *match) only(columns []*tableColumn) *match {
	out := &match{schema: m.schema}
	for i, c := range m.columns {
		if slices.Contains(columns, c) {
			out.columns, out.fields = append(out.columns, c), append(out.fields, m.fields[i])
		}
	}
	return out
}

// columnOf finds the field's column. An exact name goes before one that
// differs in case or underscores.
func (s *schema) columnOf(f pgcopy.Field) (*tableColumn, error) {
	if c := s.column(f.Column); c != nil {
		return c, nil
	}
	for i := range s.columns {
		if f.Matches(s.columns[i].name) {
			return &s.columns[i], nil
		}
	}
	return nil, fmt.Errorf("field %s: the table has no column %q; it has %s", f.Name, f.Column, s.names())
}

// missing refuses rows that the table cannot take for want of a value; why says
// how it comes to that.
func (m *match) missing(why string) error {
	if m.schema.beforeTrigger {
		return nil // it may fill the column
	}
	for i := range m.schema.columns {
		c := &m.schema.columns[i]
		if c.notNull && !c.hasDefault && !c.generated && !c.identity && !slices.Contains(m.columns, c) {
			return fmt.Errorf("column %q (%s) is NOT NULL without a default, and %s", c.name, c.typeName, why)
		}
	}
	return nil
}

// writesIdentity reports whether an identity column is among the columns.
func (m *match) writesIdentity() bool {
	return slices.ContainsFunc(m.columns, func(c *tableColumn) bool { return c.identity })
}

// list returns the quoted columns, each after prefix, with commas.
func (m *match) list(prefix string) string {
	var b strings.Builder
	for i, c := range m.columns {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(prefix + quote(c.name))
	}
	return b.String()
}

// overriding is what an INSERT says that writes identity columns.
func (m *match) overriding() string {
	if m.writesIdentity() {
		return " OVERRIDING SYSTEM VALUE"
	}
	return ""
}

// columnsOf finds the table's columns by the names that a Go type has for
// them. A name that fits none stays, for the error.
func (s *schema) columnsOf(names []string) []string {
	fold := func(s string) string { return strings.ToLower(strings.ReplaceAll(s, "_", "")) }
	out := make([]string, len(names))
	for i, name := range names {
		out[i] = name
		if s.column(name) != nil {
			continue
		}
		if j := slices.IndexFunc(s.columns, func(c tableColumn) bool { return fold(c.name) == fold(name) }); j >= 0 {
			out[i] = s.columns[j].name
		}
	}
	return out
}
