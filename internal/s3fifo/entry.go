package s3fifo

import (
	"math"
	"sync/atomic"
)

// An ID is the first part of a key, which many entries have in common. It is
// compared as a whole.
type ID struct {
	Digest uint64 // the first half of the digest of a statement: its text and its name
	Rest   uint64 // the second half
	Form   uint64 // of the result
	Space  uint64 // of keys: the handle that reads
}

// Sum returns the parts of an ID in one number, different as a rule for
// different IDs.
func (id *ID) Sum() uint64 { return id.Digest ^ id.Form*0x9E3779B97F4A7C15 ^ id.Space<<40 }

// A Group is what the entries of one ID have in common.
type Group[T any] struct {
	ID
	Of *T // what the caller knows of these entries; usually it embeds the group
}

// An Entry is a value under a key. All but the uses in state is set by
// [NewEntry] and never changes. The second part of its key lies behind it: a
// short one in the same line of memory.
type Entry[T, V any] struct {
	group *Group[T] // the first part of the key
	Value V
	size  uint32 // what the entry is charged, in units of sizeUnit bytes
	state atomic.Uint32
}

// An entry's state: how often it was asked for since the policy last looked at
// it, up to maxUses, and, in the bits above, the length of its key.
const (
	usesMask = 3
	maxUses  = 3
	keyShift = 2
)

// The bytes that an entry costs beside itself, its key and its value: in the mean
// over the growth of each its slot (14), its place in the index (17), its part of
// a run in simplelru (4) and its place among the ghosts (5).
const (
	overhead = 14 + 17 + 4 + 5
	sizeUnit = 8
)

// charge returns the number of units that an entry costs, and reports whether
// they are known and fit 32 bits.
func charge[T, V any](keyLen int, valueSize int64) (units uint32, ok bool) {
	bytes := overhead + entryBytes[T, V](keyLen) + valueSize
	n := (bytes + sizeUnit - 1) / sizeUnit
	return uint32(n), valueSize >= 0 && n <= math.MaxUint32
}

func roundUp(n, to int) int { return (n + to - 1) / to * to }

// Of returns what the caller knows of the entries of the same ID.
func (e *Entry[T, V]) Of() *T { return e.group.Of }

// Bytes returns what the entry is charged.
func (e *Entry[T, V]) Bytes() int64 { return int64(e.size) * sizeUnit }

// is reports whether e has the given key. Hashes only lead to an entry: after a
// collision another key's value must not be handed out.
func (e *Entry[T, V]) is(id *ID, key []byte) bool {
	return e.Key() == string(key) && e.group.ID == *id
}

// sameKey reports whether e and other have the same key.
func (e *Entry[T, V]) sameKey(other *Entry[T, V]) bool {
	return e.Key() == other.Key() && e.group.ID == other.group.ID
}

// use notes that e was asked for. It writes only while that says something
// new, so that cores do not fight for the line of a hot entry.
func (e *Entry[T, V]) use() {
	if s := e.state.Load(); s&usesMask < maxUses {
		e.state.CompareAndSwap(s, s+1) // losing to another use is as good
	}
}

// uses returns how often e was asked for, at most maxUses.
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
