package cached

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/Yiling-J/theine-go"
	"github.com/dgraph-io/ristretto/v2"
	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/maypok86/otter/v2"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/internal/cacheapi"
)

// store is a cache under a typed read.
type store interface {
	get(key) (any, bool)
	set(key, any)
	close()
}

// key is a statement, the form of its result, and its arguments.
type key [48]byte

// ttl is that of all caches with a TTL.
const ttl = time.Hour

// over is a handle that serves typed reads from a store, through the interface
// that querycache uses: what a program would write around another cache. It
// returns stored values, and neither invalidates nor coalesces loads.
type over struct {
	*db.DB
	store store
}

var _ cacheapi.TypedReader = (*over)(nil)

// Source implements cacheapi.TypedReader.
func (o *over) Source() cacheapi.Querier { return o.DB }

// Cached implements cacheapi.TypedReader.
func (o *over) Cached(_ context.Context, r *cacheapi.Read) (value any, shared, ok bool) {
	value, ok = o.store.get(keyOf(r))
	return value, true, ok
}

// Load implements cacheapi.TypedReader.
func (o *over) Load(ctx context.Context, r *cacheapi.Read, load cacheapi.LoadFunc) (any, bool, error) {
	k := keyOf(r)
	value, _, err := load(ctx, o.DB)
	if err == nil {
		o.store.set(k, value)
	}
	return value, true, err
}

func keyOf(r *cacheapi.Read) (k key) {
	id := r.Text.ID
	n := copy(k[:], id[:])
	for i := range 8 {
		k[n+i] = byte(r.Form >> (8 * i))
	}
	if n += 8; len(r.Key) > len(k)-n {
		panic(fmt.Sprintf("arguments of %d bytes don't fit the key", len(r.Key)))
	}
	copy(k[n:], r.Key)
	return k
}

// peer makes a store for so many entries.
type peer struct {
	name string
	open func(entries int) (store, error)
}

var peers = []peer{
	{"otter", openOtter},
	{"ristretto", openRistretto},
	{"theine", openTheine},
	{"golang-lru", openLRU},
	{"sync.Map", func(int) (store, error) { return new(mapStore), nil }},
}

type otterStore struct{ cache *otter.Cache[key, any] }

func openOtter(entries int) (store, error) {
	cache, err := otter.New(&otter.Options[key, any]{
		MaximumSize:      entries,
		ExpiryCalculator: otter.ExpiryWriting[key, any](ttl),
	})
	return otterStore{cache}, err
}

func (s otterStore) get(k key) (any, bool) { return s.cache.GetIfPresent(k) }
func (s otterStore) set(k key, v any)      { s.cache.Set(k, v) }
func (s otterStore) close()                { s.cache.StopAllGoroutines() }

type ristrettoStore struct{ cache *ristretto.Cache[[]byte, any] }

func openRistretto(entries int) (store, error) {
	cache, err := ristretto.NewCache(&ristretto.Config[[]byte, any]{
		NumCounters: int64(entries) * 10, // as its documentation advises
		MaxCost:     int64(entries),
		BufferItems: 64,
		// An entry costs 1, without the cost of the cache's own data.
		IgnoreInternalCost: true,
	})
	return ristrettoStore{cache}, err
}

func (s ristrettoStore) get(k key) (any, bool) { return s.cache.Get(k[:]) }
func (s ristrettoStore) set(k key, v any)      { s.cache.SetWithTTL(k[:], v, 1, ttl) }
func (s ristrettoStore) close()                { s.cache.Close() }

type theineStore struct{ cache *theine.Cache[key, any] }

func openTheine(entries int) (store, error) {
	cache, err := theine.NewBuilder[key, any](int64(entries)).Build()
	return theineStore{cache}, err
}

func (s theineStore) get(k key) (any, bool) { return s.cache.Get(k) }
func (s theineStore) set(k key, v any)      { s.cache.SetWithTTL(k, v, 1, ttl) }
func (s theineStore) close()                { s.cache.Close() }

type lruStore struct{ cache *lru.Cache[key, any] }

func openLRU(entries int) (store, error) {
	cache, err := lru.New[key, any](entries)
	return lruStore{cache}, err
}

func (s lruStore) get(k key) (any, bool) { return s.cache.Get(k) }
func (s lruStore) set(k key, v any)      { s.cache.Add(k, v) }
func (s lruStore) close()                {}

// mapStore forgets nothing: no cache, but what some programs have.
type mapStore struct{ m sync.Map }

func (s *mapStore) get(k key) (any, bool) { return s.m.Load(k) }
func (s *mapStore) set(k key, v any)      { s.m.Store(k, v) }
func (s *mapStore) close()                {}

// mapOf is the same for the works that have no database.
type mapOf struct{ m sync.Map }

func (s *mapOf) set(key int64, v *small) { s.m.Store(key, v) }
func (s *mapOf) get(key int64) (*small, bool) {
	v, ok := s.m.Load(key)
	if !ok {
		return nil, false
	}
	return v.(*small), true
}
