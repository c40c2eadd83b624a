package memtier

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/querycache"
)

// A Tier is a querycache.Tier in the memory of the process, named "memory". Caches
// that have it share its values. It never drops a value.
type Tier struct {
	mu       sync.Mutex
	values   map[string]querycache.TierValue // without versions; guarded by mu
	versions map[string]uint64               // guarded by mu
	last     uint64                          // version; guarded by mu
	broken   error                           // of every call; guarded by mu
}

// New returns an empty tier.
func New() *Tier {
	return &Tier{values: make(map[string]querycache.TierValue), versions: make(map[string]uint64)}
}

// Fail makes every call fail, until it is called with nil.
func (m *Tier) Fail(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.broken = err
}

// Name implements [querycache.Tier].
func (m *Tier) Name() string { return "memory" }

// Get implements [querycache.Tier].
func (m *Tier) Get(_ context.Context, key string, names []string) (querycache.TierValue, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	v := m.values[key]
	for _, name := range names {
		if m.versions[name] == 0 {
			m.raise(name)
		}
		v.Versions = append(v.Versions, m.versions[name])
	}
	return v, m.broken
}

// Set implements [querycache.Tier].
func (m *Tier) Set(_ context.Context, key string, value []byte, ttl time.Duration) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.values[key] = querycache.TierValue{Value: append([]byte{}, value...), TTL: ttl}
	return m.broken
}

// Raise implements [querycache.Tier].
func (m *Tier) Raise(_ context.Context, names []string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, name := range names {
		m.raise(name)
	}
	return m.broken
}

// raise gives a name a new version. m.mu is held.
func (m *Tier) raise(name string) {
	m.last++
	m.versions[name] = m.last
}

// Caches returns a cache named "one" that has loaded what read reads through it
// and stored it in the tier, and one named "two" that has found it there. Both
// follow pg.
func (m *Tier) Caches(t *testing.T, pg *db.DB, read func(*querycache.ReadThrough) error) map[string]*querycache.Cache {
	t.Helper()
	out := make(map[string]*querycache.Cache)
	for _, name := range []string{"one", "two"} {
		cache, err := querycache.New(&querycache.Options{Tiers: []querycache.Tier{m}})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(cache.Close)
		if _, err := cache.Follow(pg); err != nil {
			t.Fatal(err)
		}
		reads, err := cache.ReadThrough(pg, querycache.Policy{TTL: time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		await(t, "a value in the tier", func() bool { // the report of an earlier write may invalidate the first load
			if err := read(reads); err != nil {
				t.Fatal(err)
			}
			s := cache.Stats()
			return s.Tiers[0].Sets > 0 && name == "one" || s.Lookups[querycache.HitTier] > 0
		})
		out[name] = cache
	}
	return out
}

// Break makes every call fail with err, writes by write, and waits until the
// tier of the caches is down.
func (m *Tier) Break(t *testing.T, err error, write func(), caches map[string]*querycache.Cache) {
	t.Helper()
	m.Fail(err)
	write()
	for _, cache := range caches {
		await(t, "the tier to be down", func() bool {
			s := cache.Stats().Tiers[0]
			return s.Down && s.Pending > 0
		})
	}
}

func await(t *testing.T, what string, happens func() bool) {
	t.Helper()
	for until := time.Now().Add(20 * time.Second); !happens(); time.Sleep(time.Millisecond) {
		if time.Now().After(until) {
			t.Fatalf("waited for %s", what)
		}
	}
}
