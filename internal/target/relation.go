package target

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// A Relation is the rows of a call as the server sees them: arrays of a
// statement, or a temporary table.
type Relation struct {
	Match *Match
	From  string
	Exprs []string // the columns' values in from
	Order string   // the rows' order in from
	Args  []any
	Count int64 // how many there are
}

// OrderName names the rows' order, as a column beside the table's own.
func (g *Relation) OrderName() string { return g.Match.Schema.UnusedName("headrace ord") }

// Spare returns a name, quoted, or one like it that neither the table nor a column
// of it has.
func (s *Schema) UnusedName(name string) string {
	for s.RelName == name || s.Column(name) != nil {
		name += "_"
	}
	return Quote(name)
}

// Table is the rows as a table with the target's column names.
func (g *Relation) Table() string {
	var b strings.Builder
	b.WriteString("(SELECT ")
	for i, c := range g.Match.Columns {
		b.WriteString(g.Exprs[i] + " AS " + Quote(c.Name) + ", ")
	}
	b.WriteString(g.Order + " AS " + g.OrderName() + " FROM " + g.From + ") AS given")
	return b.String()
}

// Distinct is table with one row of those that are the same by some
// expressions, in their order.
func (g *Relation) Distinct(by []string, keepFirst bool) string {
	order := g.OrderName()
	if !keepFirst {
		order += " DESC"
	}
	exprs := strings.Join(by, ", ")
	return "SELECT DISTINCT ON (" + exprs + ") * FROM " + g.Table() + "\n    ORDER BY " + exprs + ", " + order
}

const (
	StageName = "headrace_stage"
	Stage     = "pg_temp." + StageName
)

// CreateStage makes a temporary table of the columns of m. Those of texts are
// text.
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

// CheckStatements has the server plan statements and look at the role's privileges for them,
// so that what it refuses is refused before rows are read. Tracers do not see it:
// it writes nothing.
func CheckStatements(ctx context.Context, tx pgx.Tx, statements ...string) error {
	for _, sql := range statements {
		if err := tx.Conn().PgConn().Exec(ctx, "EXPLAIN "+sql).Close(); err != nil {
			return err
		}
	}
	return nil
}

// Staged is the n rows of the temporary table that CreateStage made.
func Staged(m *Match, texts []bool, n int64) *Relation {
	names := make([]string, len(m.Columns))
	for i, c := range m.Columns {
		names[i] = Quote(c.Name)
		if texts != nil && texts[i] {
			names[i] = c.fromText(names[i])
		}
	}
	return &Relation{Match: m, From: Stage, Exprs: names, Order: "ctid", Count: n}
}

// DropStage makes room for the next call in the same transaction.
func DropStage(ctx context.Context, tx pgx.Tx) error {
	_, err := tx.Exec(ctx, "DROP TABLE "+Stage)
	return err
}

// duplicates looks for two rows that are the same by some expressions, and
// returns their places in the source; 0 where there are none.
func (g *Relation) duplicates(ctx context.Context, q querier, by []string) (first, second int64, err error) {
	place := g.OrderName()
	if g.From == Stage { // a place in the heap: the rows' order, not their number
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

// KeyColumns finds the columns by which rows are looked up.
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
