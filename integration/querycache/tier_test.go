package querycache_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/integration/faultproxy"
	"github.com/headrace/headrace/integration/pgtest"
	"github.com/headrace/headrace/querycache"
)

// tierOptions are options with a tier, whose calls do not time out on a busy
// machine.
func tierOptions(tiers ...querycache.Tier) *querycache.Options {
	return &querycache.Options{Tiers: tiers, TierTimeout: 5 * time.Second}
}

// process returns what stands for another process with the same database and
// store.
func (b *bench) process(opts *querycache.Options, choose querycache.Chooser) *bench {
	b.Helper()
	return b.through(b.pg.Pool().Config().ConnString(), opts, choose)
}

// through is process with another connection string.
func (b *bench) through(url string, opts *querycache.Options, choose querycache.Chooser) *bench {
	b.Helper()
	return b.with(pgtest.Open(b.T, url, nil), opts, choose)
}

// with is process with a handle.
func (b *bench) with(pg *db.DB, opts *querycache.Options, choose querycache.Chooser) *bench {
	b.Helper()
	p := &bench{T: b.T, pg: pg}
	var err error
	if p.cache, err = querycache.New(opts); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(p.cache.Close)
	if p.reads, err = p.cache.ReadThrough(p.pg, choose); err != nil {
		b.Fatal(err)
	}
	p.follow(p.pg)
	return p
}

// fleet returns two processes with a common store.
func fleet(t *testing.T, choose querycache.Chooser) (one, two *bench, store *memStore) {
	t.Helper()
	store = newMemStore()
	tier := memTier{store, "memory"}
	one = newBench(t, tierOptions(tier), choose)
	one.follow(one.pg)
	return one, one.process(tierOptions(tier), choose), store
}

// stored waits until the store holds what was read.
func (b *bench) stored(n uint64) {
	b.Helper()
	for until := time.Now().Add(20 * time.Second); b.cache.Stats().Tiers[0].Sets < n; time.Sleep(time.Millisecond) {
		if time.Now().After(until) {
			b.Fatalf("got %+v, want %d sets", b.cache.Stats().Tiers[0], n)
		}
	}
}

// back waits until the tier is in use again.
func (b *bench) back() {
	b.Helper()
	for until := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
		s := b.cache.Stats().Tiers[0]
		if !s.Down && s.Pending == 0 {
			return
		}
		if time.Now().After(until) {
			b.Fatalf("the tier stays unused: %+v", s)
		}
	}
}

// Results that one process has loaded serve the reads of another, in every form.
func TestTiersShareResults(t *testing.T) {
	t.Parallel()
	one, two, _ := fleet(t, minute)
	page := db.MustCompile[city]("SELECT id, name, tags FROM cities WHERE id > $1")
	type reader struct {
		what string
		read func(b *bench) (any, error)
	}
	for i, r := range []reader{
		{"one", func(b *bench) (any, error) { return cityByID.One(b.Context(), b.reads, 1) }},
		{"no row", func(b *bench) (any, error) { return cityByID.One(b.Context(), b.reads, 1000) }},
		{"all", func(b *bench) (any, error) { return cities.All(b.Context(), b.reads, 50) }},
		{"no rows", func(b *bench) (any, error) { return cities.All(b.Context(), b.reads, 0) }},
		{"page", func(b *bench) (any, error) {
			return page.Page(b.Context(), b.reads, db.Pager{Keys: []db.Order{db.Asc("id")}}, "", 5, 3)
		}},
		{"query", func(b *bench) (any, error) {
			rows, err := b.reads.Query(b.Context(), "SELECT id, name, tags, seen, NULL::text, ''::text FROM cities WHERE id <= $1 ORDER BY id", 20)
			if err != nil {
				return nil, err
			}
			return pgx.CollectRows(rows, pgx.RowToMap)
		}},
	} {
		want, err := r.read(one)
		one.stored(uint64(i + 1))
		got, gotErr := r.read(two)
		if !reflect.DeepEqual(got, want) || !errors.Is(gotErr, err) {
			t.Errorf("%s: got %v, %v, want %v, %v", r.what, got, gotErr, want, err)
		}
		two.want(querycache.HitTier)
		if got, gotErr := r.read(two); !reflect.DeepEqual(got, want) || !errors.Is(gotErr, err) {
			t.Errorf("%s from memory: got %v, %v, want %v, %v", r.what, got, gotErr, want, err)
		}
		two.want(querycache.Hit)
	}
	if s := two.cache.Stats().Tiers[0]; s.Hits != 6 || s.Misses != 0 || s.BytesRead == 0 || s.Median == 0 {
		t.Errorf("got %+v", s)
	}
	e := two.reads.Explain(t.Context(), cityByID.SQL())
	if len(e.Tiers) != 1 || e.Tiers[0].Hits != 2 || e.NoTiers != "" {
		t.Errorf("got %+v", e)
	}
}

// A commit is seen by the next read of the process, whatever the store does, and
// by the reads of another that are not served from its memory.
func TestOwnWritesPassTiers(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]func(s *memStore){
		"none":     func(*memStore) {},
		"down":     func(s *memStore) { s.down(errDown) },
		"empty":    func(s *memStore) { s.lose(func() { clear(s.values); clear(s.versions) }) },
		"no value": func(s *memStore) { s.set(func() { clear(s.values) }) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			one, two, store := fleet(t, minute)
			for i := range 20 {
				store.down(nil)
				one.back()
				one.name(1)
				two.name(1)
				fault(store)
				want := fmt.Sprint("name ", i)
				one.exec(one.pg, "UPDATE cities SET name = $1 WHERE id = 1", want)
				store.down(nil)
				if got := one.name(1); got != want {
					t.Fatalf("round %d: read %q, want %q", i, got, want)
				}
				one.back()
				one.cache.InvalidateStatements("other") // another version of something else
				if got := one.name(1); got != want {
					t.Fatalf("round %d, with the store: read %q, want %q", i, got, want)
				}
				third := one.process(tierOptions(memTier{store, "memory"}), minute)
				if got := third.name(1); got != want {
					t.Fatalf("round %d, in another process: read %q, want %q", i, got, want)
				}
			}
		})
	}
}

// A store that goes back to an earlier state has the versions from before the
// commits of the process, which raises them again.
func TestStoreThatGoesBack(t *testing.T) {
	t.Parallel()
	store := newMemStore()
	tier := notifyingTier{memTier{store, "memory"}}
	b := newBench(t, tierOptions(tier), minute)
	b.follow(b.pg)
	b.name(1)
	b.stored(1)
	var values map[string]memValue
	var versions map[string]uint64
	store.set(func() {
		values, versions = maps.Clone(store.values), maps.Clone(store.versions)
	})
	b.exec(b.pg, "UPDATE cities SET name = 'new' WHERE id = 1")
	store.lose(func() { store.values, store.versions = values, versions })
	if got := b.name(1); got != "new" {
		t.Errorf("read %q", got)
	}
	b.back()
	b.cache.InvalidateAll()
	if got := b.process(tierOptions(tier), minute).name(1); got != "new" {
		t.Errorf("another process read %q", got)
	}
}

// Raises of one process reach the memory of another by way of a store that
// reports them.
func TestRaisesReachMemory(t *testing.T) {
	t.Parallel()
	store := newMemStore()
	opts := tierOptions(notifyingTier{memTier{store, "memory"}})
	one := newBench(t, opts, minute)
	one.follow(one.pg)
	two := one.process(opts, minute)
	for i := range 50 {
		two.name(1)
		want := fmt.Sprint("name ", i)
		one.exec(one.pg, "UPDATE cities SET name = $1 WHERE id = 1", want)
		if got := two.name(1); got != want {
			t.Fatalf("round %d: read %q, want %q", i, got, want)
		}
	}
	two.name(2)
	one.name(2)
	one.exec(one.pg, "UPDATE rivers SET name = 'other'")
	two.seen = two.cache.Stats().Lookups
	two.name(2)
	two.want(querycache.Hit)
}

// The age of an entry is counted from the begin of its load, in every tier and
// process.
func TestTiersCountAges(t *testing.T) {
	t.Parallel()
	const ttl = 2 * time.Second
	one, _, store := fleet(t, querycache.Policy{TTL: ttl})
	one.name(1)
	begun := time.Now() // at the latest
	one.stored(1)
	one.exec(one.other, "UPDATE cities SET name = 'new'")
	for time.Since(begun) < 2*ttl {
		p := one.process(tierOptions(memTier{store, "memory"}), querycache.Policy{TTL: ttl})
		for range 50 { // from memory, where the age goes on
			asked := time.Since(begun)
			if got := p.name(1); got != "new" && asked > ttl {
				t.Fatalf("read %q at an age of at least %v", got, asked)
			}
			time.Sleep(10 * time.Millisecond)
		}
	}
	// A shorter TTL than that of the process that has stored the value.
	hour := one.process(tierOptions(memTier{store, "memory"}), querycache.Policy{TTL: time.Hour})
	hour.name(2)
	hour.stored(1)
	one.exec(one.other, "UPDATE cities SET name = 'newer'")
	time.Sleep(20 * time.Millisecond)
	short := one.process(tierOptions(memTier{store, "memory"}), querycache.Policy{TTL: 20 * time.Millisecond})
	if got := short.name(2); got != "newer" {
		t.Errorf("read %q with a TTL of 20 ms", got)
	}
}

// Results without rows may have a shorter TTL.
func TestEmptyTTL(t *testing.T) {
	t.Parallel()
	policy := querycache.Policy{TTL: time.Minute, EmptyTTL: time.Millisecond}
	one, two, _ := fleet(t, policy)
	wire := func(b *bench) int {
		rows, err := b.reads.Query(b.Context(), "SELECT 1 FROM cities WHERE id = $1", 1000)
		if err != nil {
			t.Fatal(err)
		}
		n, _ := pgx.CollectRows(rows, pgx.RowTo[int])
		return len(n)
	}
	for range 2 {
		if _, err := cityByID.One(t.Context(), one.reads, 1000); !errors.Is(err, pgx.ErrNoRows) {
			t.Fatal(err)
		}
		if rows, err := cities.All(t.Context(), one.reads, 0); err != nil || len(rows) > 0 {
			t.Fatal(rows, err)
		}
		wire(one)
	}
	one.exec(one.other, "INSERT INTO cities (id, name) VALUES (0, 'zero'), (1000, 'thousand')")
	time.Sleep(2 * time.Millisecond)
	for _, b := range []*bench{one, two} {
		if rows, err := cities.All(t.Context(), b.reads, 0); err != nil || len(rows) != 1 {
			t.Errorf("all: got %v, %v", rows, err)
		}
		if c, err := cityByID.One(t.Context(), b.reads, 1000); err != nil || c.Name != "thousand" {
			t.Errorf("one: got %v, %v", c, err)
		}
		if wire(b) != 1 {
			t.Error("query: no row")
		}
	}
}

// Entries of a tier that are older than their TTL are returned as the policy
// allows.
func TestTiersServeStale(t *testing.T) {
	t.Parallel()
	t.Run("for a time", func(t *testing.T) {
		t.Parallel()
		policy := querycache.Policy{TTL: time.Millisecond, StaleFor: time.Minute}
		one, two, _ := fleet(t, policy)
		one.name(1)
		one.stored(1)
		one.exec(one.other, "UPDATE cities SET name = 'new'")
		time.Sleep(2 * time.Millisecond)
		if got := two.name(1); got != "city 1" {
			t.Errorf("read %q, want the stale value", got)
		}
		two.want(querycache.HitStale)
		for until := time.Now().Add(20 * time.Second); two.name(1) != "new"; time.Sleep(time.Millisecond) {
			if time.Now().After(until) {
				t.Fatal("nothing replaces the stale value")
			}
		}
	})
	t.Run("if the server fails", func(t *testing.T) {
		t.Parallel()
		policy := querycache.Policy{TTL: time.Millisecond, StaleIfError: time.Minute}
		one, two, store := fleet(t, policy)
		one.name(1)
		one.stored(1)
		proxy, err := faultproxy.Start(addressOf(one.pg))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = proxy.Close() })
		url, err := proxy.ConnString(one.pg.Pool().Config().ConnString())
		if err != nil {
			t.Fatal(err)
		}
		two = two.through(url, tierOptions(memTier{store, "memory"}), policy)
		two.name(2) // the statement is examined, and the types of its columns are known
		time.Sleep(2 * time.Millisecond)
		proxy.Refuse(true)
		proxy.CutAll()
		two.seen = two.cache.Stats().Lookups
		if got := two.name(1); got != "city 1" {
			t.Errorf("read %q, want the stale value", got)
		}
		two.want(querycache.HitOnError)
	})
}

func addressOf(pg *db.DB) string {
	cfg := pg.Pool().Config().ConnConfig
	return net.JoinHostPort(cfg.Host, strconv.Itoa(int(cfg.Port)))
}

// Handles whose sessions begin with other settings, or as another role, do not
// share results.
func TestTiersKeepSessionsApart(t *testing.T) {
	t.Parallel()
	one, _, store := fleet(t, minute)
	one.exec(one.other, "CREATE SCHEMA apart")
	one.exec(one.other, "CREATE TABLE apart.cities AS SELECT id, 'apart ' || id AS name, tags FROM cities")
	role := fmt.Sprintf("tier_%d", time.Now().UnixNano())
	one.exec(one.other, "CREATE ROLE "+role+" LOGIN PASSWORD '"+rolePassword+"'")
	t.Cleanup(func() {
		ctx := context.Background()
		_, _ = one.other.Exec(ctx, "DROP OWNED BY "+role)
		_, _ = one.other.Exec(ctx, "DROP ROLE "+role)
	})
	one.exec(one.other, "GRANT SELECT ON cities TO "+role)
	one.name(1)
	one.stored(1)
	harmless := map[string]bool{"the name of the program": true, "a limit in a hook": true}
	for name, change := range map[string]func(cfg *pgxpool.Config){
		"the name of the program": func(cfg *pgxpool.Config) { cfg.ConnConfig.RuntimeParams["application_name"] = "other" },
		"search_path":             func(cfg *pgxpool.Config) { cfg.ConnConfig.RuntimeParams["search_path"] = "apart" },
		"a setting":               func(cfg *pgxpool.Config) { cfg.ConnConfig.RuntimeParams["TimeZone"] = "Asia/Tokyo" },
		"custom":                  func(cfg *pgxpool.Config) { cfg.ConnConfig.RuntimeParams["options"] = "-c app.tenant=5" },
		"a limit in a hook": func(cfg *pgxpool.Config) {
			cfg.AfterConnect = func(ctx context.Context, conn *pgx.Conn) error {
				_, err := conn.Exec(ctx, "SET statement_timeout = 60000")
				return err
			}
		},
		"a role": func(cfg *pgxpool.Config) { cfg.ConnConfig.User, cfg.ConnConfig.Password = role, rolePassword },
		"a hook": func(cfg *pgxpool.Config) {
			cfg.AfterConnect = func(ctx context.Context, conn *pgx.Conn) error {
				_, err := conn.Exec(ctx, "SET search_path = apart")
				return err
			}
		},
		"a custom setting in a hook": func(cfg *pgxpool.Config) {
			cfg.AfterConnect = func(ctx context.Context, conn *pgx.Conn) error {
				_, err := conn.Exec(ctx, "SET app.tenant = 7")
				return err
			}
		},
	} {
		cfg, err := pgxpool.ParseConfig(one.pg.Pool().Config().ConnString())
		if err != nil {
			t.Fatal(err)
		}
		change(cfg)
		pg, err := db.OpenConfig(t.Context(), cfg, nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(pg.Close)
		p := one.with(pg, tierOptions(memTier{store, "memory"}), minute)
		got, s := p.name(1), p.cache.Stats().Tiers[0]
		if shared := s.Hits == 1; shared != harmless[name] || s.Hits+s.Misses != 1 {
			t.Errorf("%s: read %q: %+v; %s", name, got, s, p.reads.Explain(t.Context(), cityByID.SQL()).NoTiers)
		}
	}
}

// Values that are damaged, of another key or of another release are misses.
func TestTiersRejectDamage(t *testing.T) {
	t.Parallel()
	one, _, store := fleet(t, minute)
	one.name(1)
	one.stored(1)
	one.name(2)
	one.stored(2)
	var keys []string
	store.set(func() {
		for key := range store.values {
			keys = append(keys, key)
		}
	})
	slices.Sort(keys)
	original := map[string][]byte{}
	store.set(func() {
		for _, key := range keys {
			original[key] = store.values[key].data
		}
	})
	damage := func(f func(key string, data []byte) []byte) {
		store.set(func() {
			for _, key := range keys {
				store.values[key] = memValue{f(key, slices.Clone(original[key])), time.Now().Add(time.Minute)}
			}
		})
	}
	var two *bench
	check := func(what string) {
		t.Helper()
		two = one.process(tierOptions(memTier{store, "memory"}), minute)
		for id := 1; id <= 2; id++ {
			if c, err := cityByID.One(t.Context(), two.reads, id); err != nil || c.Name != fmt.Sprint("city ", id) || c.ID != id {
				t.Fatalf("%s: read %v, %v", what, c, err)
			}
		}
		two.stored(2) // both were misses, and no value is stored after the next damage
	}
	for i := 0; i < len(original[keys[0]]); i += 1 + i/8 {
		damage(func(_ string, data []byte) []byte { data[i%len(data)] ^= 1 << (i % 8); return data })
		check(fmt.Sprint("bit flipped in byte ", i))
	}
	damage(func(key string, _ []byte) []byte { // the value of the other key
		return original[keys[1-slices.Index(keys, key)]]
	})
	check("values exchanged")
	damage(func(string, []byte) []byte { return []byte("foreign") })
	check("foreign values")
	damage(func(string, []byte) []byte { return []byte{} })
	check("empty values")
	if s := two.cache.Stats().Tiers[0]; s.Hits > 0 || !strings.Contains(s.LastError, "not a value of this release") {
		t.Errorf("got %+v", s)
	}
}
