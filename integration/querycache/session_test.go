package querycache_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/querycache"
)

// singly returns a cached handle over a pool of one connection, so that it is
// known on which connection a load runs.
func (b *bench) singly(hooks func(*pgxpool.Config)) (*db.DB, *querycache.ReadThrough) {
	b.Helper()
	cfg := b.pg.Pool().Config()
	cfg.ConnConfig.Tracer = nil
	cfg.AfterConnect, cfg.PrepareConn, cfg.MaxConns, cfg.MinConns = nil, nil, 1, 0
	if hooks != nil {
		hooks(cfg)
	}
	pg, err := db.OpenConfig(b.Context(), cfg, nil)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(pg.Close)
	reads, err := b.cache.ReadThrough(pg, querycache.Policy{TTL: -1})
	if err != nil {
		b.Fatal(err)
	}
	b.follow(pg)
	return pg, reads
}

// A caller's changes to a pooled session affect the next load in it, and no
// other reads.
func TestChangedSessionsAnswerNobodyElse(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil, minute)
	for _, sql := range []string{
		"CREATE SCHEMA s2", "CREATE TABLE s2.cities (id int PRIMARY KEY, name text)", "INSERT INTO s2.cities VALUES (1, 'of s2')",
		"CREATE FUNCTION moves() RETURNS text LANGUAGE plpgsql AS $$ BEGIN SET TIME ZONE 'Asia/Tokyo'; RETURN ''; END $$",
	} {
		b.exec(b.pg, sql)
	}
	const (
		name = "SELECT name FROM cities WHERE id = 1"
		zone = "SELECT '2024-01-01 00:00+00'::timestamptz::text || id FROM cities WHERE id = 1"
	)
	for _, c := range []struct{ change, back, sql string }{
		{"SET search_path = s2", "RESET search_path", name},
		{"SET search_path = s2", "DISCARD ALL", name},
		{"SELECT set_config('search_path', 's2', false)", "RESET search_path", name},
		{"DO $$ BEGIN SET search_path = s2; END $$", "RESET search_path", name},
		{"SET TIME ZONE 'Asia/Tokyo'", "RESET TIME ZONE", zone},
		{"SELECT moves()", "RESET TIME ZONE", zone},
		{"CREATE TEMP TABLE cities (id int, name text); INSERT INTO cities VALUES (1, 'secret')", "DISCARD TEMP", name},
	} {
		pg, reads := b.singly(nil)
		ask := func() string {
			s, err := db.One[string](t.Context(), reads, db.SQL(c.sql))
			if err != nil {
				t.Fatalf("%s: %v", c.change, err)
			}
			return s
		}
		b.exec(pg, c.change)
		before := b.cache.Stats().Lookups[querycache.RefusedSession] + b.cache.Stats().Lookups[querycache.RefusedStatement]
		odd := ask()
		if n := b.cache.Stats().Lookups[querycache.RefusedSession] + b.cache.Stats().Lookups[querycache.RefusedStatement]; n != before+1 {
			t.Errorf("%s: the load was not refused: %v", c.change, b.cache.Stats().Lookups)
		}
		b.exec(pg, c.back)
		if got := ask(); got == odd {
			t.Errorf("after %s and %s: still %q", c.change, c.back, got)
		}
	}
}

// Settings that the hooks of the pool make do not count as changes.
func TestHooksDoNotChangeSessions(t *testing.T) {
	t.Parallel()
	b := newBench(t, &querycache.Options{Scope: func(context.Context) (string, bool) { return "", true }}, minute)
	set := func(ctx context.Context, conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, "SET app.tenant = 'x'")
		if err == nil {
			_, err = conn.Exec(ctx, "SET TIME ZONE 'Asia/Tokyo'")
		}
		return err
	}
	for what, hooks := range map[string]func(*pgxpool.Config){
		"AfterConnect": func(cfg *pgxpool.Config) { cfg.AfterConnect = set },
		"PrepareConn": func(cfg *pgxpool.Config) {
			cfg.PrepareConn = func(ctx context.Context, conn *pgx.Conn) (bool, error) { return true, set(ctx, conn) }
		},
	} {
		pg, reads := b.singly(hooks)
		hits := b.cache.Stats().Lookups[querycache.Hit]
		for range 3 {
			if _, err := nameByID.One(t.Context(), reads, 1); err != nil {
				t.Fatal(err)
			}
		}
		if n := b.cache.Stats().Lookups[querycache.Hit]; n != hits+2 {
			t.Errorf("%s: %v", what, b.cache.Stats().Lookups)
		}
		b.exec(pg, "DISCARD ALL") // undoes what AfterConnect has set
		if _, err := nameByID.One(t.Context(), reads, 2); err != nil {
			t.Fatal(err)
		}
		if b.cache.Stats().Lookups[querycache.RefusedSession] == 0 {
			t.Errorf("%s: after DISCARD ALL: %v", what, b.cache.Stats().Lookups)
		}
		b.cache.InvalidateAll()
	}
}

// A temporary table that a function leaves hides the permanent table only in
// its own session.
func TestTemporaryTablesOfFunctions(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil, minute)
	const hide = "CREATE TEMP TABLE cities (id int, name text, tags text[])"
	for _, sql := range []string{
		"CREATE PROCEDURE hide() LANGUAGE plpgsql AS $$ BEGIN " + hide + "; END $$",
		"CREATE PROCEDURE hide_twice() LANGUAGE plpgsql AS $$ BEGIN CALL hide(); COMMIT; END $$",
		"CREATE PROCEDURE hide_by_text() LANGUAGE plpgsql AS $$ BEGIN EXECUTE '" + hide + "'; END $$",
		"CREATE PROCEDURE hide_by_view() LANGUAGE plpgsql AS $$ BEGIN CREATE TEMPORARY VIEW cities AS SELECT 1 AS id, 'x' AS name WHERE false; END $$",
		"CREATE PROCEDURE hide_and_drop() LANGUAGE plpgsql AS $$ BEGIN " + hide + "; COMMIT; DROP TABLE IF EXISTS nothing; END $$",
		"CREATE FUNCTION hides() RETURNS int LANGUAGE plpgsql AS $$ BEGIN " + hide + "; RETURN 1; END $$",
		"CREATE TABLE hiding (id int)",
		"CREATE FUNCTION hide_after() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN " + hide + "; RETURN NULL; END $$",
		"CREATE TRIGGER hide AFTER INSERT ON hiding FOR EACH ROW EXECUTE FUNCTION hide_after()",
		"CREATE FUNCTION hides_briefly() RETURNS int LANGUAGE plpgsql AS $$ BEGIN " + hide + " ON COMMIT DROP; RETURN 1; END $$",
	} {
		b.exec(b.other, sql)
	}
	for _, call := range []string{
		"CALL hide()", "CALL hide_twice()", "CALL hide_by_text()", "CALL hide_by_view()", "CALL hide_and_drop()", "SELECT hides()", "INSERT INTO hiding VALUES (1)", "SELECT hides_briefly()",
	} {
		for range 2 { // what the call does is known the second time
			pg, reads := b.singly(nil)
			b.exec(pg, call)
			kept := false
			for range 200 { // until it is known what the call did
				before := b.cache.Stats().Lookups
				if _, err := db.All[string](t.Context(), reads, db.SQL(nameOfCity, 1)); err != nil {
					t.Fatal(err)
				}
				now := b.cache.Stats().Lookups
				if kept = now[querycache.Hit] > before[querycache.Hit]; kept || now[querycache.RefusedSession] > before[querycache.RefusedSession] {
					break
				}
				time.Sleep(5 * time.Millisecond)
			}
			if want := call == "SELECT hides_briefly()"; kept != want {
				t.Errorf("after %s: stored %v, want %v", call, kept, want)
			}
			if e := reads.Explain(t.Context(), nameOfCity); !kept && !strings.Contains(e.Detail, "hid") {
				t.Errorf("after %s: explained as %q", call, e.Detail)
			}
			b.exec(pg, "DISCARD ALL")
			if got, err := db.One[string](t.Context(), reads, db.SQL(nameOfCity, 1)); err != nil || got != "city 1" {
				t.Errorf("after %s and DISCARD ALL: %q, %v", call, got, err)
			}
		}
	}
}
