package db_test

import (
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/headrace/headrace/db"
)

// A compiled statement is sent without the comment that contains its name.
// Statistics and logs use the name anyway, whatever the statement runs on.
func TestNamesReachStatsAndLog(t *testing.T) {
	t.Parallel()
	var log slowLog
	pg := open(t, log.options(time.Nanosecond), itemSchema...)
	ctx := t.Context()
	conn, err := pg.Acquire(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Release()
	read := func(name, sql string) *db.Stmt[int] {
		return db.MustCompile[int]("-- name: " + name + " :many\n" + sql)
	}
	gather := func(read db.Gatherable) func() error { return func() error { return db.Gather(ctx, pg, read) } }
	runs := map[string]func() error{
		"All":  func() error { _, err := read("All", "SELECT 1 AS a").All(ctx, pg); return err },
		"One":  func() error { _, err := read("One", "SELECT 1 AS b").One(ctx, pg); return err },
		"Conn": func() error { _, err := read("Conn", "SELECT 1 AS c").One(ctx, conn); return err },
		"Pool": func() error { _, err := read("Pool", "SELECT 1 AS d").One(ctx, pg.Pool()); return err },
		"Tx": func() error {
			return pg.InTx(ctx, db.TxOptions{}, func(tx pgx.Tx) error {
				_, err := read("Tx", "SELECT 1 AS e").One(ctx, tx)
				return err
			})
		},
		"Wrapper": func() error {
			_, err := read("Wrapper", "SELECT 1 AS f").One(ctx, struct{ db.Querier }{pg})
			return err
		},
		"Each": func() error {
			for _, err := range read("Each", "SELECT 1 AS g").Each(ctx, pg) {
				return err
			}
			return nil
		},
		"Named": func() error {
			_, err := read("Named", "SELECT @h::int AS h").One(ctx, pg, pgx.NamedArgs{"h": 1})
			return err
		},
		"Exec": func() error {
			_, err := read("Exec", "UPDATE items SET name = name").Exec(ctx, pg)
			return err
		},
		"Built": func() error {
			_, err := db.One[int](ctx, pg, db.SQL("-- name: Built :one\nSELECT 1 AS i"))
			return err
		},
		"Page": func() error {
			_, err := db.MustCompile[item]("-- name: Page :many\nSELECT id, name FROM items").
				Page(ctx, pg, db.Pager{Keys: []db.Order{db.Asc("id")}}, "", 2)
			return err
		},
		"GatherOne":   gather(read("GatherOne", "SELECT 1 AS j").GatherOne()),
		"GatherAll":   gather(read("GatherAll", "SELECT 1 AS k").GatherAll()),
		"GatherBuilt": gather(db.GatherOne[int](db.SQL("-- name: GatherBuilt :one\nSELECT 1 AS l"))),
	}
	logged := make(map[string]bool)
	for name, run := range runs {
		for range 30 { // ten lines a second are logged, and other statements are slow too
			must(t)(nil, run())
			for _, line := range log.take(t) {
				logged[line.Name] = true
			}
			if logged[name] {
				break
			}
			time.Sleep(50 * time.Millisecond)
		}
		if !logged[name] {
			t.Errorf("%s: no slow statement has the name", name)
		}
	}
	for name := range runs {
		if !slices.ContainsFunc(pg.Stats().Statements, func(st db.StatementStats) bool { return st.Name == name }) {
			t.Errorf("%s: no statement in Stats has the name", name)
		}
	}
}

// Statements that differ only in their names share one prepared statement, and
// each is counted under its own name.
func TestNamesCostNoPreparedStatement(t *testing.T) {
	t.Parallel()
	pg := openOne(t)
	for i, name := range []string{"", "First", "Second"} {
		comment := ""
		if name != "" {
			comment = "-- name: " + name + " :one\n"
		}
		stmt := db.MustCompile[int](comment + "SELECT count(*)::int FROM items")
		for range i + 1 {
			if n, err := stmt.One(t.Context(), pg); err != nil || n != 10 {
				t.Errorf("%q: %d, error %v", name, n, err)
			}
		}
		gathered := stmt.GatherOne()
		must(t)(nil, db.Gather(t.Context(), pg, gathered))
		if !slices.ContainsFunc(pg.Stats().Statements, func(st db.StatementStats) bool { return st.Name == name && st.Calls == int64(i)+2 }) {
			t.Errorf("%q: not in %+v", name, pg.Stats().Statements)
		}
	}
	if n := count(t, pg, "SELECT count(*)::int FROM pg_prepared_statements WHERE statement LIKE '%from items'"); n != 1 {
		t.Errorf("%d prepared statements, want 1", n)
	}
}
