package querycache

import "unsafe"

// address returns p's address as a number, to spread counters by. Nothing is
// ever read through it.
func address[T any](p *T) uintptr { return uintptr(unsafe.Pointer(p)) }

// Entries with room for keys of up to so many bytes, by the allocator's classes,
// so that entry and key are one object; a longer key is one by itself.
type (
	entry16 struct {
		entry
		_ [16]byte
	}
	entry32 struct {
		entry
		_ [32]byte
	}
	entry64 struct {
		entry
		_ [64]byte
	}
	entry144 struct {
		entry
		_ [144]byte
	}
	entryLong struct {
		entry
		key string
	}
)

// inEntry is the longest key that lies in its entry, and longKey stands for the
// length of all others.
const (
	inEntry = 144
	longKey = inEntry + 1
)

// newEntry returns an entry with a copy of the key.
func newEntry(key string) *entry {
	var e *entry
	n := len(key)
	switch {
	case n <= 16:
		e = &new(entry16).entry
	case n <= 32:
		e = &new(entry32).entry
	case n <= 64:
		e = &new(entry64).entry
	case n <= inEntry:
		e = &new(entry144).entry
	default:
		e = &(&entryLong{key: key}).entry
		e.state.Store(longKey << keyShift)
		return e
	}
	e.state.Store(uint32(n) << keyShift)
	copy(unsafe.Slice((*byte)(e.behind()), n), key)
	return e
}

// behind returns where the key lies, or its header.
func (e *entry) behind() unsafe.Pointer { return unsafe.Add(unsafe.Pointer(e), unsafe.Sizeof(*e)) }

// key returns the entry's key.
func (e *entry) key() string {
	n := e.state.Load() >> keyShift
	if n == longKey {
		return *(*string)(e.behind())
	}
	return unsafe.String((*byte)(e.behind()), n)
}

// entryBytes returns what an entry takes, its key included.
func entryBytes(keyLen int) int64 {
	var e entry
	for _, room := range []int{16, 32, 64, inEntry} {
		if keyLen <= room {
			return int64(unsafe.Sizeof(e)) + int64(room)
		}
	}
	return int64(unsafe.Sizeof(entryLong{})) + int64(roundUp(keyLen, 16))
}
