package querycache

import "sync/atomic"

// A front is an array of pointers to entries by hash, in pairs that share a
// cache line, read and written without locks. It may point at an entry that
// has left the store, for a moment; entries carry a mark for that.
type front struct {
	slots []atomic.Pointer[entry]
	mask  uint64 // of the first slot of a pair
}

const (
	leastSlots = 1 << 8
	mostSlots  = 1 << 24

	// The front doubles when there are more entries than slotsPerEntry
	// allows: with one to two slots an entry four of five lookups end in it.
	slotsPerEntry = 1
)

func newFront(slots int) *front {
	return &front{make([]atomic.Pointer[entry], slots), uint64(slots-1) &^ 1}
}

// get returns the entry of a read, or nil.
func (f *front) get(hash uint64, id *identity, key []byte) *entry {
	i := hash & f.mask
	if e := f.slots[i].Load(); e != nil && e.is(id, key) && e.alive() {
		return e
	}
	if e := f.slots[i+1].Load(); e != nil && e.is(id, key) && e.alive() {
		return e
	}
	return nil
}

// put puts e in the first place of its pair, and what was there in the second.
func (f *front) put(hash uint64, e *entry) {
	i := hash & f.mask
	if before := f.slots[i].Swap(e); before != nil && before != e {
		f.slots[i+1].Store(before)
		f.clean(i+1, before)
	}
	f.clean(i, e)
}

// clean empties slot i if e, which was just put there, has left the store: the
// drop may have come before the put.
func (f *front) clean(i uint64, e *entry) {
	if !e.alive() {
		f.slots[i].CompareAndSwap(e, nil)
	}
}

// drop lets go of e, which is marked as dead.
func (f *front) drop(hash uint64, e *entry) {
	i := hash & f.mask
	f.slots[i].CompareAndSwap(e, nil)
	f.slots[i+1].CompareAndSwap(e, nil)
}

// growFront makes the front great enough for n entries.
func (s *store) growFront(n int) {
	old := s.front.Load()
	if n*slotsPerEntry <= len(old.slots) || len(old.slots) >= mostSlots || !s.growing.TryLock() {
		return
	}
	defer s.growing.Unlock()
	if s.front.Load() != old {
		return
	}
	s.replaceFront(old, len(old.slots)*2)
}

// shrinkFront makes the front smaller if it is far too great for n entries.
func (s *store) shrinkFront(n int) {
	s.growing.Lock()
	defer s.growing.Unlock()
	old := s.front.Load()
	if slots := powerOfTwo(int64(2*n*slotsPerEntry), leastSlots, mostSlots); slots*fitAt <= len(old.slots) {
		s.replaceFront(old, slots)
	}
}

// replaceFront puts one of another size in place of old. growing is held.
func (s *store) replaceFront(old *front, slots int) {
	fresh := newFront(slots)
	for i := range old.slots {
		if e := old.slots[i].Load(); e != nil {
			fresh.put(s.hash(&e.record.identity, []byte(e.key)), e)
		}
	}
	// What is put into the old one meanwhile is found in its shard. What is
	// dropped from it meanwhile is marked, and is overwritten in time.
	s.front.Store(fresh)
}
