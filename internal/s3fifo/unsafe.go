package s3fifo

import "unsafe"

// These types hold an entry and a key of up to so many bytes in one object; a
// longer key is an object of its own. With an Entry of 48 bytes they fill size
// classes of the allocator.
type (
	entry16[T, V any] struct {
		Entry[T, V]
		_ [16]byte
	}
	entry32[T, V any] struct {
		Entry[T, V]
		_ [32]byte
	}
	entry64[T, V any] struct {
		Entry[T, V]
		_ [64]byte
	}
	entry144[T, V any] struct {
		Entry[T, V]
		_ [144]byte
	}
	entryLong[T, V any] struct {
		Entry[T, V]
		key string
	}
)

// inEntry is the length of the longest key in the same object as its entry.
// longKey represents the length of all longer keys.
const (
	inEntry = 144
	longKey = inEntry + 1
)

// NewEntry returns an entry with a copy of the key, for a value that keeps size
// bytes alive. It reports false if the size is negative or too large for its
// field.
func NewEntry[T, V any](group *Group[T], key string, value V, size int64) (e *Entry[T, V], ok bool) {
	units, ok := charge[T, V](len(key), size)
	if !ok {
		return nil, false
	}
	e = withKey[T, V](key)
	e.group, e.Value, e.size = group, value, units
	return e, true
}

// withKey returns an entry with a copy of the key.
func withKey[T, V any](key string) *Entry[T, V] {
	var e *Entry[T, V]
	n := len(key)
	switch {
	case n <= 16:
		e = &new(entry16[T, V]).Entry
	case n <= 32:
		e = &new(entry32[T, V]).Entry
	case n <= 64:
		e = &new(entry64[T, V]).Entry
	case n <= inEntry:
		e = &new(entry144[T, V]).Entry
	default:
		e = &(&entryLong[T, V]{key: key}).Entry
		e.state.Store(longKey << keyShift)
		return e
	}
	e.state.Store(uint32(n) << keyShift)
	copy(unsafe.Slice((*byte)(e.behind()), n), key)
	return e
}

// behind returns the address of the key or, for a long key, of its string
// header.
func (e *Entry[T, V]) behind() unsafe.Pointer {
	return unsafe.Add(unsafe.Pointer(e), unsafe.Sizeof(*e))
}

// Key returns the second part of the entry's key.
func (e *Entry[T, V]) Key() string {
	n := e.state.Load() >> keyShift
	if n == longKey {
		return *(*string)(e.behind())
	}
	return unsafe.String((*byte)(e.behind()), n)
}

// entryBytes returns the size of an entry with its key.
func entryBytes[T, V any](keyLen int) int64 {
	for _, room := range []int{16, 32, 64, inEntry} {
		if keyLen <= room {
			return int64(unsafe.Sizeof(Entry[T, V]{})) + int64(room)
		}
	}
	return int64(unsafe.Sizeof(entryLong[T, V]{})) + int64(roundUp(keyLen, 16))
}
