package s3fifo

import (
	"math"
	"math/bits"
	"sync/atomic"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// A queue is a first-in first-out queue of entries. A simplelru owns its order,
// by runs: entries that were added one after the other. An element for each entry
// would take 90 bytes and six pointers for the collector to follow, which is more
// than all else that an entry costs.
//
// A run is a number. It has runLen slots, in which the oldest entry comes first.
type queue struct {
	runs *simplelru.LRU[uint32, struct{}]
	last uint32 // the newest run, to which entries are added; noRun if there is none
}

const (
	runLen = 32 // the bits of an element of slab.used
	noRun  = math.MaxUint32
)

func newQueue() *queue {
	runs, err := simplelru.NewLRU[uint32, struct{}](math.MaxInt, nil)
	if err != nil {
		panic(err) // for a size that is not positive only
	}
	return &queue{runs, noRun}
}

// A slab has the slots of a shard's two queues. Slots are numbered: those of run r
// begin at r*runLen.
type slab[T, V any] struct {
	index *index[T, V] // where the slots are
	tags  []uint32     // by slot, that of its entry
	used  []uint32     // by run, a bit for each slot that has an entry
	free  []uint32     // the runs without entries, which are in no queue
	room  int          // how many entries there may be
}

// newSlab returns a slab with room for n entries and a quarter more, so that
// replacing it when it is full costs little for each entry. At most half of the
// index is taken, so that most searches end at their first word.
func newSlab[T, V any](n int) slab[T, V] {
	room := roomFor(n)
	runs := room/runLen + 3 // each queue may have two that are half empty
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

// push adds e to the end of q, and returns its slot. There is a free run.
func (s *slab[T, V]) push(q *queue, tag uint32, e *Entry[T, V]) (slot uint32) {
	if q.last == noRun || s.used[q.last]>>(runLen-1) != 0 {
		q.last = s.free[len(s.free)-1]
		s.free = s.free[:len(s.free)-1]
		q.runs.Add(q.last, struct{}{})
	}
	i := bits.Len32(s.used[q.last]) // behind all others
	s.used[q.last] |= 1 << i
	slot = q.last*runLen + uint32(i)
	s.tags[slot] = tag
	s.index.slots[slot].Store(e)
	return slot
}

// oldest returns the slot of the oldest entry of q. There is one.
func (s *slab[T, V]) oldest(q *queue) uint32 {
	run, _, _ := q.runs.GetOldest()
	return run*runLen + uint32(bits.TrailingZeros32(s.used[run]))
}

// empty takes the entry of a slot out of q.
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

// each calls fn for the slots of q, the oldest entry's first.
func (s *slab[T, V]) each(q *queue, fn func(slot uint32)) {
	for _, run := range q.runs.Keys() {
		for used := s.used[run]; used != 0; used &= used - 1 {
			fn(run*runLen + uint32(bits.TrailingZeros32(used)))
		}
	}
}

// copyTo returns a queue of the same entries in another slab, which has room.
func (s *slab[T, V]) copyTo(to *slab[T, V], q *queue) *queue {
	c := newQueue()
	s.each(q, func(slot uint32) {
		tag := s.tags[slot]
		to.index.add(word(tag, to.push(c, tag, s.index.slots[slot].Load())))
	})
	return c
}
