package pages_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/headrace/headrace/db"
)

// equalTypes are types with values that are equal to the server and differ in
// bytes. The middle two values of each type are.
var equalTypes = []struct {
	typ    string
	values [4]string
	needs  string // what the server must have
}{
	{typ: "numeric", values: [4]string{"0.9", "1.0", "1.00", "1.01"}},
	{typ: "real", values: [4]string{"-1", "-0", "0", "1"}},
	{typ: "double precision", values: [4]string{"-1", "-0", "0", "1"}},
	{typ: "interval", values: [4]string{"1 day", "1 mon", "30 days", "1 year"}},
	{typ: "interval", values: [4]string{"1 day", "30 days", "720 hours", "1 year"}},
	{typ: "bpchar", values: [4]string{"", "a", "a ", "b"}},
	{typ: "jsonb", values: [4]string{`{"a": 0}`, `{"a": 1.0}`, `{"a": 1.00}`, `{"a": 2}`}},
	{typ: "numeric[]", values: [4]string{"{0}", "{1.0}", "{1.00}", "{2}"}},
	{typ: "numrange", values: [4]string{"[0,1)", "[1.0,2)", "[1.00,2.0)", "[3,4)"}},
	{typ: "amount", values: [4]string{"(0)", "(1.0)", "(1.00)", "(2)"}},
	{typ: "price", values: [4]string{"0.9", "1.0", "1.00", "1.01"}},
	{typ: "citext", values: [4]string{"A", "b", "B", "c"}, needs: "citext"},
	{typ: "text COLLATE anycase", values: [4]string{"A", "b", "B", "c"}, needs: "anycase"},
	{typ: "varchar COLLATE anycase", values: [4]string{"A", "b", "B", "c"}, needs: "anycase"},
	{typ: "text[] COLLATE anycase", values: [4]string{"{A}", "{b}", "{B}", "{c}"}, needs: "anycase"},
}

// extras creates what not every server has, and returns what there is.
func extras(t *testing.T, pg *db.DB) map[string]bool {
	t.Helper()
	have := map[string]bool{"": true}
	for name, q := range map[string][2]string{
		"citext": {"SELECT EXISTS (SELECT FROM pg_available_extensions WHERE name = 'citext')", "CREATE EXTENSION citext"},
		"anycase": {"SELECT EXISTS (SELECT FROM pg_collation WHERE collprovider = 'i')",
			"CREATE COLLATION anycase (provider = icu, locale = 'und-u-ks-level2', deterministic = false)"},
	} {
		ok, err := db.One[bool](t.Context(), pg, db.SQL(q[0]))
		if err == nil && ok {
			_, err = pg.Exec(t.Context(), q[1])
		}
		if err != nil {
			t.Fatal(err)
		}
		if have[name] = ok; !ok {
			t.Logf("the server has no %s: its types are left out", name)
		}
	}
	return have
}

// A page with rows that the order does not distinguish fails, although their
// bytes differ: the next page would miss the second row.
func TestEqualRows(t *testing.T) {
	t.Parallel()
	pg := open(t, "CREATE TYPE amount AS (n numeric)", "CREATE DOMAIN price AS numeric")
	have := extras(t, pg)
	for i, tt := range equalTypes {
		if !have[tt.needs] {
			continue
		}
		table := fmt.Sprintf("equal_%d", i)
		if _, err := pg.Exec(t.Context(), fmt.Sprintf("CREATE TABLE %s (id int, k %s); INSERT INTO %[1]s VALUES (1, '%[3]s'), (2, '%s'), (3, '%s'), (4, '%s')",
			table, tt.typ, tt.values[0], tt.values[1], tt.values[2], tt.values[3])); err != nil {
			t.Fatal(err)
		}
		for _, mode := range []pgx.QueryExecMode{pgx.QueryExecModeCacheStatement, pgx.QueryExecModeSimpleProtocol} {
			for limit := 1; limit <= 4; limit++ {
				for _, keys := range [][]db.Order{
					{db.Asc("k")}, {db.Desc("k")}, {db.Asc("one"), db.Desc("k")}, {db.Asc("none"), db.Asc("k")},
				} {
					for _, at := range []db.Cursor{"", db.LastPage} {
						rows, err := untilError(t, func(ctx context.Context, at db.Cursor) (db.Page[rowID], error) {
							sql := "SELECT id::text, k, 1 AS one, NULL::text AS none FROM " + table
							return db.Paginate[rowID](ctx, pg, db.SQL(sql, mode), db.Pager{Keys: keys}, at, limit)
						}, at)
						if err == nil || !strings.Contains(err.Error(), "two rows are equal in all keys") {
							t.Errorf("%s, %v by %d from %q: rows %v, err = %v", tt.typ, mode, limit, at, rows, err)
						}
					}
				}
			}
		}
	}
}

// untilError reads pages from one end to the other, or to an error.
func untilError[T any](t *testing.T, page fetch[T], at db.Cursor) (all []T, err error) {
	t.Helper()
	backward := at == db.LastPage
	for len(all) < endless {
		p, err := page(t.Context(), at)
		if err != nil {
			return all, err
		}
		all = append(all, p.Items...)
		if at = p.Next; backward {
			at = p.Prev
		}
		if at == "" {
			return all, nil
		}
	}
	t.Fatalf("no end after %d rows", len(all))
	return nil, nil
}

// Rows that only the server can distinguish are paged through like others, into
// structs, maps and types that scan themselves.
func TestComparedByTheServer(t *testing.T) {
	t.Parallel()
	pg := open(t, "CREATE TABLE words (word text PRIMARY KEY, n numeric NOT NULL, len int)",
		"INSERT INTO words SELECT 'w' || i, i / 7, i % 3 FROM generate_series(1, 100) i")
	type word struct {
		Word string
		Len  *int
	}
	keys := []db.Order{db.Desc("n"), db.Asc("word")}
	const sql = "SELECT word, len, n FROM words"
	type all struct {
		word
		N float64
	}
	for name, rows := range map[string]int{
		"structs":  walked[all](t, pg, sql, keys),
		"maps":     walked[map[string]any](t, pg, sql, keys),
		"scanners": walked[scanning](t, pg, sql, keys),
		"value":    walked[string](t, pg, "SELECT word FROM words", []db.Order{db.Asc("word")}),
	} {
		if rows != 200 {
			t.Errorf("%s: %d rows, want 100 both ways", name, rows)
		}
	}
}

func walked[T any](t *testing.T, pg *db.DB, sql string, keys []db.Order) int {
	t.Helper()
	stmt := db.MustCompile[T](sql)
	page := func(ctx context.Context, at db.Cursor) (db.Page[T], error) {
		return stmt.Page(ctx, pg, db.Pager{Keys: keys}, at, 7)
	}
	return len(forward(t, page)) + len(backward(t, page))
}

// scanning is a row that scans itself.
type scanning struct {
	word string
	n    float64
	len  *int
}

func (s *scanning) ScanRow(rows pgx.Rows) error {
	values, err := rows.Values()
	if err != nil {
		return err
	}
	if n := len(rows.FieldDescriptions()); n != 3 || len(values) != 3 || len(rows.RawValues()) != 3 {
		return fmt.Errorf("%d columns, %v", n, values)
	}
	return rows.Scan(&s.word, &s.len, &s.n)
}
