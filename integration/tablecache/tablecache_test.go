// Package tablecache_test holds the tests of package tablecache that need a
// server.
package tablecache_test

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/integration/faultproxy"
	"github.com/headrace/headrace/integration/pgserver"
	"github.com/headrace/headrace/integration/pgtest"
	"github.com/headrace/headrace/integration/tiertest"
	"github.com/headrace/headrace/migrations"
	"github.com/headrace/headrace/querycache"
	"github.com/headrace/headrace/querycache/tablecache"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// installed returns the address of a database with the tables.
func installed(t *testing.T) (url string, pg *db.DB) {
	t.Helper()
	url = pgtest.New(t)
	pg = pgtest.Open(t, url, nil)
	if err := migrations.Install(t.Context(), pg.Pool()); err != nil {
		t.Fatal(err)
	}
	return url, pg
}

func open(t *testing.T, url string, opts *tablecache.Options) *tablecache.Tier {
	t.Helper()
	tier, err := tablecache.New(t.Context(), url, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(tier.Close)
	return tier
}

func exec(t *testing.T, pg *db.DB, sql string, args ...any) {
	t.Helper()
	if _, err := pg.Exec(t.Context(), sql, args...); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

func TestContract(t *testing.T) {
	t.Parallel()
	url, _ := installed(t)
	tiertest.Run(t, func(t *testing.T) querycache.Tier { return open(t, url, nil) })
}

// Versions that are lost are replaced by new ones.
func TestLoss(t *testing.T) {
	t.Parallel()
	t.Run("truncate", func(t *testing.T) {
		t.Parallel()
		url, pg := installed(t)
		tiertest.RunLoss(t, func(t *testing.T) querycache.Tier { return open(t, url, nil) }, func(t *testing.T) {
			exec(t, pg, "TRUNCATE headrace.cache_entries, headrace.cache_versions")
		})
	})
	t.Run("crash", func(t *testing.T) {
		t.Parallel()
		server, err := pgserver.Private(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = server.Close() })
		pg := pgtest.Open(t, server.ConnString(), nil)
		if err := migrations.Install(t.Context(), pg.Pool()); err != nil {
			t.Fatal(err)
		}
		tier := open(t, server.ConnString(), nil)
		ctx := context.WithoutCancel(t.Context())
		if err := tier.Set(ctx, "key", []byte("value"), time.Minute); err != nil {
			t.Fatal(err)
		}
		before, err := tier.Get(ctx, "key", []string{"a"})
		if err != nil || string(before.Value) != "value" {
			t.Fatal(before, err)
		}
		if err := server.Kill(ctx); err != nil { // as a crash
			t.Fatal(err)
		}
		if err := server.Restart(ctx); err != nil {
			t.Fatal(err)
		}
		var after querycache.TierValue
		for range 100 {
			if after, err = tier.Get(ctx, "key", []string{"a"}); err == nil {
				break
			}
			time.Sleep(100 * time.Millisecond)
		}
		if err != nil || after.Value != nil || after.Versions[0] == before.Versions[0] {
			t.Errorf("after the crash: got %+v, %v, before it %+v", after, err, before)
		}
	})
}

// A Tier works behind a cache that follows the handle with the tables, whatever
// the size of its pool.
func TestBehindACache(t *testing.T) {
	t.Parallel()
	url, _ := installed(t)
	pg := pgtest.Open(t, url+"&pool_max_conns=1", nil, "CREATE TABLE cities (id int PRIMARY KEY, name text)", "INSERT INTO cities VALUES (1, 'a')")
	name := db.MustCompile[string]("SELECT name FROM cities WHERE id = $1")
	process := func() (*querycache.Cache, *querycache.ReadThrough) {
		cache, err := querycache.New(&querycache.Options{Tiers: []querycache.Tier{open(t, url, nil)}, TierTimeout: 10 * time.Second})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(cache.Close)
		if _, err := cache.Follow(pg); err != nil {
			t.Fatal(err)
		}
		reads, err := cache.ReadThrough(pg, querycache.Policy{TTL: time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		return cache, reads
	}
	cache, reads := process()
	for i := range 20 {
		want := fmt.Sprint("name ", i)
		exec(t, pg, "UPDATE cities SET name = $1", want)
		if got, err := name.One(t.Context(), reads, 1); err != nil || got != want {
			t.Fatalf("round %d: got %q, %v, want %q", i, got, err, want)
		}
	}
	if s := cache.Stats().Tiers[0]; s.Errors > 0 || s.Raises < 20 || s.Passed > 0 {
		t.Errorf("got %+v", s)
	}
	for until := time.Now().Add(20 * time.Second); ; { // the result is stored after it was returned
		other, reads := process()
		if got, err := name.One(t.Context(), reads, 1); err != nil || got != "name 19" {
			t.Fatalf("another process: got %q, %v", got, err)
		}
		if other.Stats().Tiers[0].Hits == 1 {
			break
		}
		if time.Now().After(until) {
			t.Fatalf("another process: %+v", other.Stats().Tiers)
		}
	}
}

// Raises of the same names in any order, by several Tiers, do not wait for each
// other in a circle.
func TestRaisesDoNotDeadlock(t *testing.T) {
	t.Parallel()
	url, _ := installed(t)
	errs := make(chan error)
	const tiers, rounds = 4, 100
	for i := range tiers {
		tier := open(t, url, nil)
		go func() {
			for range rounds {
				names := []string{"a", "b", "c", "d"}
				if i%2 == 0 {
					names = []string{"d", "c", "b", "a"}
				}
				if err := tier.Raise(t.Context(), names); err != nil {
					errs <- err
					return
				}
			}
			errs <- nil
		}()
	}
	for range tiers {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
}

// New reports what the server refuses, and what to do.
func TestRefusals(t *testing.T) {
	t.Parallel()
	empty := pgtest.New(t)
	full, pg := installed(t)
	role := fmt.Sprintf("tablecache_%d", time.Now().UnixNano())
	exec(t, pg, "CREATE ROLE "+role+" LOGIN PASSWORD 'secret'")
	t.Cleanup(func() {
		ctx := context.Background()
		_, _ = pg.Exec(ctx, "DROP OWNED BY "+role)
		_, _ = pg.Exec(ctx, "DROP ROLE "+role)
	})
	exec(t, pg, "GRANT USAGE ON SCHEMA headrace TO "+role)
	exec(t, pg, "GRANT SELECT ON headrace.cache_entries, headrace.cache_versions TO "+role)
	as := func(user, password string) string {
		u, err := url.Parse(full)
		if err != nil {
			t.Fatal(err)
		}
		u.User = url.UserPassword(user, password)
		return u.String()
	}
	for _, c := range []struct {
		what, url string
		opts      *tablecache.Options
		want      string
	}{
		{"no tables", empty, nil, "migrations.Install"},
		{"no rights", as(role, "secret"), nil, "needs SELECT, INSERT, UPDATE and DELETE"},
		{"read-only", full + "&default_transaction_read_only=on", nil, "read-only"},
		{"a bad bound", full, &tablecache.Options{MaxBytes: -1}, "MaxBytes: -1 is negative"},
		{"a bad number", full, &tablecache.Options{MaxConns: -1}, "MaxConns: -1 is negative"},
		{"a bad address", "postgres://%zz", nil, "tablecache: "},
	} {
		tier, err := tablecache.New(t.Context(), c.url, c.opts)
		if err == nil {
			tier.Close()
		}
		if err == nil || !strings.HasPrefix(err.Error(), "tablecache: ") || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want an error with %q", c.what, err, c.want)
		}
	}
}

// A standby is refused, and a Tier whose server becomes one fails until it is
// promoted.
func TestStandby(t *testing.T) {
	t.Parallel()
	server := pgtest.Private(t, nil)
	pg := pgtest.Open(t, server.ConnString(), nil)
	if err := migrations.Install(t.Context(), pg.Pool()); err != nil {
		t.Fatal(err)
	}
	tier := open(t, server.ConnString(), nil)
	before, err := tier.Get(t.Context(), "key", []string{"a"})
	if err != nil {
		t.Fatal(err)
	}
	exec(t, pg, "COPY (SELECT 1) TO PROGRAM 'cat > standby.signal'") // in the data directory
	if err := server.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := server.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	for until := time.Now().Add(30 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		refused, err := tablecache.New(t.Context(), server.ConnString(), nil)
		if err != nil && strings.Contains(err.Error(), "the server is a standby") {
			break
		}
		if err == nil {
			refused.Close() // not up yet
		}
		if time.Now().After(until) {
			t.Fatalf("got %v", err)
		}
	}
	if err := tier.Raise(t.Context(), []string{"a"}); err == nil {
		t.Error("a raise succeeded on a standby")
	}
	exec(t, pg, "SELECT pg_promote()")
	for until := time.Now().Add(30 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		after, err := tier.Get(t.Context(), "key", []string{"a"})
		if err == nil {
			if after.Versions[0] == before.Versions[0] {
				t.Error("a version is from before the recovery")
			}
			break
		}
		if time.Now().After(until) {
			t.Fatal(err)
		}
	}
}

// A server that cannot be reached at the start is used once it can be.
func TestServerAwayAtStart(t *testing.T) {
	t.Parallel()
	direct, pg := installed(t)
	cfg := pg.Pool().Config().ConnConfig
	proxy, err := faultproxy.Start(fmt.Sprintf("%s:%d", cfg.Host, cfg.Port))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = proxy.Close() })
	through, err := proxy.ConnString(direct)
	if err != nil {
		t.Fatal(err)
	}
	proxy.Refuse(true)
	tier := open(t, through, nil)
	if err := tier.Raise(t.Context(), []string{"a"}); err == nil {
		t.Error("a raise succeeded without a server")
	}
	proxy.Refuse(false)
	if err := tier.Raise(t.Context(), []string{"a"}); err != nil {
		t.Error(err)
	}
}
