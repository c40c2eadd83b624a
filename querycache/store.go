package querycache

import (
	"hash/maphash"
	"sync"
	"sync/atomic"

	"github.com/headrace/headrace/internal/rules"
)

// A store keeps entries in memory, up to a number of bytes. It may forget any
// of them at any time; what it returns is what was put last under that key.
// It knows nothing of freshness: whoever asks judges the entry.
//
// It is made of shards, each with an index that a lookup reads without locks.
type store struct {
	seed   maphash.Seed
	shards []shard // a power of two
	most   int64   // the bytes that the store was made for
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

func newStore(maxBytes int64) *store {
	n := powerOfTwo(maxBytes/shardBytes, 1, mostShards)
	s := &store{seed: maphash.MakeSeed(), shards: make([]shard, n), most: maxBytes}
	for i := range s.shards {
		s.shards[i].clear()
	}
	s.setBudget(maxBytes)
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

// hash returns the hash of a key. The identity holds a digest already; the
// multiplications spread its parts over all bits.
func (s *store) hash(id *identity, key []byte) uint64 {
	h := maphash.Bytes(s.seed, key)
	h ^= (id.digest ^ id.form*0x9E3779B97F4A7C15 ^ id.space<<40) * 0xD6E8FEB86659FD93
	h ^= h >> 32
	h *= 0xD6E8FEB86659FD93
	if rules.Broken == rules.KeysCompared {
		return h >> 62
	}
	return h ^ h>>29
}

func (s *store) shard(hash uint64) *shard {
	return &s.shards[hash>>48&uint64(len(s.shards)-1)]
}

// get returns the entry of a read, or nil, and notes that it was asked for. It may
// miss one while others are taken out; peek does not.
func (s *store) get(hash uint64, id *identity, key []byte) *entry {
	e := s.shard(hash).index.Load().get(tagOf(hash), id, key)
	if e != nil {
		e.use()
	}
	return e
}

// peek returns the entry of a read, or nil, without noting anything.
func (s *store) peek(hash uint64, id *identity, key []byte) *entry {
	return s.shard(hash).find(tagOf(hash), func(e *entry) bool { return e.is(id, key) })
}

// wasEvicted reports whether the entry of a read was evicted lately. It may be
// wrong about one in thousands.
func (s *store) wasEvicted(hash uint64) bool { return s.shard(hash).wasEvicted(tagOf(hash)) }

// put stores e in place of what is there. It reports false, and drops what is
// there, if e is greater than a shard's part of the budget.
func (s *store) put(hash uint64, e *entry) bool {
	sh := s.shard(hash)
	if e.bytes() > s.mostEntry() {
		if old := sh.find(tagOf(hash), e.sameKey); old != nil {
			sh.remove(tagOf(hash), old)
		}
		return false
	}
	sh.put(tagOf(hash), e)
	return true
}

// mostEntry returns how many bytes an entry may have.
func (s *store) mostEntry() int64 {
	return max(0, s.budget.Load()-s.reserved.Load()) / int64(len(s.shards))
}

// remove takes out e.
func (s *store) remove(hash uint64, e *entry) { s.shard(hash).remove(tagOf(hash), e) }

// setBudget bounds the bytes of all entries, and evicts what no longer fits.
func (s *store) setBudget(bytes int64) {
	s.sizing.Lock()
	defer s.sizing.Unlock()
	s.budget.Store(bytes)
	s.share()
}

// share gives each shard its part of the budget. sizing is held.
func (s *store) share() {
	part := s.mostEntry()
	for i := range s.shards {
		s.shards[i].setBudget(part)
	}
}

// reserve takes bytes out of the budget for what is kept beside the entries. It
// is not worth asking the shards for a little.
func (s *store) reserve(bytes int64) {
	s.sizing.Lock()
	defer s.sizing.Unlock()
	if d := bytes - s.reserved.Load(); d > -s.most/64 && d < s.most/64 {
		return
	}
	s.reserved.Store(bytes)
	s.share()
}

// clear takes out everything.
func (s *store) clear() {
	for i := range s.shards {
		s.shards[i].clear()
	}
}

// A usage is what a store holds.
type usage struct {
	entries int
	bytes   int64
	evicted uint64
}

func (s *store) usage() usage {
	var u usage
	for i := range s.shards {
		sh := &s.shards[i]
		sh.mu.RLock()
		u.entries += sh.entries
		u.bytes += sh.bytes
		u.evicted += sh.evicted
		sh.mu.RUnlock()
	}
	return u
}

// each calls fn for every entry until it returns false. No lock is held
// meanwhile.
func (s *store) each(fn func(*entry) bool) {
	for i := range s.shards {
		for _, e := range s.shards[i].values() {
			if !fn(e) {
				return
			}
		}
	}
}
