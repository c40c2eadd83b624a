package s3fifo

import (
	"sync"
	"sync/atomic"
)

// A shard is a part of the store, bounded in bytes by S3-FIFO: a new entry goes to the small queue, a tenth of the bytes. At its end one that was asked
// for since goes on to the main queue, the others leave and are remembered for
// a while; one that comes back while it is remembered starts in the main queue.
// The main queue gives those that were asked for another round.
type shard[T, V any] struct {
	index atomic.Pointer[index[T, V]] // read without mu
	_     [56]byte                    // those who write below would slow down who reads it

	mu         sync.RWMutex
	slab       slab[T, V] // guarded by mu, as is all below
	small      *queue
	main       *queue
	ghosts     ghosts
	entries    int
	bytes      int64 // of all entries
	smallBytes int64 // of those in small
	budget     int64 // for bytes
	evicted    uint64
}

// smallShare is the part of the budget that new entries get: 1/smallShare.
const smallShare = 10

// tagOf returns the part of a hash by which a shard finds an entry. It has none
// of the bits that chose the shard.
func tagOf(hash uint64) uint32 { return uint32(hash) }

// find returns an entry of the given tag that matches, or nil. Unlike index.get
// it misses none.
func (sh *shard[T, V]) find(tag uint32, matches func(*Entry[T, V]) bool) *Entry[T, V] {
	sh.mu.RLock()
	defer sh.mu.RUnlock()
	if slot, ok := sh.slab.index.find(tag, matches); ok {
		return sh.at(slot)
	}
	return nil
}

// at returns the entry in a slot. mu is held.
func (sh *shard[T, V]) at(slot uint32) *Entry[T, V] { return sh.slab.index.slots[slot].Load() }

// wasEvicted reports whether an entry of the given tag was evicted lately.
func (sh *shard[T, V]) wasEvicted(tag uint32) bool {
	sh.mu.RLock()
	defer sh.mu.RUnlock()
	return sh.ghosts.has(tag)
}

// put stores e, in place of what is there, and evicts what no longer fits.
func (sh *shard[T, V]) put(tag uint32, e *Entry[T, V]) {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	sh.place(tag, e)
	sh.shrink()
}

// place puts e where it belongs. mu is held.
func (sh *shard[T, V]) place(tag uint32, e *Entry[T, V]) {
	if slot, ok := sh.slab.index.find(tag, e.sameKey); ok {
		old := sh.at(slot)
		e.state.Store(e.state.Load() | old.uses()) // who asks is the same
		sh.bytes += e.Bytes() - old.Bytes()
		if sh.queueOf(slot) == sh.small {
			sh.smallBytes += e.Bytes() - old.Bytes()
		}
		sh.slab.index.slots[slot].Store(e)
		return
	}
	sh.makeRoom()
	q := sh.small
	if sh.ghosts.take(tag) {
		q = sh.main
	} else {
		sh.smallBytes += e.Bytes()
	}
	sh.bytes += e.Bytes()
	sh.entries++
	sh.slab.index.add(word(tag, sh.slab.push(q, tag, e)))
}

// queueOf returns the queue that has the entry of a slot. mu is held.
func (sh *shard[T, V]) queueOf(slot uint32) *queue {
	if sh.small.runs.Contains(slot / runLen) {
		return sh.small
	}
	return sh.main
}

// shrink evicts until the entries fit the budget. mu is held.
func (sh *shard[T, V]) shrink() {
	for sh.bytes > sh.budget && sh.entries > 0 {
		sh.makeRoom()
		if sh.small.runs.Len() > 0 && (sh.smallBytes > sh.budget/smallShare || sh.main.runs.Len() == 0) {
			sh.leaveSmall()
		} else {
			sh.leaveMain()
		}
	}
}

// usesToStay is how often an entry in the small queue has to be asked for,
// beside the read that filled it, to go on to the main queue.
const usesToStay = 1

// leaveSmall takes the oldest entry out of the small queue. mu is held.
func (sh *shard[T, V]) leaveSmall() {
	slot := sh.slab.oldest(sh.small)
	e := sh.at(slot)
	if e.uses() >= usesToStay {
		for e.uses() > 0 {
			e.forgetUse()
		}
		sh.toMain(sh.small, slot)
		sh.smallBytes -= e.Bytes()
		return
	}
	sh.ghosts.fit(sh.entries)
	sh.ghosts.add(sh.slab.tags[slot])
	sh.evicted++
	sh.takeOut(slot)
}

// leaveMain takes the oldest entry out of the main queue, or gives it another
// round if it was asked for. Each round lowers the uses, so that one leaves in
// the end. mu is held.
func (sh *shard[T, V]) leaveMain() {
	slot := sh.slab.oldest(sh.main)
	if e := sh.at(slot); e.uses() > 0 {
		e.forgetUse()
		sh.toMain(sh.main, slot)
		return
	}
	sh.evicted++
	sh.takeOut(slot)
}

// toMain puts the entry in a slot of q to the end of the main queue. mu is held,
// and there is room. Who reads meanwhile finds one slot or the other.
func (sh *shard[T, V]) toMain(q *queue, slot uint32) {
	tag := sh.slab.tags[slot]
	to := sh.slab.push(sh.main, tag, sh.at(slot))
	sh.slab.index.replace(word(tag, slot), word(tag, to))
	sh.slab.empty(q, slot)
}

// takeOut takes out the entry in a slot. mu is held.
func (sh *shard[T, V]) takeOut(slot uint32) {
	q, e := sh.queueOf(slot), sh.at(slot)
	sh.slab.index.remove(word(sh.slab.tags[slot], slot))
	sh.slab.empty(q, slot)
	sh.entries--
	sh.bytes -= e.Bytes()
	if q == sh.small {
		sh.smallBytes -= e.Bytes()
	}
}

// remove takes out e, if it is there.
func (sh *shard[T, V]) remove(tag uint32, e *Entry[T, V]) {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if slot, ok := sh.slab.index.find(tag, func(in *Entry[T, V]) bool { return in == e }); ok {
		sh.takeOut(slot)
	}
}

// setBudget changes the number of bytes that the entries may have.
func (sh *shard[T, V]) setBudget(bytes int64) {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	sh.budget = bytes
	sh.shrink()
	if roomFor(sh.entries)*fitAt <= sh.slab.room {
		sh.rebuild()
		sh.ghosts = ghosts{}
	}
}

// fitAt is the part of the room there is, below which what is needed leads to it
// being made anew.
const fitAt = 4

// makeRoom makes room for one more entry, and for one that goes from one queue
// to another. mu is held.
func (sh *shard[T, V]) makeRoom() {
	if sh.entries >= sh.slab.room || len(sh.slab.free) == 0 {
		sh.rebuild()
	}
}

// rebuild makes the index and the queues anew, for as many entries as there are
// and some more, without the gaps that entries left which did not leave in their
// order. mu is held.
func (sh *shard[T, V]) rebuild() {
	fresh := newSlab[T, V](sh.entries)
	sh.small, sh.main = sh.slab.copyTo(&fresh, sh.small), sh.slab.copyTo(&fresh, sh.main)
	sh.slab = fresh
	sh.index.Store(fresh.index)
}

// clear takes out everything.
func (sh *shard[T, V]) clear() {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	sh.slab = slab[T, V]{index: new(index[T, V])}
	sh.index.Store(sh.slab.index)
	sh.small, sh.main = newQueue(), newQueue()
	sh.ghosts = ghosts{}
	sh.entries, sh.bytes, sh.smallBytes = 0, 0, 0
}

// values returns all entries.
func (sh *shard[T, V]) values() []*Entry[T, V] {
	sh.mu.RLock()
	defer sh.mu.RUnlock()
	all := make([]*Entry[T, V], 0, sh.entries)
	for _, q := range []*queue{sh.small, sh.main} {
		sh.slab.each(q, func(slot uint32) { all = append(all, sh.at(slot)) })
	}
	return all
}
