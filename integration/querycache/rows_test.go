package querycache_test

import (
	"context"
	"runtime"
	"testing"

	"github.com/georgysavva/scany/v2/pgxscan"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/querycache"
)

// Stats.Bytes matches the heap for typed rows and wire rows from a server.
func TestAccountOfRealRows(t *testing.T) { // not parallel: it measures the heap
	b := newBench(t, &querycache.Options{MaxBytes: 64 << 20}, minute)
	b.exec(b.pg, "INSERT INTO cities SELECT i, 'city number ' || i, CASE WHEN i % 3 > 0 THEN ARRAY['a', 'b' || i] END FROM generate_series(101, 12000) i")
	heap := func() int64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.GC()
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	for what, read := range map[string]func(id int) error{
		"typed rows": func(id int) error { _, err := cityByID.One(t.Context(), b.reads, id); return err },
		"lists":      func(id int) error { _, err := cities.All(t.Context(), b.reads, id%60); return err },
		"wire rows": func(id int) error {
			rows, err := b.reads.Query(t.Context(), "SELECT id, name, tags FROM cities WHERE id = $1", id)
			if err == nil {
				rows.Close()
			}
			return err
		},
	} {
		if err := read(1); err != nil { // what is made once
			t.Fatal(err)
		}
		right := false
		for range 3 { // memory of other tests may be freed meanwhile
			b.cache.InvalidateAll()
			before := heap()
			for id := range 12000 {
				if err := read(id + 1); err != nil {
					t.Fatal(err)
				}
			}
			used, s := heap()-before, b.cache.Stats()
			ratio := float64(used) / float64(s.Bytes)
			t.Logf("%s: %d entries, %d bytes of heap each, %d accounted: %.2f", what, s.Entries, used/int64(s.Entries), s.Bytes/int64(s.Entries), ratio)
			if right = s.Entries < 1000 || ratio > 0.9 && ratio < 1.1; right {
				break
			}
		}
		if !right {
			t.Errorf("%s: the heap is not what is accounted for", what)
		}
	}
	runtime.KeepAlive(b)
}

// scany works with the cached handle as with a pool.
func TestScanyThroughTheCache(t *testing.T) {
	t.Parallel()
	b := following(t, minute)
	read := func() []*city {
		var got []*city
		if err := pgxscan.Select(t.Context(), b.reads, &got, "SELECT id, name, tags FROM cities WHERE id <= $1 ORDER BY id", 3); err != nil {
			t.Fatal(err)
		}
		var one city
		if err := pgxscan.Get(t.Context(), b.reads, &one, "SELECT id, name, tags FROM cities WHERE id = $1", 2); err != nil || one.Name != got[1].Name {
			t.Fatal(one, err)
		}
		return got
	}
	read()
	if got := read(); len(got) != 3 || got[2].Name != "city 3" || len(got[2].Tags) != 2 {
		t.Errorf("read %v", got)
	}
	b.want(querycache.MissCold, querycache.MissCold, querycache.Hit, querycache.Hit)
	b.exec(b.pg, "UPDATE cities SET name = 'new' WHERE id = 2")
	if got := read(); got[1].Name != "new" {
		t.Errorf("read %q after a write", got[1].Name)
	}
}

type tenantKey struct{}

func tenantOf(ctx context.Context) string { s, _ := ctx.Value(tenantKey{}).(string); return s }

// With row security, and roles and settings from the caller's context, each
// tenant gets its own rows from the cache and sees its own writes.
func TestRowSecurityByScope(t *testing.T) {
	t.Parallel()
	b := newBench(t, &querycache.Options{Scope: func(ctx context.Context) (string, bool) { return tenantOf(ctx), tenantOf(ctx) != "" }}, minute)
	role := "tenant_of_" + b.pg.Pool().Config().ConnConfig.Database
	for _, sql := range []string{
		"CREATE TABLE notes (tenant text, note text)", "INSERT INTO notes VALUES ('a', 'of a'), ('b', 'of b')",
		"ALTER TABLE notes ENABLE ROW LEVEL SECURITY", "CREATE POLICY own ON notes USING (tenant = current_setting('app.tenant'))",
		"CREATE ROLE " + role, "GRANT ALL ON notes TO " + role,
	} {
		b.exec(b.other, sql)
	}
	t.Cleanup(func() {
		ctx := context.WithoutCancel(t.Context())
		_, _ = b.other.Exec(ctx, "DROP TABLE notes")
		_, _ = b.other.Exec(ctx, "DROP ROLE "+role)
	})
	pg, reads := b.singly(func(cfg *pgxpool.Config) {
		cfg.PrepareConn = func(ctx context.Context, conn *pgx.Conn) (bool, error) {
			err := conn.PgConn().Exec(ctx, "SET ROLE "+role+"; SET app.tenant = '"+tenantOf(ctx)+"'").Close()
			return err == nil, err
		}
	})
	note := func(tenant string) string {
		s, err := db.One[string](context.WithValue(t.Context(), tenantKey{}, tenant), reads, db.SQL("SELECT note FROM notes"))
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	for range 2 {
		if a, b := note("a"), note("b"); a != "of a" || b != "of b" {
			t.Errorf("a reads %q, b reads %q", a, b)
		}
	}
	if hits := b.cache.Stats().Lookups[querycache.Hit]; hits != 2 {
		t.Errorf("%d hits: %v; %+v", hits, b.cache.Stats().Lookups, reads.Explain(context.WithValue(t.Context(), tenantKey{}, "a"), "SELECT note FROM notes"))
	}
	if _, err := pg.Exec(context.WithValue(t.Context(), tenantKey{}, "a"), "UPDATE notes SET note = 'new'"); err != nil {
		t.Fatal(err)
	}
	if a, b := note("a"), note("b"); a != "new" || b != "of b" {
		t.Errorf("after a's write: a reads %q, b reads %q", a, b)
	}
}
