// Package querycache_test holds the tests of package querycache that need a
// server.
package querycache_test

import (
	"context"
	"maps"
	"sync/atomic"
	"testing"
	"time"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/integration/pgtest"
	"github.com/headrace/headrace/querycache"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// A bench is a database with a cached handle and a second handle that
// represents another program.
type bench struct {
	*testing.T
	pg, other *db.DB
	cache     *querycache.Cache
	reads     *querycache.ReadThrough
	seen      map[querycache.Reason]uint64 // lookups up to the last call of want
	doubts    atomic.Int64                 // changes in doubt of followed handles
}

var schema = []string{
	"CREATE TABLE cities (id int PRIMARY KEY, name text NOT NULL, tags text[], seen timestamptz)",
	"INSERT INTO cities SELECT i, 'city ' || i, ARRAY['a', 'b'], '2024-01-01' FROM generate_series(1, 100) i",
	"CREATE TABLE rivers (id int PRIMARY KEY, name text NOT NULL)",
	"INSERT INTO rivers SELECT i, 'river ' || i FROM generate_series(1, 10) i",
}

// newBench returns a bench that does not follow its handle.
func newBench(t *testing.T, opts *querycache.Options, choose querycache.Chooser) *bench {
	t.Helper()
	b := &bench{T: t}
	url := pgtest.New(t)
	b.pg, b.other = pgtest.Open(t, url, nil, schema...), pgtest.Open(t, url, nil)
	var err error
	if b.cache, err = querycache.New(opts); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.cache.Close)
	if b.reads, err = b.cache.ReadThrough(b.pg, choose); err != nil {
		t.Fatal(err)
	}
	return b
}

// minute is a TTL that no test exceeds.
var minute = querycache.Policy{TTL: time.Minute}

func following(t *testing.T, choose querycache.Chooser) *bench {
	t.Helper()
	b := newBench(t, nil, choose)
	b.follow(b.pg)
	return b
}

func (b *bench) follow(pg *db.DB) {
	b.Helper()
	if _, err := b.cache.Follow(pg); err != nil {
		b.Fatal(err)
	}
	stop, err := pg.OnChange(func(_ context.Context, changes []db.Change) { // after the cache's own
		for _, c := range changes {
			switch c.State {
			case db.InDoubt:
				b.doubts.Add(1)
			case db.Resolved, db.Unchanged:
				b.doubts.Add(-1)
			}
		}
	})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(stop)
}

func (b *bench) exec(e db.Execer, sql string, args ...any) {
	b.Helper()
	if _, err := e.Exec(b.Context(), sql, args...); err != nil {
		b.Fatalf("%s: %v", sql, err)
	}
	b.resolve()
}

// resolve waits until no change is in doubt, for tests that count hits: on a
// busy machine a commit may return before its changes are resolved.
func (b *bench) resolve() {
	b.Helper()
	for deadline := time.Now().Add(20 * time.Second); b.doubts.Load() > 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			b.Fatal("a change stays in doubt")
		}
	}
}

type city struct {
	ID   int
	Name string
	Tags []string
}

var (
	cityByID = db.MustCompile[city]("-- name: CityByID :one\nSELECT id, name, tags FROM cities WHERE id = $1")
	cities   = db.MustCompile[city]("-- name: Cities :many\nSELECT id, name, tags FROM cities WHERE id <= $1 ORDER BY id")
	nameByID = db.MustCompile[string]("SELECT name FROM cities WHERE id = $1")
)

func (b *bench) name(id int) string {
	b.Helper()
	c, err := cityByID.One(b.Context(), b.reads, id)
	if err != nil {
		b.Fatal(err)
	}
	return c.Name
}

// want fails the test unless the lookups since its last call had these reasons.
func (b *bench) want(reasons ...querycache.Reason) {
	b.Helper()
	want := map[querycache.Reason]uint64{}
	for _, r := range reasons {
		want[r]++
	}
	now := b.cache.Stats().Lookups
	got := maps.Clone(now)
	for r, n := range b.seen {
		if got[r] -= n; got[r] == 0 {
			delete(got, r)
		}
	}
	b.seen = now
	if !maps.Equal(got, want) {
		b.Errorf("lookups %v, want %v", got, want)
	}
}
