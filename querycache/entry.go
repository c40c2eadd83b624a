package querycache

import (
	"math"
	"sync/atomic"

	"github.com/headrace/headrace/internal/rules"
)

// An entry is one kept answer. All but the uses in state is set
// before the entry is published and never changes. Its key, the encoded scope and
// arguments, lies behind it: a short one in the same line of memory.
type entry struct {
	record  *record // the statement and the form of its answer
	value   any
	stamp   uint64 // the number of the last change that was told before the load began
	expires int64  // on the cache's clock, in nanoseconds; never for no time
	size    uint32 // what the entry is charged, in units of sizeUnit bytes
	state   atomic.Uint32
}

// never is the expiry of an entry that lives until a change drops it.
const never = math.MaxInt64

// An entry's state: how often it was asked for since it was last looked at by
// the policy, up to maxUses, and, in the bits above, the length of its key.
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

// charge returns the number of units that an entry costs, and whether that can
// be told in 32 bits.
func charge(keyLen int, valueSize int64) (uint32, bool) {
	bytes := int64(overhead) + entryBytes(keyLen) + valueSize
	units := (bytes + sizeUnit - 1) / sizeUnit
	return uint32(units), valueSize >= 0 && units <= math.MaxUint32
}

func roundUp(n, to int) int { return (n + to - 1) / to * to }

// bytes returns what the entry is charged.
func (e *entry) bytes() int64 { return int64(e.size) * sizeUnit }

// is reports whether e answers the read of the given statement and key. Hashes
// only lead to an entry: another's answer must not be handed out for a
// collision.
func (e *entry) is(id *identity, key []byte) bool {
	if rules.Broken == rules.KeysCompared {
		return e.record.form == id.form
	}
	return e.key() == string(key) && e.record.identity == *id
}

// sameKey reports whether e and another answer the same read.
func (e *entry) sameKey(other *entry) bool {
	if rules.Broken == rules.KeysCompared {
		return e.record.form == other.record.form
	}
	return e.key() == other.key() && e.record.identity == other.record.identity
}

// use notes that e was asked for. It writes only while that says something
// new, so that cores do not fight for the line of a hot entry.
func (e *entry) use() {
	if s := e.state.Load(); s&usesMask < maxUses {
		e.state.CompareAndSwap(s, s+1) // losing to another use is as good
	}
}

// uses returns how often e was asked for, at most maxUses.
func (e *entry) uses() uint32 { return e.state.Load() & usesMask }

// forgetUse lowers the number of uses by one.
func (e *entry) forgetUse() {
	for {
		s := e.state.Load()
		if s&usesMask == 0 || e.state.CompareAndSwap(s, s-1) {
			return
		}
	}
}
