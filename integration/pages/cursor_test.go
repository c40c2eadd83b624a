package pages_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/querycache"
)

// cities are 20 rows, in groups of 5.
const cities = `CREATE TABLE cities AS SELECT i AS id, 'c' || i / 5 AS name, i * 10 AS population FROM generate_series(0, 19) i`

type city struct {
	ID, Population int
	Name           string
}

var (
	citiesAbove = db.MustCompile[city]("SELECT id, name, population FROM cities WHERE population >= $1")
	byName      = db.Pager{Keys: []db.Order{db.Asc("name"), db.Asc("id")}}
	oldKey      = []byte("a secret of last year")
	newKey      = []byte("a secret of this year")
)

func TestCursorsAreBound(t *testing.T) {
	t.Parallel()
	pg := open(t, cities)
	first, err := citiesAbove.Page(t.Context(), pg, byName, "", 3, 50)
	if err != nil {
		t.Fatal(err)
	}
	signed := db.Pager{Keys: byName.Keys, Sign: [][]byte{oldKey}}
	firstSigned, err := citiesAbove.Page(t.Context(), pg, signed, "", 3, 50)
	if err != nil {
		t.Fatal(err)
	}
	sameText := db.MustCompile[city]("select id, name, population from cities -- again\n where population >= $1")
	otherText := db.MustCompile[city]("SELECT id, name, population FROM cities WHERE population > $1")
	for _, tt := range []struct {
		name string
		stmt *db.Stmt[city]
		p    db.Pager
		at   db.Cursor
		arg  any
		ok   bool
	}{
		{"its own", citiesAbove, byName, first.Next, 50, true},
		{"the text in other blanks", sameText, byName, first.Next, 50, true},
		{"the argument in another width", citiesAbove, byName, first.Next, int64(50), true},
		{"another statement", otherText, byName, first.Next, 50, false},
		{"another argument", citiesAbove, byName, first.Next, 60, false},
		{"another order", citiesAbove, db.Pager{Keys: []db.Order{db.Desc("name"), db.Asc("id")}}, first.Next, 50, false},
		{"other keys", citiesAbove, db.Pager{Keys: []db.Order{db.Asc("population"), db.Asc("id")}}, first.Next, 50, false},
		{"signed", citiesAbove, signed, firstSigned.Next, 50, true},
		{"the secret has a successor", citiesAbove, db.Pager{Keys: byName.Keys, Sign: [][]byte{newKey, oldKey}}, firstSigned.Next, 50, true},
		{"the secret was given up", citiesAbove, db.Pager{Keys: byName.Keys, Sign: [][]byte{newKey}}, firstSigned.Next, 50, false},
		{"signed, and nobody asks for it", citiesAbove, byName, firstSigned.Next, 50, false},
		{"not signed", citiesAbove, signed, first.Next, 50, false},
		{"nonsense", citiesAbove, byName, "nonsense", 50, false},
		{"cut", citiesAbove, byName, first.Next[:len(first.Next)-1], 50, false},
		{"something behind it", citiesAbove, byName, first.Next + "\n", 50, false},
		{"a character changed", citiesAbove, byName, "B" + first.Next[1:], 50, false},
		{"a statement in it", citiesAbove, byName, "'; DROP TABLE cities; --", 50, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			page, err := tt.stmt.Page(t.Context(), pg, tt.p, tt.at, 3, tt.arg)
			if tt.ok && (err != nil || len(page.Items) != 3 || page.Items[0].ID != 8) {
				t.Errorf("got %v, %v, want the cities from 8 on", page.Items, err)
			}
			if !tt.ok && !errors.Is(err, db.ErrBadCursor) {
				t.Errorf("got %v, %v, want ErrBadCursor", page.Items, err)
			}
		})
	}
	if strings.ContainsAny(string(first.Next), "+/=%&?# ") {
		t.Errorf("cursor %q is not safe in a URL", first.Next)
	}
}

// A cursor stays valid when its row is deleted, and the cursor of an empty page
// leads to the remaining rows.
func TestCursorsSurviveTheirRows(t *testing.T) {
	t.Parallel()
	pg := open(t, cities)
	page := func(at db.Cursor) db.Page[city] {
		t.Helper()
		p, err := citiesAbove.Page(t.Context(), pg, byName, at, 10, 0)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	first := page("")
	if _, err := pg.Exec(t.Context(), "DELETE FROM cities WHERE id = 9"); err != nil {
		t.Fatal(err)
	}
	if p := page(first.Next); len(p.Items) != 10 || p.Items[0].ID != 10 {
		t.Errorf("after a deleted row: %v", p.Items)
	}
	if _, err := pg.Exec(t.Context(), "DELETE FROM cities WHERE id > 8"); err != nil {
		t.Fatal(err)
	}
	empty := page(first.Next)
	if len(empty.Items) != 0 || empty.Next != "" || empty.Prev == "" {
		t.Errorf("nothing is left, and the page is %+v", empty)
	}
	if _, err := pg.Exec(t.Context(), "INSERT INTO cities VALUES (9, 'c1', 90)"); err != nil {
		t.Fatal(err)
	}
	back := page(empty.Prev)
	if len(back.Items) != 10 || back.Items[9].ID != 9 || back.Prev != "" {
		t.Errorf("back from the empty page: %+v", back)
	}
}

// DDL may change the meaning of a cursor's position.
func TestCursorAfterTypeChange(t *testing.T) {
	t.Parallel()
	pg := open(t, "CREATE TABLE nums (id int PRIMARY KEY)", "INSERT INTO nums SELECT generate_series(1, 20)")
	stmt, p := db.MustCompile[map[string]any]("SELECT * FROM nums"), db.Pager{Keys: []db.Order{db.Asc("id")}}
	var next db.Cursor
	for range 3 { // all connections know the statements
		page, err := stmt.Page(t.Context(), pg, p, next, 5)
		if err != nil {
			t.Fatal(err)
		}
		next = page.Next
	}
	for _, typ := range []string{"bigint", "text", "numeric"} {
		if _, err := pg.Exec(t.Context(), "ALTER TABLE nums ALTER id TYPE "+typ+" USING id::"+typ); err != nil {
			t.Fatal(err)
		}
		if _, err := stmt.Page(t.Context(), pg, p, next, 5); !errors.Is(err, db.ErrBadCursor) {
			t.Errorf("%s: err = %v, want ErrBadCursor", typ, err)
		}
		page, err := stmt.Page(t.Context(), pg, p, "", 5)
		if err == nil {
			page, err = stmt.Page(t.Context(), pg, p, page.Next, 5)
		}
		if err != nil || len(page.Items) != 5 {
			t.Errorf("%s: two pages from the beginning: %v, %v", typ, page.Items, err)
		}
		next = page.Next
	}
}

// The server may no longer accept the value in a cursor.
func TestCursorWithRenamedEnumValue(t *testing.T) {
	t.Parallel()
	pg := open(t, "CREATE TYPE mood AS ENUM ('sad', 'ok', 'fine')", "CREATE TYPE feeling AS (m mood)",
		"CREATE TABLE people AS SELECT i AS id, (ARRAY['sad', 'ok', 'fine'])[i % 3 + 1]::mood AS m FROM generate_series(1, 30) i")
	cache, err := querycache.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cache.Close)
	cached, err := cache.ReadThrough(pg, querycache.Policy{TTL: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	above := map[string]any{"id": 0}
	stmts := map[string]*db.Stmt[map[string]any]{
		"enum":      db.MustCompile[map[string]any]("SELECT id, m::text, m AS k FROM people WHERE id > @id"),
		"array":     db.MustCompile[map[string]any]("SELECT id, ARRAY[m] AS k FROM people WHERE id > @id"),
		"composite": db.MustCompile[map[string]any]("SELECT id, ROW(m)::feeling AS k FROM people WHERE id > @id"),
	}
	p := db.Pager{Keys: []db.Order{db.Asc("k"), db.Asc("id")}}
	cursors := make(map[string]db.Cursor)
	formats := pgx.QueryResultFormats{pgx.TextFormatCode} // types not loaded
	for name, stmt := range stmts {
		first, err := stmt.Page(t.Context(), pg, p, "", 15, formats, pgx.NamedArgs(above))
		if err == nil {
			_, err = stmt.Page(t.Context(), pg, p, first.Next, 15, formats, pgx.NamedArgs(above))
		}
		if err != nil {
			t.Fatal(name, err)
		}
		cursors[name] = first.Next
	}
	if _, err := pg.Exec(t.Context(), "ALTER TYPE mood RENAME VALUE 'ok' TO 'well'"); err != nil {
		t.Fatal(err)
	}
	for name, stmt := range stmts {
		for _, mode := range []pgx.QueryExecMode{pgx.QueryExecModeCacheStatement, pgx.QueryExecModeExec, pgx.QueryExecModeSimpleProtocol} {
			args := []any{mode, formats, pgx.NamedArgs(above)}
			for by, q := range map[string]db.Querier{"handle": pg, "pool": pg.Pool(), "cached": cached} {
				if _, err := stmt.Page(t.Context(), q, p, cursors[name], 15, args...); !errors.Is(err, db.ErrBadCursor) {
					t.Errorf("%s, %s, %v: %v, want ErrBadCursor", name, by, mode, err)
				}
			}
			if mode == pgx.QueryExecModeSimpleProtocol {
				continue // the error does not tell, and nothing can be asked
			}
			err := pg.InTx(t.Context(), db.TxOptions{}, func(tx pgx.Tx) error {
				_, err := stmt.Page(t.Context(), tx, p, cursors[name], 15, args...)
				return err
			})
			if !errors.Is(err, db.ErrBadCursor) {
				t.Errorf("%s, %v, in a transaction: %v, want ErrBadCursor", name, mode, err)
			}
		}
	}
}

// An argument that the server cannot read does not make the cursor bad.
func TestUnreadableArgumentIsNotABadCursor(t *testing.T) {
	t.Parallel()
	pg := open(t, cities)
	stmt := db.MustCompile[int]("SELECT id FROM cities WHERE population / $1 >= 0 AND id >= coalesce(nullif($2::text, ''), '0')::int")
	p := db.Pager{Keys: []db.Order{db.Asc("id")}}
	for _, args := range [][]any{{0, ""}, {1, "x"}} {
		first, err := stmt.Page(t.Context(), pg, p, "", 5, 1, "")
		if err != nil {
			t.Fatal(err)
		}
		at := db.LastPage
		if _, err := stmt.Page(t.Context(), pg, p, at, 5, args...); err == nil || errors.Is(err, db.ErrBadCursor) {
			t.Errorf("%v: %v, want the server's error", args, err)
		}
		if _, err := stmt.Page(t.Context(), pg, p, first.Next, 5, args...); !errors.Is(err, db.ErrBadCursor) {
			t.Errorf("%v: %v, want ErrBadCursor: other arguments", args, err)
		}
	}
	failing := db.MustCompile[map[string]any]("SELECT id, 1 / (id - 77) AS x FROM cities")
	first, err := failing.Page(t.Context(), pg, p, "", 5)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := pg.Exec(t.Context(), "INSERT INTO cities (id) VALUES (77)"); err != nil {
		t.Fatal(err)
	}
	if _, err := failing.Page(t.Context(), pg, p, first.Next, 5); err == nil || errors.Is(err, db.ErrBadCursor) {
		t.Errorf("division by zero: %v, want the server's error", err)
	}
}

// Rows before a page are not read: if they are deleted, Prev leads to a page
// without rows, whose Next leads back.
func TestPrevAfterDeletes(t *testing.T) {
	t.Parallel()
	pg := open(t, cities)
	stmt, p := db.MustCompile[int]("SELECT id FROM cities"), db.Pager{Keys: []db.Order{db.Asc("id")}}
	first, err := stmt.Page(t.Context(), pg, p, "", 2)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := pg.Exec(t.Context(), "DELETE FROM cities WHERE id < 2"); err != nil {
		t.Fatal(err)
	}
	second, err := stmt.Page(t.Context(), pg, p, first.Next, 2)
	if err != nil || second.Prev == "" {
		t.Fatal(second, err)
	}
	before, err := stmt.Page(t.Context(), pg, p, second.Prev, 2)
	if err != nil || len(before.Items) != 0 || before.Prev != "" || before.Next == "" {
		t.Fatalf("before the second page: %+v, %v", before, err)
	}
	again, err := stmt.Page(t.Context(), pg, p, before.Next, 2)
	if err != nil || !slices.Equal(again.Items, second.Items) {
		t.Errorf("back again: %+v, %v, want %v", again, err, second.Items)
	}
}

func TestRefused(t *testing.T) {
	t.Parallel()
	pg := open(t, cities)
	id := []db.Order{db.Asc("id")}
	for _, tt := range []struct {
		name  string
		sql   string
		args  []any
		p     db.Pager
		at    db.Cursor
		limit int
		want  string
	}{
		{name: "ORDER BY", sql: "SELECT id FROM cities ORDER BY id", want: "ORDER BY"},
		{name: "DISTINCT and ORDER BY", sql: "SELECT DISTINCT id FROM cities ORDER BY id", want: "ORDER BY"},
		{name: "FOR UPDATE", sql: "SELECT id FROM cities FOR UPDATE", want: "FOR UPDATE"},
		{name: "WITH that deletes", sql: "WITH d AS (DELETE FROM cities RETURNING id) SELECT id FROM d", want: "WITH changes data"},
		{name: "INTO", sql: "SELECT id INTO other FROM cities", want: "INTO"},
		{name: "no query", sql: "DELETE FROM cities RETURNING id", want: "not a query"},
		{name: "two statements", sql: "SELECT 1; SELECT 2", want: "2 statements"},
		{name: "unclosed string", sql: "SELECT 'a", want: "unterminated"},
		{name: "no keys", sql: "SELECT id FROM cities", p: db.Pager{Keys: []db.Order{}}, want: "no keys"},
		{name: "key twice", sql: "SELECT id FROM cities", p: db.Pager{Keys: []db.Order{db.Asc("id"), db.Desc("id")}}, want: "twice"},
		{name: "key without column", sql: "SELECT id FROM cities", p: db.Pager{Keys: []db.Order{{}}}, want: "no column"},
		{name: "unknown key", sql: "SELECT id FROM cities", p: db.Pager{Keys: []db.Order{db.Asc("nme"), db.Asc("id")}}, want: `"nme"`},
		{name: "columns of one name", sql: "SELECT id, name AS x, name AS x FROM cities", want: `column "x"`},
		{name: "no limit", sql: "SELECT id FROM cities", limit: -1, want: "limit is -1: want 1 to 2147483646"},
		{name: "limit beyond the server's", sql: "SELECT id FROM cities", limit: 1 << 40, want: "limit is 1099511627776: want 1 to 2147483646"},
		{name: "key in another case", sql: "SELECT id FROM cities", p: db.Pager{Keys: []db.Order{db.Asc("ID")}}, want: `key "ID" is not a column of the result`},
		{name: "key in another case, behind others", sql: "SELECT id, name FROM cities", p: db.Pager{Keys: []db.Order{db.Asc("name"), db.Asc("ID")}}, want: `key "ID" is not a column of the result`},
		{name: "random key", sql: "SELECT id, random() AS r FROM cities", p: db.Pager{Keys: []db.Order{db.Asc("r"), db.Asc("id")}}, want: `key "r" calls random`},
		{name: "random key without a name", sql: "SELECT random() FROM cities", p: db.Pager{Keys: []db.Order{db.Asc("random")}}, want: `key "random" calls random`},
		{name: "key that grows with time", sql: "WITH c AS (SELECT * FROM cities) SELECT id, clock_timestamp() - to_timestamp(id) AS age FROM c", p: db.Pager{Keys: []db.Order{db.Desc("age"), db.Asc("id")}}, want: `key "age" calls clock_timestamp`},
		{name: "short secret", sql: "SELECT id FROM cities", p: db.Pager{Keys: id, Sign: [][]byte{[]byte("short")}}, want: "Sign[0] has 5 bytes"},
		{name: "keys not unique", sql: "SELECT name FROM cities", p: db.Pager{Keys: []db.Order{db.Asc("name")}}, want: "two rows are equal in all keys (name)"},
		{name: "NULL in the last key", sql: "SELECT nullif(id, 3) AS id FROM cities", p: db.Pager{Keys: []db.Order{db.Desc("id")}}, want: `"id" is NULL`},
		{name: "broken promise", sql: "SELECT id, nullif(id, 3) AS n FROM cities", p: db.Pager{Keys: []db.Order{db.Desc("n").NotNull(), db.Asc("id")}}, want: "NotNull"},
		{name: "argument that cannot be bound", sql: "SELECT id FROM cities WHERE $1::jsonb IS NOT NULL", args: []any{map[string]int{"a": 1}}, want: "argument $1, a map[string]int"},
		{name: "too few arguments", sql: "SELECT id FROM cities WHERE id > $1", want: "argument"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.p.Keys == nil {
				tt.p.Keys = id
			}
			if tt.limit == 0 {
				tt.limit = 10
			}
			_, err := db.Paginate[map[string]any](t.Context(), pg, db.SQL(tt.sql, tt.args...), tt.p, tt.at, tt.limit)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("err = %v, want %q", err, tt.want)
			}
		})
	}
	if n, err := db.One[int](t.Context(), pg, db.SQL("SELECT count(*) FROM cities")); n != 20 || err != nil {
		t.Errorf("%d cities, %v", n, err)
	}
}

// pgx's special first arguments keep working.
func TestSpecialArguments(t *testing.T) {
	t.Parallel()
	pg := open(t, cities)
	named := db.MustCompile[city]("SELECT id, name, population FROM cities WHERE population >= @least")
	for _, tt := range []struct {
		name string
		stmt *db.Stmt[city]
		args []any
	}{
		{"named", named, []any{pgx.NamedArgs{"least": 50}}},
		{"named, in a mode", named, []any{pgx.QueryExecModeExec, pgx.NamedArgs{"least": 50}}},
		{"mode", citiesAbove, []any{pgx.QueryExecModeSimpleProtocol, 50}},
		{"formats", citiesAbove, []any{pgx.QueryResultFormats{pgx.TextFormatCode}, 50}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			page, err := tt.stmt.Page(t.Context(), pg, byName, "", 3, tt.args...)
			if err == nil {
				page, err = tt.stmt.Page(t.Context(), pg, byName, page.Next, 3, tt.args...)
			}
			if err != nil || len(page.Items) != 3 || page.Items[0].ID != 8 {
				t.Errorf("second page: %v, %v", page.Items, err)
			}
		})
	}
}
