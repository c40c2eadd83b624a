package s3fifo

import (
	"sync"
	"sync/atomic"
)

// A shard is a part of the store with its own queues and budget. A new entry
// goes to the small queue, which has a tenth of the bytes. At the end of that
// queue an entry that was used moves to the main queue; other entries are
// evicted and remembered as ghosts. An entry that returns while its ghost is
// remembered starts in the main queue. At the end of the main queue, used
// entries get another round.
type shard[T, V any] struct {
	index atomic.Pointer[index[T, V]] // read without mu
	_     [56]byte                    // separates index from the cache line of the fields below

	mu         sync.RWMutex
	slab       slab[T, V] // guarded by mu, as are all fields below
	small      *queue
	main       *queue
	ghosts     ghosts
	entries    int
	bytes      int64 // of all entries
	smallBytes int64 // of the entries in small
	budget     int64 // bound of bytes
	evicted    uint64
}

// smallShare defines the size of the small queue: 1/smallShare of the budget.
const smallShare = 10

// tagOf returns the part of a hash that identifies an entry in a shard. It
// excludes the bits that select the shard.
func tagOf(hash uint64) uint32 { return uint32(hash) }

// find returns a matching entry with the given tag, or nil. Unlike index.get it
// misses none.
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

// wasEvicted reports whether an entry with the given tag was evicted recently.
func (sh *shard[T, V]) wasEvicted(tag uint32) bool {
	sh.mu.RLock()
	defer sh.mu.RUnlock()
	return sh.ghosts.has(tag)
}

// put stores e in place of the entry with the same key, and evicts entries that
// no longer fit.
func (sh *shard[T, V]) put(tag uint32, e *Entry[T, V]) {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	sh.place(tag, e)
	sh.shrink()
}

// place stores e without evicting. mu is held.
func (sh *shard[T, V]) place(tag uint32, e *Entry[T, V]) {
	if slot, ok := sh.slab.index.find(tag, e.sameKey); ok {
		old := sh.at(slot)
		e.state.Store(e.state.Load() | old.uses()) // the new entry has the same readers
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

// usesToStay is the number of uses after which an entry moves from the small
// queue to the main queue, without the read that loaded it.
const usesToStay = 1

// leaveSmall removes the oldest entry from the small queue. mu is held.
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

// leaveMain evicts the oldest entry of the main queue, or gives it another
// round if it was used. Each round lowers its uses, so an entry is evicted
// eventually. mu is held.
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

// toMain moves the entry in a slot of q to the end of the main queue. There
// must be room. Concurrent readers find the old slot or the new one. mu is
// held.
func (sh *shard[T, V]) toMain(q *queue, slot uint32) {
	tag := sh.slab.tags[slot]
	to := sh.slab.push(sh.main, tag, sh.at(slot))
	sh.slab.index.replace(word(tag, slot), word(tag, to))
	sh.slab.empty(q, slot)
}

// takeOut removes the entry in a slot. mu is held.
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

// remove removes e if the shard holds it.
func (sh *shard[T, V]) remove(tag uint32, e *Entry[T, V]) {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if slot, ok := sh.slab.index.find(tag, func(in *Entry[T, V]) bool { return in == e }); ok {
		sh.takeOut(slot)
	}
}

// setBudget sets the budget, and evicts entries that no longer fit.
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

// fitAt defines when the slab is replaced by a smaller one: when its entries
// need less than 1/fitAt of its room.
const fitAt = 4

// makeRoom makes room for one more entry, or for one that moves between queues.
// mu is held.
func (sh *shard[T, V]) makeRoom() {
	if sh.entries >= sh.slab.room || len(sh.slab.free) == 0 {
		sh.rebuild()
	}
}

// rebuild replaces the index and the queues. The new ones have room for the
// present entries and some more, and no gaps of removed entries. mu is held.
func (sh *shard[T, V]) rebuild() {
	fresh := newSlab[T, V](sh.entries)
	sh.small, sh.main = sh.slab.copyTo(&fresh, sh.small), sh.slab.copyTo(&fresh, sh.main)
	sh.slab = fresh
	sh.index.Store(fresh.index)
}

// clear removes all entries and ghosts.
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
