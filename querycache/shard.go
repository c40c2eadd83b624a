package querycache

import (
	"math"
	"sync"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// A queue is a first-in first-out queue of entries by hash: a simplelru that is
// only peeked into, so that looking up needs no more than a read lock.
type queue = simplelru.LRU[uint64, *entry]

func newQueue() *queue {
	q, err := simplelru.NewLRU[uint64, *entry](math.MaxInt, nil)
	if err != nil {
		panic(err) // for a size that is not positive only
	}
	return q
}

// A shard is a part of the store, bounded in bytes by S3-FIFO (Yang et al.,
// "FIFO queues are all you need for cache eviction", SOSP 2023): a new entry
// goes to the small queue, a tenth of the bytes. At its end one that was asked
// for since goes on to the main queue, the others leave and are remembered for
// a while; one that comes back while it is remembered starts in the main queue.
// The main queue gives those that were asked for another round.
type shard struct {
	mu         sync.RWMutex
	small      *queue // guarded by mu, as is all below
	main       *queue
	ghosts     ghosts
	bytes      int64 // of all entries
	smallBytes int64 // of those in small
	budget     int64 // for bytes
	evicted    uint64
	most       int // entries, since the queues were made
}

// smallShare is the part of the budget that new entries get: 1/smallShare.
const smallShare = 10

// find returns the entry of the given hash.
func (sh *shard) find(hash uint64) *entry {
	sh.mu.RLock()
	defer sh.mu.RUnlock()
	return sh.peek(hash)
}

// peek is find with mu held.
func (sh *shard) peek(hash uint64) *entry {
	if e, ok := sh.main.Peek(hash); ok {
		return e
	}
	e, _ := sh.small.Peek(hash)
	return e
}

// wasEvicted reports whether an entry of the given hash was evicted lately.
func (sh *shard) wasEvicted(hash uint64) bool {
	sh.mu.RLock()
	defer sh.mu.RUnlock()
	return sh.ghosts.has(hash)
}

// put stores e under hash, in place of what is there, and evicts what no
// longer fits. It calls gone, with mu held, for each entry that left, and
// returns how many there are.
func (sh *shard) put(hash uint64, e *entry, gone func(hash uint64, e *entry)) int {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	sh.place(hash, e, gone)
	sh.bytes += e.bytes()
	sh.spill()
	sh.shrink(gone)
	n := sh.small.Len() + sh.main.Len()
	sh.most = max(sh.most, n)
	return n
}

// place puts e into the queue where it belongs.
func (sh *shard) place(hash uint64, e *entry, gone func(hash uint64, e *entry)) {
	if old, ok := sh.main.Peek(hash); ok {
		sh.bytes -= old.bytes()
		gone(hash, old)
		sh.main.Add(hash, e)
		return
	}
	old, ok := sh.small.Peek(hash)
	if ok {
		sh.bytes -= old.bytes()
		sh.smallBytes -= old.bytes()
		gone(hash, old)
	} else if sh.ghosts.take(hash) {
		sh.main.Add(hash, e)
		return
	}
	sh.small.Add(hash, e)
	sh.smallBytes += e.bytes()
}

// spill moves the oldest entries of the small queue, asked for or not, to the
// main queue while there is room for all: else the small one's map would grow
// to the size of the whole shard, and maps do not shrink. mu is held.
func (sh *shard) spill() {
	for sh.smallBytes > sh.budget/smallShare && sh.bytes <= sh.budget {
		hash, e, _ := sh.small.RemoveOldest()
		sh.smallBytes -= e.bytes()
		sh.main.Add(hash, e)
	}
}

// shrink evicts until the entries fit the budget. mu is held.
func (sh *shard) shrink(gone func(uint64, *entry)) {
	for sh.bytes > sh.budget {
		if sh.small.Len() > 0 && (sh.smallBytes > sh.budget/smallShare || sh.main.Len() == 0) {
			sh.leaveSmall(gone)
		} else if sh.main.Len() > 0 {
			sh.leaveMain(gone)
		} else {
			return
		}
	}
}

// leaveSmall takes the oldest entry out of the small queue.
func (sh *shard) leaveSmall(gone func(uint64, *entry)) {
	hash, e, _ := sh.small.RemoveOldest()
	sh.smallBytes -= e.bytes()
	if e.alive() && e.uses() >= usesToStay {
		for e.uses() > 0 {
			e.forgetUse()
		}
		sh.main.Add(hash, e)
		return
	}
	sh.bytes -= e.bytes()
	sh.evicted++
	sh.ghosts.fit(sh.main.Len() + sh.small.Len())
	sh.ghosts.add(hash)
	gone(hash, e)
}

// usesToStay is how often an entry in the small queue has to be asked for,
// beside the read that filled it, to go on to the main queue.
const usesToStay = 1

// leaveMain takes the oldest entry that was not asked for out of the main
// queue. It ends since each round lowers the uses of those it passes.
func (sh *shard) leaveMain(gone func(uint64, *entry)) {
	for {
		hash, e, _ := sh.main.GetOldest()
		if e.uses() > 0 && e.alive() {
			e.forgetUse()
			sh.main.Get(hash) // moves it to the front
			continue
		}
		sh.main.Remove(hash)
		sh.bytes -= e.bytes()
		sh.evicted++
		gone(hash, e)
		return
	}
}

// remove takes out e, if it is what is stored under hash.
func (sh *shard) remove(hash uint64, e *entry, gone func(uint64, *entry)) {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if in, ok := sh.main.Peek(hash); ok && in == e {
		sh.main.Remove(hash)
	} else if in, ok := sh.small.Peek(hash); ok && in == e {
		sh.small.Remove(hash)
		sh.smallBytes -= e.bytes()
	} else {
		return
	}
	sh.bytes -= e.bytes()
	gone(hash, e)
}

// setBudget changes the number of bytes that the entries may have.
func (sh *shard) setBudget(bytes int64, gone func(uint64, *entry)) {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	sh.budget = bytes
	sh.shrink(gone)
	sh.fit()
}

// fit makes the queues anew if few are left of the entries that they once had:
// a map keeps its size. mu is held.
func (sh *shard) fit() {
	n := sh.small.Len() + sh.main.Len()
	if n >= sh.most/fitAt {
		return
	}
	sh.small, sh.main, sh.most = copyQueue(sh.small), copyQueue(sh.main), n
	sh.ghosts = ghosts{}
}

// fitAt is the part of the entries there once were, from which on what leads to
// them is made anew.
const fitAt = 4

func copyQueue(q *queue) *queue {
	c := newQueue()
	for _, hash := range q.Keys() { // the oldest first
		e, _ := q.Peek(hash)
		c.Add(hash, e)
	}
	return c
}

// clear takes out everything.
func (sh *shard) clear(gone func(uint64, *entry)) {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	for _, q := range []*queue{sh.small, sh.main} {
		for _, hash := range q.Keys() {
			e, _ := q.Peek(hash)
			gone(hash, e)
		}
	}
	sh.small, sh.main = newQueue(), newQueue() // a map keeps its size: let it go
	sh.ghosts = ghosts{}
	sh.bytes, sh.smallBytes, sh.most = 0, 0, 0
}
