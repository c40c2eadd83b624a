package s3fifo

import "sync/atomic"

// An index finds the entries of a shard by hash. Readers take no lock; writers
// hold the lock of the shard.
//
// Only slots hold pointers to entries, in the order in which the entries were
// added. Pointers in the order of hashes cost the collector three times as
// much, because each leads to another cache line.
type index[T, V any] struct {
	words []atomic.Uint64               // a hash table with linear probing; 0 is an empty place
	slots []atomic.Pointer[Entry[T, V]] // by number
}

// A word is 32 bits of an entry's hash, its tag, and the number of its slot
// plus one.
func word(tag, slot uint32) uint64 { return uint64(tag)<<32 | uint64(slot+1) }

func tagIn(word uint64) uint32  { return uint32(word >> 32) }
func slotIn(word uint64) uint32 { return uint32(word) - 1 }

// home returns the position at which the search for a tag begins.
func (ix *index[T, V]) home(tag uint32) int {
	return int(uint64(tag) * uint64(len(ix.words)) >> 32)
}

// after returns the position that is searched after i.
func (ix *index[T, V]) after(i int) int {
	if i++; i < len(ix.words) {
		return i
	}
	return 0
}

// get returns the entry of a key, or nil. It needs no lock: entries are
// immutable, so an entry with the right key is correct even if its word has
// changed since. It may miss an entry while another is removed.
func (ix *index[T, V]) get(tag uint32, id *ID, key []byte) *Entry[T, V] {
	i := ix.home(tag)
	for range ix.words {
		w := ix.words[i].Load()
		if w == 0 {
			return nil
		}
		if tagIn(w) == tag {
			if e := ix.slots[slotIn(w)].Load(); e != nil && e.is(id, key) {
				return e
			}
		}
		i = ix.after(i)
	}
	return nil
}

// find returns the slot of a matching entry with the given tag, and reports
// whether there is one. find and all methods below require the lock of the
// shard.
func (ix *index[T, V]) find(tag uint32, matches func(*Entry[T, V]) bool) (slot uint32, ok bool) {
	i := ix.home(tag)
	for range ix.words {
		w := ix.words[i].Load()
		if w == 0 {
			break
		}
		if tagIn(w) == tag && matches(ix.slots[slotIn(w)].Load()) {
			return slotIn(w), true
		}
		i = ix.after(i)
	}
	return 0, false
}

// place returns the position of the first word w in a search for the tag. The
// word must exist.
func (ix *index[T, V]) place(w uint64, tag uint32) int {
	i := ix.home(tag)
	for ix.words[i].Load() != w {
		i = ix.after(i)
	}
	return i
}

// add adds a word. There must be an empty position.
func (ix *index[T, V]) add(w uint64) { ix.words[ix.place(0, tagIn(w))].Store(w) }

// replace replaces old with a word that has the same tag.
func (ix *index[T, V]) replace(old, w uint64) { ix.words[ix.place(old, tagIn(old))].Store(w) }

// remove removes a word, and moves up later words that a search would not find
// across the gap.
func (ix *index[T, V]) remove(old uint64) {
	gap := ix.place(old, tagIn(old))
	for next := ix.after(gap); ; next = ix.after(next) {
		w := ix.words[next].Load()
		if w == 0 {
			break
		}
		if ix.steps(ix.home(tagIn(w)), next) >= ix.steps(gap, next) {
			ix.words[gap].Store(w)
			gap = next
		}
	}
	ix.words[gap].Store(0)
}

// steps returns the number of steps of a search from one position to another.
func (ix *index[T, V]) steps(from, to int) int {
	if to >= from {
		return to - from
	}
	return to - from + len(ix.words)
}
