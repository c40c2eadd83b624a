package querycache_test

import (
	"context"
	"reflect"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/integration/pgtest"
	"github.com/headrace/headrace/querycache"
)

// A pool with a hook that sees the caller's context requires a Scope. The hook
// of Options.Prepare does not.
func TestContextHooksRequireScope(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil, minute)
	url := b.pg.Pool().Config().ConnString()
	pg := pgtest.Open(t, url, &db.Options{Prepare: []db.Compiled{nameByID}})
	if _, err := b.cache.ReadThrough(pg, minute); err != nil {
		t.Errorf("a handle with Options.Prepare: %v", err)
	}
	cfg, err := pgxpool.ParseConfig(url)
	if err != nil {
		t.Fatal(err)
	}
	cfg.PrepareConn = func(context.Context, *pgx.Conn) (bool, error) { return true, nil }
	for _, opts := range []*db.Options{nil, {Prepare: []db.Compiled{nameByID}}} {
		hooked, err := db.OpenConfig(t.Context(), cfg, opts)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(hooked.Close)
		if _, err := b.cache.ReadThrough(hooked, minute); err == nil || !strings.Contains(err.Error(), "Scope") {
			t.Errorf("a handle with a hook of the program's: %v", err)
		}
	}
}

// Writes through a followed handle invalidate entries of all handles to the
// same database, and of no other database.
func TestHandlesOfOneDatabase(t *testing.T) {
	t.Parallel()
	b, elsewhere := following(t, minute), newBench(t, nil, minute)
	second := pgtest.Open(t, b.pg.Pool().Config().ConnString()+"&application_name=second", nil)
	b.follow(second)
	var err error
	if elsewhere.reads, err = b.cache.ReadThrough(elsewhere.pg, minute); err != nil {
		t.Fatal(err)
	}
	b.name(1)
	elsewhere.name(1)
	b.exec(second, "UPDATE cities SET name = 'by the second' WHERE id = 1")
	if got := b.name(1); got != "by the second" {
		t.Errorf("read %q", got)
	}
	elsewhere.name(1)
	b.want(querycache.MissCold, querycache.MissCold, querycache.MissInvalidated, querycache.Hit)
}

// InvalidateTables uses the current names of tables and accepts names of views.
func TestInvalidateTablesByNewNames(t *testing.T) {
	t.Parallel()
	b := following(t, minute)
	b.name(1)
	b.exec(b.pg, "ALTER TABLE cities RENAME TO towns")
	b.exec(b.pg, "CREATE VIEW seen AS SELECT * FROM towns")
	for _, c := range []struct{ sql, name string }{
		{"SELECT name FROM towns WHERE id = 1", "towns"},
		{"SELECT name FROM seen WHERE id = 1", "public.seen"},
		{"SELECT count(*)::text FROM seen", "seen"},
	} {
		read := func() string {
			s, err := db.One[string](t.Context(), b.reads, db.SQL(c.sql))
			if err != nil {
				t.Fatal(err)
			}
			return s
		}
		before := read()
		b.exec(b.other, "UPDATE towns SET name = name || '!' WHERE id = 1")
		b.exec(b.other, "INSERT INTO towns SELECT max(id) + 1, 'new' FROM towns")
		if read() != before {
			t.Fatalf("%s was not stored: %+v", c.sql, b.reads.Explain(t.Context(), c.sql))
		}
		if !b.cache.InvalidateTables(c.name) {
			t.Errorf("nothing is known under the name %s", c.name)
		}
		if read() == before {
			t.Errorf("InvalidateTables(%s) left the entry of %s", c.name, c.sql)
		}
	}
	if b.cache.InvalidateTables("cities") {
		t.Error("the old name is still known")
	}
}

// AppendTo hits the entry of All. With Bypass it queries the server.
func TestAppendToIsServedFromTheCache(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil, minute)
	want, err := cities.All(t.Context(), b.reads, 20)
	if err != nil || len(want) != 20 {
		t.Fatal(want, err)
	}
	b.want(querycache.MissCold)
	rows := want[:1:1]
	for _, ctx := range []context.Context{t.Context(), t.Context(), querycache.Bypass(t.Context())} {
		if rows, err = cities.AppendTo(ctx, b.reads, rows[:1], 20); err != nil || !reflect.DeepEqual(rows[1:], want) {
			t.Fatalf("got %v, error %v, want %v", rows, err, want)
		}
	}
	b.want(querycache.Hit, querycache.Hit, querycache.Bypassed)
	if rows, err = cities.AppendTo(t.Context(), b.reads, rows[:0], 20); err != nil {
		t.Fatal(err)
	}
	for i := range rows {
		rows[i].Name, rows[i].Tags[0] = "changed", "changed"
	}
	if again, err := cities.AppendTo(t.Context(), b.reads, nil, 20); err != nil || !reflect.DeepEqual(again, want) {
		t.Errorf("a caller changed a stored value: %v, error %v", again, err)
	}
	b.want(querycache.Hit, querycache.Hit)
}
