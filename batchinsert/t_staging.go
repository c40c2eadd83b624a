package batchinsert

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// A given is the rows of a call as the server sees them: arrays of a
// statement, or a temporary table.
type given struct {
	match *match
	from  string
	exprs []string // the columns' values in from
	ord   string   // the rows' order in from
	args  []any
	n     int64 // how many there are
}

// ordName names the rows' order, as a column beside the table's own.
func (g *given) ordName() string { return g.match.schema.spare("headrace ord") }

// spare returns a name, quoted, or one like it that neither the table nor a column
// of it has.
func (s *schema) spare(name string) string {
	for s.relname == name || s.column(name) != nil {
		name += "_"
	}
	return quote(name)
}

// table is the rows as a table with the target's column names.
func (g *given) table() string {
	var b strings.Builder
	b.WriteString("(SELECT ")
	for i, c := range g.match.columns {
		b.WriteString(g.exprs[i] + " AS " + quote(c.name) + ", ")
	}
	b.WriteString(g.ord + " AS " + g.ordName() + " FROM " + g.from + ") AS given")
	return b.String()
}

// distinct is table with one row of those that are the same by some
// expressions, in their order.
func (g *given) distinct(by []string, keepFirst bool) string {
	order := g.ordName()
	if !keepFirst {
		order += " DESC"
	}
	exprs := strings.Join(by, ", ")
	return "SELECT DISTINCT ON (" + exprs + ") * FROM " + g.table() + "\n    ORDER BY " + exprs + ", " + order
}

const (
	stageName = "headrace_stage"
	stage     = "pg_temp." + stageName
)

// createStage makes a temporary table of the columns of m. Those of texts are
// text.
func createStage(ctx context.Context, tx pgx.Tx, table string, m *match, texts []bool) error {
	if table == quote(stageName) {
		return fmt.Errorf("make a temporary table: its name would hide that of the table; write the table's name with its schema")
	}
	columns := make([]string, len(m.columns))
	for i, c := range m.columns {
		columns[i] = quote(c.name)
		if texts != nil && texts[i] {
			columns[i] = "NULL::text AS " + quote(c.name)
		}
	}
	sql := "CREATE TEMPORARY TABLE " + stageName + " ON COMMIT DROP AS SELECT " + strings.Join(columns, ", ") + " FROM " + table + " WITH NO DATA"
	if _, err := tx.Exec(ctx, sql); err != nil {
		return fmt.Errorf("make a temporary table: %w", err)
	}
	return nil
}

// check has the server plan statements and look at the role's privileges for them,
// so that what it refuses is refused before rows are read. Tracers do not see it:
// it writes nothing.
func check(ctx context.Context, tx pgx.Tx, statements ...string) error {
	for _, sql := range statements {
		if err := tx.Conn().PgConn().Exec(ctx, "EXPLAIN "+sql).Close(); err != nil {
			return err
		}
	}
	return nil
}

// givenStaged is the n rows of the temporary table that createStage made.
func givenStaged(m *match, texts []bool, n int64) *given {
	names := make([]string, len(m.columns))
	for i, c := range m.columns {
		names[i] = quote(c.name)
		if texts != nil && texts[i] {
			names[i] = c.fromText(names[i])
		}
	}
	return &given{match: m, from: stage, exprs: names, ord: "ctid", n: n}
}

// dropStage makes room for the next call in the same transaction.
func dropStage(ctx context.Context, tx pgx.Tx) error {
	_, err := tx.Exec(ctx, "DROP TABLE "+stage)
	return err
}

// duplicates looks for two rows that are the same by some expressions, and
// returns their places in the source; 0 where there are none.
func (g *given) duplicates(ctx context.Context, q querier, by []string) (first, second int64, err error) {
	place := g.ordName()
	if g.from == stage { // a place in the heap: the rows' order, not their number
		place = "row_number() OVER (ORDER BY " + place + ")"
	}
	number := g.match.schema.spare("headrace number")
	sql := `SELECT previous, number FROM (
    SELECT ` + number + ` AS number, lag(` + number + `) OVER (PARTITION BY ` + strings.Join(by, ", ") + ` ORDER BY ` + number + `) AS previous
    FROM (SELECT *, ` + place + ` AS ` + number + ` FROM ` + g.table() + `) AS numbered
) AS pairs WHERE previous IS NOT NULL ORDER BY number LIMIT 1`
	rows, err := q.Query(ctx, sql, g.args...)
	if err != nil {
		return 0, 0, err
	}
	_, err = pgx.ForEachRow(rows, []any{&first, &second}, func() error { return nil })
	return first, second, err
}

// keyColumns finds the columns by which rows are looked up.
func (m *match) keyColumns(keys []string) ([]*tableColumn, error) {
	if len(keys) == 0 {
		return nil, fmt.Errorf("no key columns are named")
	}
	columns := make([]*tableColumn, len(keys))
	for i, key := range keys {
		c := m.written(key)
		if c == nil {
			return nil, fmt.Errorf("key %q has no field; columns with one are %s", key, m.list(""))
		}
		if slices.Contains(columns[:i], c) {
			return nil, fmt.Errorf("key %q is named twice", key)
		}
		columns[i] = c
	}
	return columns, nil
}
