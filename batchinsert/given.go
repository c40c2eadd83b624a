package batchinsert

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/headrace/headrace/internal/pgcopy"
)

// The numbers of rows from which on rows go by COPY: to a temporary table first,
// or, of Insert, to the table itself. Below, arrays save making that table and
// asking for the columns. Measured with rows of four numbers, two thirds of them
// there, in ms by arrays and by COPY:
//
//	rows        1,000        3,000        5,000       20,000       50,000
//	Upsert    3.5   6.5     13   18      19   21    106   101    281   299
//	Update    6.3   6.3     29   18      29   25   1258   129   4549   198
//	Delete    5.7   6.0     29    9.9    26   15   1341    73   4066   137
//	Insert    2.3   4.1                  10   8.3    42    24
//
// An update or delete joins the rows it is given, and where they are arrays the
// server plans that for few.
const (
	stageFrom       = 5000
	stageChangeFrom = 1000
	copyFrom        = 5000
)

// statementBytes is what the arrays of a statement hold at most, unless one row
// holds more: the server takes no more than a gigabyte in one message.
const statementBytes = 16 << 20

// errStatementBytes says that rows are too much for one statement.
var errStatementBytes = errors.New("rows take more than one statement")

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
func (g *given) distinct(by []string, keep Duplicates) string {
	order := g.ordName()
	if keep != KeepFirst {
		order += " DESC"
	}
	exprs := strings.Join(by, ", ")
	return "SELECT DISTINCT ON (" + exprs + ") * FROM " + g.table() + "\n    ORDER BY " + exprs + ", " + order
}

// fewerThan reports whether rows are known to be few.
func (s Source[T]) fewerThan(n int) bool { return s.seq == nil && len(s.rows) < n }

// giveArrays makes rows the arguments of a statement, or returns
// errStatementBytes.
func giveArrays[T any](conn *pgx.Conn, m *match, rows []T) (*given, error) {
	plan, err := newArrayPlan[T](conn.TypeMap(), m)
	if err != nil {
		return nil, err
	}
	if err := checkEncoding(conn); err != nil {
		return nil, err
	}
	arrays, err := collect(plan.encoder, conn.TypeMap(), rows)
	if err != nil {
		return nil, err
	}
	return &given{
		match: m, from: plan.from, exprs: plan.exprs, ord: "s.ord",
		args: sessionOf(conn).withMode(arrays.Args()), n: int64(len(rows)),
	}, nil
}

func collect[T any](encoder *pgcopy.Encoder[T], types *pgtype.Map, rows []T) (*pgcopy.Arrays[T], error) {
	pgcopy.Accept(types)
	arrays := pgcopy.NewArrays(encoder)
	for i := range rows {
		if err := arrays.Add(&rows[i]); err != nil {
			return nil, rowError(err, int64(i)+1)
		}
		if i > 0 && arrays.Size() > statementBytes {
			return nil, errStatementBytes
		}
	}
	return arrays, nil
}

const (
	stageName = "headrace_stage"
	stage     = "pg_temp." + stageName
)

// giveStaged sends rows to a temporary table, for the statements to come. dropStage
// has to follow them.
func (t *Table[T]) giveStaged(ctx context.Context, tx pgx.Tx, m *match, rows Source[T], toCome func(*given) []string) (*given, error) {
	texts := m.texts(tx.Conn().TypeMap())
	if err := createStage(ctx, tx, t.quoted, m, texts); err != nil {
		return nil, err
	}
	if err := check(ctx, tx, toCome(givenStaged(m, texts, 0))...); err != nil {
		return nil, err
	}
	n, err := t.copyTo(ctx, tx, m, stage, stageName, rows)
	if err != nil {
		return nil, err
	}
	return givenStaged(m, texts, n), nil
}

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

// with gives rows, by arrays or staged for the statements to come, to fn, in tx.
func (t *Table[T]) with(ctx context.Context, tx pgx.Tx, m *match, rows Source[T], toCome func(*given) []string, fn func(*given) error) error {
	if rows.fewerThan(stageChangeFrom) {
		g, err := giveArrays(tx.Conn(), m, rows.rows)
		if err == nil {
			t.meter.at(Progress{Rows: g.n})
			return fn(g)
		}
		if !errors.Is(err, errStatementBytes) {
			return err
		}
	}
	g, err := t.giveStaged(ctx, tx, m, rows, toCome)
	if err != nil {
		return err
	}
	if err := fn(g); err != nil {
		return err
	}
	return dropStage(ctx, tx)
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
