package querycache_test

import (
	"context"
	"errors"
	"maps"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/headrace/headrace/querycache"
)

// A memStore is the store of any number of memTiers, as a Redis is.
type memStore struct {
	mu       sync.Mutex
	values   map[string]memValue    // guarded by mu
	versions map[string]uint64      // guarded by mu
	notify   map[int]func([]string) // guarded by mu
	next     int                    // guarded by mu
	fail     error                  // of every call; guarded by mu
	slow     time.Duration          // of every call; guarded by mu
	gets     int                    // guarded by mu
}

type memValue struct {
	data    []byte
	expires time.Time
}

func newMemStore() *memStore {
	return &memStore{values: map[string]memValue{}, versions: map[string]uint64{}, notify: map[int]func([]string){}}
}

// set calls f with s.mu held.
func (s *memStore) set(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
}

// down makes every call fail, or not if err is nil.
func (s *memStore) down(err error) { s.set(func() { s.fail = err }) }

// lose calls f, which changes the content of the store, and reports that raises
// may have been lost.
func (s *memStore) lose(f func()) {
	s.mu.Lock()
	f()
	all := maps.Clone(s.notify)
	s.mu.Unlock()
	for _, fn := range all {
		fn(nil)
	}
}

var errDown = errors.New("the store is down")

func (s *memStore) wait(ctx context.Context) error {
	s.mu.Lock()
	slow, fail := s.slow, s.fail
	s.mu.Unlock()
	if slow > 0 {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(slow):
		}
	}
	return fail
}

// A memTier is a Tier in the memory of the test. It reports raises if notifies
// is set.
type memTier struct {
	store *memStore
	name  string
}

func (t memTier) Name() string { return t.name }

func (t memTier) Get(ctx context.Context, key string, names []string) (v querycache.TierValue, err error) {
	s := t.store
	if err := s.wait(ctx); err != nil {
		return v, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gets++
	if at, ok := s.values[key]; ok && time.Until(at.expires) > 0 {
		v.Value, v.TTL = at.data, time.Until(at.expires)
	}
	for _, name := range names {
		if s.versions[name] == 0 {
			s.versions[name] = rand.Uint64() | 1
		}
		v.Versions = append(v.Versions, s.versions[name])
	}
	return v, nil
}

func (t memTier) Set(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	if err := t.store.wait(ctx); err != nil {
		return err
	}
	t.store.set(func() { t.store.values[key] = memValue{append([]byte{}, value...), time.Now().Add(ttl)} })
	return nil
}

func (t memTier) Raise(ctx context.Context, names []string) error {
	s := t.store
	if err := s.wait(ctx); err != nil {
		return err
	}
	s.mu.Lock()
	for _, name := range names {
		s.versions[name] = rand.Uint64() | 1
	}
	all := maps.Clone(s.notify)
	s.mu.Unlock()
	for _, fn := range all {
		fn(names)
	}
	return nil
}

// A notifyingTier is a memTier that reports raises.
type notifyingTier struct{ memTier }

func (t notifyingTier) Notify(fn func([]string)) (stop func()) {
	s := t.store
	s.mu.Lock()
	defer s.mu.Unlock()
	s.next++
	n := s.next
	s.notify[n] = fn
	return func() { s.set(func() { delete(s.notify, n) }) }
}
