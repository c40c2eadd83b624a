package s3fifo

import (
	"math"
	"math/bits"
	"sync/atomic"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// A queue is a first-in first-out queue of entries. A simplelru holds its order
// by runs of entries that were added consecutively. One list element per entry
// would take 90 bytes and six pointers that the collector follows, more than
// all other costs of an entry.
//
// A run is identified by a number. It has runLen slots, the oldest entry first.
type queue struct {
	runs *simplelru.LRU[uint32, struct{}]
	last uint32 // the run to which entries are added; noRun if there is none
}

const (
	runLen = 32 // the bits of an element of slab.used
	noRun  = math.MaxUint32
)

func newQueue() *queue {
	runs, err := simplelru.NewLRU[uint32, struct{}](math.MaxInt, nil)
	if err != nil {
		panic(err) // only a size below 1 is an error
	}
	return &queue{runs, noRun}
}

// A slab holds the slots of the two queues of a shard. The slots of run r begin
// at number r*runLen.
type slab[T, V any] struct {
	index *index[T, V] // holds the slots
	tags  []uint32     // of the entries, by slot
	used  []uint32     // by run, one bit for each slot with an entry
	free  []uint32     // the runs without entries, which are in no queue
	room  int          // the greatest number of entries
}

// newSlab returns a slab with room for n entries and a quarter more, so that
// the cost of replacing a full slab is small per entry. At most half of the
// index is used, so that most searches end at their first word.
func newSlab[T, V any](n int) slab[T, V] {
	room := roomFor(n)
	runs := room/runLen + 3 // two runs of each queue may be partly empty
	s := slab[T, V]{
		&index[T, V]{make([]atomic.Uint64, 2*room), make([]atomic.Pointer[Entry[T, V]], runs*runLen)},
		make([]uint32, runs*runLen), make([]uint32, runs), make([]uint32, runs), room,
	}
	for i := range s.free {
		s.free[i] = uint32(runs - 1 - i)
	}
	return s
}

func roomFor(n int) int { return n + n/4 + runLen }

// push adds e to the end of q and returns its slot. There must be a free run.
func (s *slab[T, V]) push(q *queue, tag uint32, e *Entry[T, V]) (slot uint32) {
	if q.last == noRun || s.used[q.last]>>(runLen-1) != 0 {
		q.last = s.free[len(s.free)-1]
		s.free = s.free[:len(s.free)-1]
		q.runs.Add(q.last, struct{}{})
	}
	i := bits.Len32(s.used[q.last]) // after all others
	s.used[q.last] |= 1 << i
	slot = q.last*runLen + uint32(i)
	s.tags[slot] = tag
	s.index.slots[slot].Store(e)
	return slot
}

// oldest returns the slot of the oldest entry of q, which must not be empty.
func (s *slab[T, V]) oldest(q *queue) uint32 {
	run, _, _ := q.runs.GetOldest()
	return run*runLen + uint32(bits.TrailingZeros32(s.used[run]))
}

// empty removes the entry in a slot from q.
func (s *slab[T, V]) empty(q *queue, slot uint32) {
	run := slot / runLen
	s.index.slots[slot].Store(nil)
	s.used[run] &^= 1 << (slot % runLen)
	if s.used[run] != 0 {
		return
	}
	q.runs.Remove(run)
	s.free = append(s.free, run)
	if q.last == run {
		q.last = noRun
	}
}

// each calls fn for the slots of q, the oldest first.
func (s *slab[T, V]) each(q *queue, fn func(slot uint32)) {
	for _, run := range q.runs.Keys() {
		for used := s.used[run]; used != 0; used &= used - 1 {
			fn(run*runLen + uint32(bits.TrailingZeros32(used)))
		}
	}
}

// copyTo returns a queue of the same entries in another slab, which must have
// room.
func (s *slab[T, V]) copyTo(to *slab[T, V], q *queue) *queue {
	c := newQueue()
	s.each(q, func(slot uint32) {
		tag := s.tags[slot]
		to.index.add(word(tag, to.push(c, tag, s.index.slots[slot].Load())))
	})
	return c
}
