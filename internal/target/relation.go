package target

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// A Relation is the rows of a call in SQL: the arguments of a statement, one
// array per column, or a temporary table.
type Relation struct {
	Match *Match
	From  string
	Exprs []string // the columns' values in From
	Order string   // the rows' order in From
	Args  []any
	Count int64 // of rows
}

// OrderName returns a name for the rows' order that no column of the table has.
func (g *Relation) OrderName() string { return g.Match.Schema.UnusedName("headrace ord") }

// UnusedName returns name, quoted, with as many underscores added as make it
// differ from the names of the table and its columns.
func (s *Schema) UnusedName(name string) string {
	for s.RelName == name || s.Column(name) != nil {
		name += "_"
	}
	return Quote(name)
}

// Table returns the rows as a FROM item with the target's column names.
func (g *Relation) Table() string {
	var b strings.Builder
	b.WriteString("(SELECT ")
	for i, c := range g.Match.Columns {
		b.WriteString(g.Exprs[i] + " AS " + Quote(c.Name) + ", ")
	}
	b.WriteString(g.Order + " AS " + g.OrderName() + " FROM " + g.From + ") AS given")
	return b.String()
}

// Distinct returns a query of the rows, one for each value of the expressions
// by, in their order.
func (g *Relation) Distinct(by []string, keepFirst bool) string {
	order := g.OrderName()
	if !keepFirst {
		order += " DESC"
	}
	exprs := strings.Join(by, ", ")
	return "SELECT DISTINCT ON (" + exprs + ") * FROM " + g.Table() + "\n    ORDER BY " + exprs + ", " + order
}

// Stage is the temporary table that rows are staged in.
const (
	StageName = "headrace_stage"
	Stage     = "pg_temp." + StageName
)

// CreateStage creates a temporary table with the columns of m. The columns for
// which texts is true have the type text.
func CreateStage(ctx context.Context, tx pgx.Tx, table string, m *Match, texts []bool) error {
	if table == Quote(StageName) {
		return fmt.Errorf("make a temporary table: its name would hide that of the table; write the table's name with its schema")
	}
	columns := make([]string, len(m.Columns))
	for i, c := range m.Columns {
		columns[i] = Quote(c.Name)
		if texts != nil && texts[i] {
			columns[i] = "NULL::text AS " + Quote(c.Name)
		}
	}
	sql := "CREATE TEMPORARY TABLE " + StageName + " ON COMMIT DROP AS SELECT " + strings.Join(columns, ", ") + " FROM " + table + " WITH NO DATA"
	if _, err := tx.Exec(ctx, sql); err != nil {
		return fmt.Errorf("make a temporary table: %w", err)
	}
	return nil
}

// CheckStatements lets the server plan statements and check the role's
// privileges for them, so that errors come before any row is read. Tracers do
// not see it, since it writes nothing.
func CheckStatements(ctx context.Context, tx pgx.Tx, statements ...string) error {
	for _, sql := range statements {
		if err := tx.Conn().PgConn().Exec(ctx, "EXPLAIN "+sql).Close(); err != nil {
			return err
		}
	}
	return nil
}

// Staged returns the relation of the n rows in the table of CreateStage.
func Staged(m *Match, texts []bool, n int64) *Relation {
	names := make([]string, len(m.Columns))
	for i, c := range m.Columns {
		names[i] = Quote(c.Name)
		if texts != nil && texts[i] {
			names[i] = c.fromStagedText(names[i])
		}
	}
	return &Relation{Match: m, From: Stage, Exprs: names, Order: "ctid", Count: n}
}

// DropStage drops the temporary table, so that a later call in the same
// transaction can create its own.
func DropStage(ctx context.Context, tx pgx.Tx) error {
	_, err := tx.Exec(ctx, "DROP TABLE "+Stage)
	return err
}

// duplicates returns the places in the source of two rows with the same values
// of the expressions by, or 0 and 0.
func (g *Relation) duplicates(ctx context.Context, q querier, by []string) (first, second int64, err error) {
	place := g.OrderName()
	if g.From == Stage { // ctid has the rows' order, not their numbers
		place = "row_number() OVER (ORDER BY " + place + ")"
	}
	number := g.Match.Schema.UnusedName("headrace number")
	sql := `SELECT previous, number FROM (
    SELECT ` + number + ` AS number, lag(` + number + `) OVER (PARTITION BY ` + strings.Join(by, ", ") + ` ORDER BY ` + number + `) AS previous
    FROM (SELECT *, ` + place + ` AS ` + number + ` FROM ` + g.Table() + `) AS numbered
) AS pairs WHERE previous IS NOT NULL ORDER BY number LIMIT 1`
	rows, err := q.Query(ctx, sql, g.Args...)
	if err != nil {
		return 0, 0, err
	}
	_, err = pgx.ForEachRow(rows, []any{&first, &second}, func() error { return nil })
	return first, second, err
}

// KeyColumns returns the columns of the given keys.
func (m *Match) KeyColumns(keys []string) ([]*Column, error) {
	if len(keys) == 0 {
		return nil, fmt.Errorf("no key columns are named")
	}
	columns := make([]*Column, len(keys))
	for i, key := range keys {
		c := m.written(key)
		if c == nil {
			return nil, fmt.Errorf("key %q has no field; columns with one are %s", key, m.List(""))
		}
		if slices.Contains(columns[:i], c) {
			return nil, fmt.Errorf("key %q is named twice", key)
		}
		columns[i] = c
	}
	return columns, nil
}
