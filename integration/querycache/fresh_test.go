package querycache_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/querycache"
)

// Each kind of write by the program is seen by the next cached read.
func TestOwnWritesAreSeen(t *testing.T) {
	t.Parallel()
	b := following(t, minute)
	inTx := func(run func(tx pgx.Tx)) {
		if err := b.pg.InTx(t.Context(), db.TxOptions{}, func(tx pgx.Tx) error { run(tx); return nil }); err != nil {
			t.Fatal(err)
		}
	}
	for _, w := range []struct {
		what string
		run  func()
		want string
	}{
		{"Exec", func() { b.exec(b.pg, "UPDATE cities SET name = 'exec' WHERE id = 1") }, "exec"},
		{"the cached handle's Exec", func() { b.exec(b.reads, "UPDATE cities SET name = 'cached' WHERE id = 1") }, "cached"},
		{"the pool", func() { b.exec(b.pg.Pool(), "UPDATE cities SET name = $1 WHERE id = 1", "pool") }, "pool"},
		{"a transaction", func() { inTx(func(tx pgx.Tx) { b.exec(tx, "UPDATE cities SET name = 'tx' WHERE id = 1") }) }, "tx"},
		{"a batch", func() {
			batch := &pgx.Batch{}
			batch.Queue("SELECT 1")
			batch.Queue("UPDATE cities SET name = 'batch' WHERE id = 1")
			if err := b.pg.SendBatch(t.Context(), batch).Close(); err != nil {
				t.Fatal(err)
			}
		}, "batch"},
		{"a function that cannot be looked into", func() {
			b.exec(b.pg, "DO $$ BEGIN UPDATE cities SET name = 'do' WHERE id = 1; END $$")
		}, "do"},
		{"DELETE and COPY", func() {
			inTx(func(tx pgx.Tx) {
				b.exec(tx, "DELETE FROM cities WHERE id = 1")
				rows := pgx.CopyFromRows([][]any{{1, "copy"}})
				if _, err := tx.CopyFrom(t.Context(), pgx.Identifier{"cities"}, []string{"id", "name"}, rows); err != nil {
					t.Fatal(err)
				}
			})
		}, "copy"},
	} {
		b.resolve()
		before := b.name(1)
		if b.name(1) != before {
			t.Fatal("two reads differ")
		}
		hits := b.cache.Stats().Answered()
		if b.name(1); b.cache.Stats().Answered() != hits+1 {
			t.Errorf("before %s: the read was not served from the cache", w.what)
		}
		w.run()
		if got := b.name(1); got != w.want {
			t.Errorf("after %s: read %q, want %q", w.what, got, w.want)
		}
	}
}

// A commit in a batch is seen once its result is read. A write that returns
// rows is seen once the rows are closed.
func TestWritesAreSeenAtTheEndOfTheirResult(t *testing.T) {
	t.Parallel()
	b := following(t, minute)
	b.name(1)
	batch := &pgx.Batch{}
	for _, sql := range []string{"BEGIN", "UPDATE cities SET name = 'batch' WHERE id = 1", "COMMIT", "SELECT pg_sleep(0.1)"} {
		batch.Queue(sql)
	}
	results := b.pg.SendBatch(t.Context(), batch)
	for range 3 {
		if _, err := results.Exec(); err != nil {
			t.Fatal(err)
		}
	}
	if got := b.name(1); got != "batch" {
		t.Errorf("read %q after the result of COMMIT", got)
	}
	if err := results.Close(); err != nil {
		t.Fatal(err)
	}
	rows, err := b.pg.Query(t.Context(), "UPDATE cities SET name = 'returned' WHERE id = 1 RETURNING id")
	if err != nil {
		t.Fatal(err)
	}
	for rows.Next() {
		b.name(1) // of before or after
	}
	if got := b.name(1); got != "returned" || rows.Err() != nil {
		t.Errorf("read %q after the rows, error %v", got, rows.Err())
	}
}

// A write that changes no row invalidates nothing.
func TestWriteOfNoRowsInvalidatesNothing(t *testing.T) {
	t.Parallel()
	b := following(t, minute)
	b.name(1)
	b.want(querycache.MissCold)
	for range 2 {
		b.exec(b.pg, "UPDATE cities SET name = name WHERE id = -1")
		b.exec(b.pg, "INSERT INTO cities (id, name) VALUES (1, 'again') ON CONFLICT DO NOTHING")
		b.name(1)
		b.want(querycache.Hit)
	}
}

// The writes of an event trigger are seen.
func TestWritesOfEventTriggersAreSeen(t *testing.T) {
	t.Parallel()
	b := following(t, minute)
	b.exec(b.pg, "CREATE FUNCTION rename() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN UPDATE public.cities SET name = name || '+' WHERE id = 1; END $$")
	b.exec(b.pg, "CREATE EVENT TRIGGER rename ON ddl_command_end EXECUTE FUNCTION rename()")
	for _, sql := range []string{
		"CREATE TABLE lakes (id int PRIMARY KEY)", "CREATE TEMP TABLE IF NOT EXISTS mine (id int)", "SELECT 1 AS id INTO ponds",
		"COMMENT ON TABLE lakes IS 'lakes'", "REINDEX TABLE lakes", "CREATE INDEX ON ponds (id)", "DROP TABLE lakes, ponds",
	} {
		b.name(1)
		b.exec(b.pg, sql)
		want, err := nameByID.One(t.Context(), b.pg, 1)
		if got := b.name(1); err != nil || got != want {
			t.Errorf("after %s: read %q, want %q, error %v", sql, got, want, err)
		}
	}
}

func TestRollbackDropsNothing(t *testing.T) {
	t.Parallel()
	b := following(t, minute)
	b.name(1)
	b.want(querycache.MissCold)
	failed := errors.New("changed my mind")
	err := b.pg.InTx(t.Context(), db.TxOptions{}, func(tx pgx.Tx) error {
		b.exec(tx, "UPDATE cities SET name = 'never' WHERE id = 1")
		if got := b.name(1); got != "city 1" {
			t.Errorf("read %q, which is not committed", got)
		}
		return failed
	})
	if !errors.Is(err, failed) {
		t.Fatal(err)
	}
	if got := b.name(1); got != "city 1" {
		t.Errorf("read %q", got)
	}
	b.want(querycache.Hit, querycache.Hit)
}

func TestOnlyDependentEntriesAreInvalidated(t *testing.T) {
	t.Parallel()
	b := following(t, minute)
	rivers := db.MustCompile[string]("SELECT name FROM rivers WHERE id = $1")
	ask := func() {
		b.name(1)
		if _, err := rivers.One(t.Context(), b.reads, 1); err != nil {
			t.Fatal(err)
		}
	}
	ask()
	b.want(querycache.MissCold, querycache.MissCold)
	b.exec(b.pg, "UPDATE rivers SET name = 'x' WHERE id = 1")
	ask()
	b.want(querycache.Hit, querycache.MissInvalidated)
	b.cache.InvalidateTables("cities")
	ask()
	b.want(querycache.MissInvalidated, querycache.Hit)
	b.cache.InvalidateTables("public.rivers", "elsewhere.cities")
	ask()
	b.want(querycache.Hit, querycache.MissInvalidated)
	b.cache.InvalidateStatements("CityByID")
	ask()
	b.want(querycache.MissInvalidated, querycache.Hit)
	b.cache.InvalidateAll()
	ask()
	b.want(querycache.MissCold, querycache.MissCold)
}

// A view that is recreated changes results although no row is written.
func TestOwnDDLIsSeen(t *testing.T) {
	t.Parallel()
	b := following(t, minute)
	b.exec(b.pg, "CREATE VIEW v AS SELECT name FROM cities WHERE id = 1")
	read := func() string {
		s, err := db.One[string](t.Context(), b.reads, db.SQL("SELECT name FROM v"))
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	read()
	b.exec(b.pg, "CREATE OR REPLACE VIEW v AS SELECT name FROM rivers WHERE id = 1")
	if got := read(); got != "river 1" {
		t.Errorf("read %q after the view was recreated", got)
	}
	b.exec(b.pg, "UPDATE rivers SET name = 'new' WHERE id = 1")
	if got := read(); got != "new" {
		t.Errorf("read %q after the view's new table changed", got)
	}
}

// A write by another program is seen when the TTL has passed, and not before.
// If a busy machine needs longer than the TTL for the three statements, the
// test tries a longer TTL.
func TestOthersWritesWaitForTheTTL(t *testing.T) {
	t.Parallel()
	b := following(t, minute)
	for ttl := 200 * time.Millisecond; ; ttl *= 2 {
		var err error
		if b.reads, err = b.cache.ReadThrough(b.pg, querycache.Policy{TTL: ttl}); err != nil {
			t.Fatal(err)
		}
		begun := time.Now()
		before := b.name(1)
		loaded := time.Now()
		b.exec(b.other, "UPDATE cities SET name = $1 WHERE id = 1", "elsewhere for "+ttl.String())
		got := b.name(1)
		if time.Since(begun) >= ttl {
			t.Logf("nothing to be seen within %v", ttl)
			continue
		}
		if got != before {
			t.Errorf("read %q within the TTL of %v: the read was not served from the cache", got, ttl)
		}
		time.Sleep(time.Until(loaded.Add(ttl)))
		if got := b.name(1); got != "elsewhere for "+ttl.String() {
			t.Errorf("read %q after the TTL of %v", got, ttl)
		}
		return
	}
}

func TestAdoptedPoolIsUnobserved(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil, minute)
	pool, err := pgxpool.New(t.Context(), b.pg.Pool().Config().ConnString())
	if err != nil {
		t.Fatal(err)
	}
	adopted, err := db.New(pool, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(adopted.Close)
	if _, err := b.cache.Follow(adopted); !errors.Is(err, db.ErrUnobserved) {
		t.Errorf("Follow of an adopted pool: %v", err)
	}
	reads, err := b.cache.ReadThrough(adopted, minute)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := nameByID.One(t.Context(), reads, 1); err != nil {
			t.Fatal(err)
		}
	}
	b.want(querycache.MissCold, querycache.Hit)
}

// Tenants that a hook of the pool distinguishes never see each other's rows.
func TestScopeKeepsTenantsApart(t *testing.T) {
	t.Parallel()
	type tenant struct{}
	of := func(ctx context.Context) string { s, _ := ctx.Value(tenant{}).(string); return s }
	b := newBench(t, &querycache.Options{Scope: func(ctx context.Context) (string, bool) { return of(ctx), of(ctx) != "" }}, minute)
	cfg := b.pg.Pool().Config()
	cfg.PrepareConn = func(ctx context.Context, conn *pgx.Conn) (bool, error) {
		_, err := conn.Exec(ctx, "SELECT set_config('app.tenant', $1, false)", of(ctx))
		return true, err
	}
	hooked, err := db.OpenConfig(t.Context(), cfg, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(hooked.Close)
	reads, err := b.cache.ReadThrough(hooked, minute)
	if err != nil {
		t.Fatal(err)
	}
	who := db.MustCompile[string]("SELECT name || ' of ' || current_setting('app.tenant') FROM cities WHERE id = $1")
	for range 3 {
		for _, name := range []string{"alice", "bob", ""} {
			got, err := who.One(context.WithValue(t.Context(), tenant{}, name), reads, 1)
			if err != nil || got != "city 1 of "+name {
				t.Errorf("%s read %q, %v", name, got, err)
			}
		}
	}
	b.want(querycache.MissCold, querycache.MissCold, querycache.Hit, querycache.Hit, querycache.Hit, querycache.Hit,
		querycache.RefusedScope, querycache.RefusedScope, querycache.RefusedScope)
}

// A hook that sets the tenant at each acquire invalidates no entries, and own
// writes are still seen.
func TestFollowUnderATenantsHook(t *testing.T) {
	t.Parallel()
	b := newBench(t, &querycache.Options{Scope: func(context.Context) (string, bool) { return "x", true }}, minute)
	cfg := b.pg.Pool().Config()
	cfg.PrepareConn = func(ctx context.Context, conn *pgx.Conn) (bool, error) {
		_, err := conn.Exec(ctx, "SELECT set_config('app.tenant', $1, false)", "x")
		return true, err
	}
	hooked, err := db.OpenConfig(t.Context(), cfg, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(hooked.Close)
	reads, err := b.cache.ReadThrough(hooked, minute)
	if err != nil {
		t.Fatal(err)
	}
	b.follow(hooked)
	b.exec(hooked, "SELECT 1") // from here on it is known what the hook does
	city := db.MustCompile[string]("SELECT name FROM cities WHERE id = $1")
	river := db.MustCompile[string]("SELECT name FROM rivers WHERE id = $1")
	read := func(st *db.Stmt[string], want string) {
		t.Helper()
		if got, err := st.One(t.Context(), reads, 1); err != nil || got != want {
			t.Errorf("read %q, %v, want %q", got, err, want)
		}
	}
	read(city, "city 1")
	read(river, "river 1") // acquires again
	read(city, "city 1")
	b.want(querycache.MissCold, querycache.MissCold, querycache.Hit)
	b.exec(hooked, "UPDATE cities SET name = 'own' WHERE id = 1")
	read(city, "own")
	read(river, "river 1")
	b.want(querycache.MissInvalidated, querycache.Hit)
}

// CopyRaw writes through the source of a cached handle, whose next read sees
// the rows.
func TestCopyRawThroughTheCachedHandle(t *testing.T) {
	t.Parallel()
	b := following(t, minute)
	b.exec(b.pg, "CREATE TABLE copied (id int)")
	count := func() int64 {
		n, err := db.One[int64](t.Context(), b.reads, db.SQL("SELECT count(*) FROM copied"))
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	if n := count(); n != 0 {
		t.Fatalf("%d rows", n)
	}
	type repository struct{ *querycache.ReadThrough }
	for i, w := range []db.Copier{b.reads, repository{b.reads}} {
		if _, err := db.CopyRaw(t.Context(), w, "COPY copied (id) FROM STDIN", strings.NewReader("41\n")); err != nil {
			t.Fatal(err)
		}
		if n := count(); n != int64(i)+1 {
			t.Errorf("%d rows after %d copies", n, i+1)
		}
	}
}
