package s3fifo

import (
	"hash/maphash"
	"sync"
	"sync/atomic"
)

// A Store holds entries in memory, up to a number of bytes. It may evict any
// entry at any time. For a key it returns the entry that was put last. T is the
// type of the caller's data about a [Group], V the type of an entry's value. A
// Store is safe for concurrent use.
//
// It consists of shards, each with an index that lookups read without locks.
type Store[T, V any] struct {
	seed   maphash.Seed
	shards []shard[T, V] // a power of two
	most   int64         // maxBytes of New
	budget atomic.Int64

	sizing   sync.Mutex   // held while the budgets of the shards change
	reserved atomic.Int64 // part of the budget that is not for entries
}

const (
	mostShards = 64

	// A shard has at least this many bytes: short queues cannot distinguish
	// entries that are used often.
	shardBytes = 1 << 20
)

// New returns a store for up to maxBytes bytes.
func New[T, V any](maxBytes int64) *Store[T, V] {
	n := powerOfTwo(maxBytes/shardBytes, 1, mostShards)
	s := &Store[T, V]{seed: maphash.MakeSeed(), shards: make([]shard[T, V], n), most: maxBytes}
	for i := range s.shards {
		s.shards[i].clear()
	}
	s.SetBudget(maxBytes)
	return s
}

// powerOfTwo returns the greatest power of two that is at most n, within the
// bounds, which are powers of two.
func powerOfTwo(n int64, least, most int) int {
	p := least
	for p < most && int64(p)*2 <= n {
		p *= 2
	}
	return p
}

// Hash returns the hash of a key. The ID already holds a digest; the
// multiplications spread its parts over all bits.
func (s *Store[T, V]) Hash(id *ID, key []byte) uint64 {
	h := maphash.Bytes(s.seed, key)
	h ^= id.Sum() * 0xD6E8FEB86659FD93
	h ^= h >> 32
	h *= 0xD6E8FEB86659FD93
	return h ^ h>>29
}

func (s *Store[T, V]) shard(hash uint64) *shard[T, V] {
	return &s.shards[hash>>48&uint64(len(s.shards)-1)]
}

// Get returns the entry of a key, or nil, and counts the use. It may miss an
// entry while others are removed; Peek does not.
func (s *Store[T, V]) Get(hash uint64, id *ID, key []byte) *Entry[T, V] {
	e := s.shard(hash).index.Load().get(tagOf(hash), id, key)
	if e != nil {
		e.use()
	}
	return e
}

// Peek returns the entry of a key, or nil, without counting a use.
func (s *Store[T, V]) Peek(hash uint64, id *ID, key []byte) *Entry[T, V] {
	return s.shard(hash).find(tagOf(hash), func(e *Entry[T, V]) bool { return e.is(id, key) })
}

// WasEvicted reports whether the entry of a key was evicted recently. About one
// result in thousands is wrong.
func (s *Store[T, V]) WasEvicted(hash uint64) bool { return s.shard(hash).wasEvicted(tagOf(hash)) }

// Put stores e in place of the entry with the same key, and reports whether it
// did. If e is greater than the budget of a shard, Put does not store it, and
// removes the entry with the same key.
func (s *Store[T, V]) Put(hash uint64, e *Entry[T, V]) bool {
	sh := s.shard(hash)
	if e.Bytes() > s.MostEntry() {
		if old := sh.find(tagOf(hash), e.sameKey); old != nil {
			sh.remove(tagOf(hash), old)
		}
		return false
	}
	sh.put(tagOf(hash), e)
	return true
}

// MostEntry returns the greatest size of an entry in bytes.
func (s *Store[T, V]) MostEntry() int64 {
	return max(0, s.budget.Load()-s.reserved.Load()) / int64(len(s.shards))
}

// Remove removes e if the store holds it.
func (s *Store[T, V]) Remove(hash uint64, e *Entry[T, V]) { s.shard(hash).remove(tagOf(hash), e) }

// SetBudget bounds the bytes of all entries, and evicts those that no longer
// fit.
func (s *Store[T, V]) SetBudget(bytes int64) {
	s.sizing.Lock()
	defer s.sizing.Unlock()
	s.budget.Store(bytes)
	s.share()
}

// share sets the budgets of the shards. sizing is held.
func (s *Store[T, V]) share() {
	part := s.MostEntry()
	for i := range s.shards {
		s.shards[i].setBudget(part)
	}
}

// Reserve sets how many bytes of the budget are not for entries. It ignores
// small differences, for which locking the shards is not worth the cost.
func (s *Store[T, V]) Reserve(bytes int64) {
	s.sizing.Lock()
	defer s.sizing.Unlock()
	if d := bytes - s.reserved.Load(); d > -s.most/64 && d < s.most/64 {
		return
	}
	s.reserved.Store(bytes)
	s.share()
}

// Clear removes all entries.
func (s *Store[T, V]) Clear() {
	for i := range s.shards {
		s.shards[i].clear()
	}
}

// A Usage describes the content of a store.
type Usage struct {
	Entries  int
	Bytes    int64  // of the entries
	Reserved int64  // bytes of the budget that are not for entries
	Budget   int64  // bytes allowed now
	MaxBytes int64  // of New
	Evicted  uint64 // entries evicted since New
}

// Usage returns the current usage.
func (s *Store[T, V]) Usage() Usage {
	u := Usage{Reserved: s.reserved.Load(), Budget: s.budget.Load(), MaxBytes: s.most}
	for i := range s.shards {
		sh := &s.shards[i]
		sh.mu.RLock()
		u.Entries += sh.entries
		u.Bytes += sh.bytes
		u.Evicted += sh.evicted
		sh.mu.RUnlock()
	}
	return u
}

// Each calls fn for every entry until it returns false. No lock is held during
// the calls.
func (s *Store[T, V]) Each(fn func(*Entry[T, V]) bool) {
	for i := range s.shards {
		for _, e := range s.shards[i].values() {
			if !fn(e) {
				return
			}
		}
	}
}
