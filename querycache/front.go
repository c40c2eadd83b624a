package querycache

import (
	"math/bits"
	"sync/atomic"
)

// A front finds entries by hash without locks. Each line of memory has places
// for the entries of some hashes and, of each, a byte of its hash, so that a
// lookup goes to memory for the line and for the entry that it finds. It may
// point at an entry that has left the store, for a moment; entries carry a mark
// for that.
type front struct{ lines []line }

type line struct {
	tags  atomic.Uint64 // a byte for each place, and in the highest the place that is taken next
	place [places]atomic.Pointer[entry]
}

const (
	places = 7

	leastLines = 1 << 5
	mostLines  = 1 << 21

	lowBits  = 0x0101_0101_0101_0101
	highBits = 0x8080_8080_8080_8080
)

func newFront(lines int) *front { return &front{make([]line, lines)} }

// line returns the line of a hash, by its high bits, and tag the byte by which it
// is told there from others, its low ones.
func (f *front) line(hash uint64) *line {
	i, _ := bits.Mul64(hash, uint64(len(f.lines)))
	return &f.lines[i]
}

func tag(hash uint64) uint64 { return hash & 0xFF }

// get returns the entry of a read, or nil.
func (f *front) get(hash uint64, id *identity, key []byte) *entry {
	l := f.line(hash)
	differ := l.tags.Load() ^ tag(hash)*lowBits
	// The high bit of each byte that is zero, and now and then of one above it.
	for equal := (differ - lowBits) & ^differ & highBits; equal != 0; equal &= equal - 1 {
		i := bits.TrailingZeros64(equal) / 8
		if i == places {
			break
		}
		if e := l.place[i].Load(); e != nil && e.is(id, key) && e.alive() {
			return e
		}
	}
	return nil
}

// put gives e a place: one that is empty, or the one whose turn it is. That two
// who put at once write the tags of one and the entry of the other only makes a
// lookup end in the shard.
func (f *front) put(hash uint64, e *entry) {
	l := f.line(hash)
	tags := l.tags.Load()
	i := tags >> (8 * places) % places
	for k := range l.place {
		if now := l.place[k].Load(); now == nil || now == e {
			i = uint64(k)
			break
		}
	}
	l.place[i].Store(e)
	next := (i + 1) % places
	l.tags.Store(tags&^(0xFF<<(8*i)|0xFF<<(8*places)) | tag(hash)<<(8*i) | next<<(8*places))
	if !e.alive() { // the drop may have come before the put
		l.place[i].CompareAndSwap(e, nil)
	}
}

// drop lets go of e, which is marked as dead.
func (f *front) drop(hash uint64, e *entry) {
	l := f.line(hash)
	for i := range l.place {
		if l.place[i].Load() == e {
			l.place[i].CompareAndSwap(e, nil)
		}
	}
}

// growFront makes the front great enough for n entries: with two thirds to all of
// the places taken, 95 % of the lookups end in it.
func (s *store) growFront(n int) {
	old := s.front.Load()
	if n <= len(old.lines)*places || len(old.lines) >= mostLines || !s.growing.TryLock() {
		return
	}
	defer s.growing.Unlock()
	if s.front.Load() != old {
		return
	}
	s.replaceFront(old, len(old.lines)*3/2)
}

// shrinkFront makes the front smaller if it is far too great for n entries.
func (s *store) shrinkFront(n int) {
	s.growing.Lock()
	defer s.growing.Unlock()
	old := s.front.Load()
	if lines := min(max(leastLines, 1+n/places), mostLines); lines*fitAt <= len(old.lines) {
		s.replaceFront(old, lines)
	}
}

// replaceFront puts one of another size in place of old. growing is held.
func (s *store) replaceFront(old *front, lines int) {
	fresh := newFront(lines)
	for i := range old.lines {
		for k := range old.lines[i].place {
			if e := old.lines[i].place[k].Load(); e != nil {
				fresh.put(s.hash(&e.record.identity, []byte(e.key())), e)
			}
		}
	}
	// What is put into the old one meanwhile is found in its shard. What is
	// dropped from it meanwhile is marked, and is overwritten in time.
	s.front.Store(fresh)
}
