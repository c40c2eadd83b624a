package s3fifo

import (
	"math"
	"sync/atomic"
)

// An ID is the first part of a key. Many entries share it. IDs are compared as
// a whole.
type ID struct {
	Digest uint64 // the first half of the digest of a statement: its text and its name
	Rest   uint64 // the second half
	Form   uint64 // of the result
	Space  uint64 // of keys: the handle that reads
}

// Sum combines the parts of an ID into one number, which differs for most
// different IDs.
func (id *ID) Sum() uint64 { return id.Digest ^ id.Form*0x9E3779B97F4A7C15 ^ id.Space<<40 }

// A Group is shared by the entries of one ID.
type Group[T any] struct {
	ID
	Of *T // the caller's data about these entries; it usually embeds the group
}

// An Entry is a value with its key. Except for the uses in state it is
// immutable. The second part of its key follows it in memory: a short key in
// the same cache line.
type Entry[T, V any] struct {
	group *Group[T] // the first part of the key
	Value V
	size  uint32 // of the entry, in units of sizeUnit bytes
	state atomic.Uint32
}

// The state of an entry holds the number of uses since it last moved in a
// queue, up to maxUses, and in the bits above the length of its key.
const (
	usesMask = 3
	maxUses  = 3
	keyShift = 2
)

// The bookkeeping of an entry, in bytes: its slot (14), its position in the
// index (17), its part of a run in simplelru (4) and its ghost (5), each
// averaged over the growth of the structure.
const (
	overhead = 14 + 17 + 4 + 5
	sizeUnit = 8
)

// charge returns the size of an entry in units, and reports whether it is known
// and fits 32 bits.
func charge[T, V any](keyLen int, valueSize int64) (units uint32, ok bool) {
	bytes := overhead + entryBytes[T, V](keyLen) + valueSize
	n := (bytes + sizeUnit - 1) / sizeUnit
	return uint32(n), valueSize >= 0 && n <= math.MaxUint32
}

func roundUp(n, to int) int { return (n + to - 1) / to * to }

// Of returns the caller's data about the entries with the same ID.
func (e *Entry[T, V]) Of() *T { return e.group.Of }

// Bytes returns the size of the entry in bytes.
func (e *Entry[T, V]) Bytes() int64 { return int64(e.size) * sizeUnit }

// is reports whether e has the given key. Different keys may have equal hashes,
// so each lookup compares keys.
func (e *Entry[T, V]) is(id *ID, key []byte) bool {
	return e.Key() == string(key) && e.group.ID == *id
}

// sameKey reports whether e and other have the same key.
func (e *Entry[T, V]) sameKey(other *Entry[T, V]) bool {
	return e.Key() == other.Key() && e.group.ID == other.group.ID
}

// use counts a use of e. It writes only below maxUses, so that cores do not
// contend for the cache line of a hot entry.
func (e *Entry[T, V]) use() {
	if s := e.state.Load(); s&usesMask < maxUses {
		e.state.CompareAndSwap(s, s+1) // fails only if another use was counted
	}
}

// uses returns the number of uses of e, at most maxUses.
func (e *Entry[T, V]) uses() uint32 { return e.state.Load() & usesMask }

// forgetUse lowers the number of uses by one.
func (e *Entry[T, V]) forgetUse() {
	for {
		s := e.state.Load()
		if s&usesMask == 0 || e.state.CompareAndSwap(s, s-1) {
			return
		}
	}
}
