package s3fifo

import (
	"hash/maphash"
	"sync"
	"sync/atomic"
)

// A Store keeps entries in memory, up to a number of bytes. It may forget any
// of them at any time; what it returns is the entry that was put last under
// that key. T is what a [Group] is about, V what an [Entry] holds. It may be used
// by many goroutines at once.
//
// It is made of shards, each with an index that a lookup reads without locks.
type Store[T, V any] struct {
	seed   maphash.Seed
	shards []shard[T, V] // a power of two
	most   int64         // the bytes that the store was made for
	budget atomic.Int64

	sizing   sync.Mutex   // held while the shards' parts change
	reserved atomic.Int64 // part of the budget that is not for entries
}

const (
	mostShards = 64

	// Queues that are too short lose their sense of what is used often, so a
	// shard has at least this many bytes.
	shardBytes = 1 << 20
)

// New makes a store for up to maxBytes bytes.
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

// Hash returns the hash of a key. The ID holds a digest already; the
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

// Get returns the entry of a key, or nil, and notes that it was asked for. It
// may miss one while others are removed; Peek does not.
func (s *Store[T, V]) Get(hash uint64, id *ID, key []byte) *Entry[T, V] {
	e := s.shard(hash).index.Load().get(tagOf(hash), id, key)
	if e != nil {
		e.use()
	}
	return e
}

// Peek returns the entry of a key, or nil, without noting anything.
func (s *Store[T, V]) Peek(hash uint64, id *ID, key []byte) *Entry[T, V] {
	return s.shard(hash).find(tagOf(hash), func(e *Entry[T, V]) bool { return e.is(id, key) })
}

// WasEvicted reports whether the entry of a key was evicted lately. It may be
// wrong about one in thousands.
func (s *Store[T, V]) WasEvicted(hash uint64) bool { return s.shard(hash).wasEvicted(tagOf(hash)) }

// Put stores e in place of the entry of the same key, and reports whether it
// did: an e greater than a shard's part of the budget is not stored, and the
// entry of the same key is removed.
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

// MostEntry returns how many bytes an entry may have.
func (s *Store[T, V]) MostEntry() int64 {
	return max(0, s.budget.Load()-s.reserved.Load()) / int64(len(s.shards))
}

// Remove removes e, if it is there.
func (s *Store[T, V]) Remove(hash uint64, e *Entry[T, V]) { s.shard(hash).remove(tagOf(hash), e) }

// SetBudget bounds the bytes of all entries, and evicts those that no longer
// fit.
func (s *Store[T, V]) SetBudget(bytes int64) {
	s.sizing.Lock()
	defer s.sizing.Unlock()
	s.budget.Store(bytes)
	s.share()
}

// share gives each shard its part of the budget. sizing is held.
func (s *Store[T, V]) share() {
	part := s.MostEntry()
	for i := range s.shards {
		s.shards[i].setBudget(part)
	}
}

// Reserve sets how many bytes of the budget are not for entries. A small
// difference to what is reserved is not worth locking the shards for, and is
// ignored.
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

// A Usage is what a store holds.
type Usage struct {
	Entries  int
	Bytes    int64  // of the entries
	Reserved int64  // bytes of the budget that are not for entries
	Budget   int64  // bytes allowed now
	MaxBytes int64  // that the store was made for
	Evicted  uint64 // entries since New that had to make room
}

// Usage returns what the store holds.
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
