package rowscan

import (
	"reflect"
	"slices"
)

// Bounds of the memory that values of one result share. Smaller bounds keep
// less alive for a program that retains one value; larger ones allocate less
// often. With 16 KiB a result of 10,000 rows of 85 bytes of text takes 52
// slabs.
const (
	maxSlab  = 16 << 10
	maxShare = maxSlab / 8 // longer values have memory of their own
	minSlab  = 64
	// firstSlab is the size for a result without an estimate.
	firstSlab = 1 << 10
	maxBlock  = 4 << 10
)

// A slab is memory that strings and byte slices are cut from. Each byte is used
// once.
type slab struct {
	buf      []byte
	used     int // used bytes of buf
	total    int // used bytes of earlier slabs of the result
	expected int // estimated bytes of the result, 0 if unknown
}

// take returns n bytes without spare capacity; for n = 0 they may be nil.
func (s *slab) take(n int) []byte {
	end := s.used + n
	if end > len(s.buf) {
		return s.refill(n)
	}
	b := s.buf[s.used:end:end]
	s.used = end
	return b
}

// refill takes n bytes from a new slab, or allocates them separately if n is
// large.
func (s *slab) refill(n int) []byte {
	if n > maxShare {
		return make([]byte, n)
	}
	s.total += s.used
	size := s.expected - s.total
	switch {
	case size >= n:
	case s.expected > 0: // not much more than estimated, in most cases
		size = max(s.total/4, minSlab, n)
	default:
		size = max(s.total, firstSlab, n)
	}
	s.buf, s.used = make([]byte, min(size, maxSlab)), 0
	return s.take(n)
}

// copy returns a copy of src in memory from take.
func (s *slab) copy(src []byte) []byte {
	b := s.take(len(src))
	copy(b, src)
	return b
}

// bytes returns the number of bytes that the result has taken from slabs.
func (s *slab) bytes() int { return s.total + s.used }

// A block is memory that the targets of one column's pointers are cut from.
type block struct {
	free cell
	left int
	made int // elements of the last block
}

// next returns a new zero value of the conversion's type.
func (b *block) next(conv *conversion, expected int) cell {
	if b.left == 0 {
		b.made = min(max(2*b.made, expected, 1), max(maxBlock/int(conv.size), 1))
		b.free, b.left = conv.alloc(b.made), b.made
	}
	value := b.free
	if b.left--; b.left > 0 {
		b.free = value.add(conv.size)
	}
	return value
}

// A list collects an unknown number of rows: in the caller's spare capacity,
// then in chunks, so that growing copies each row at most once.
type list[T any] struct {
	dst  []T // the slice that rows are appended to; the room is its spare capacity
	room bool
	full [][]T // the first is the room, if any
	last []T
	n    int // rows in full
	zero int // number of elements of last's array that are zero or rows

	expected int // number of rows to allocate for next; then 0
}

// Sizes of chunks in rows and bytes.
const (
	minChunk      = 32
	maxChunk      = 256 << 10
	maxFirstChunk = 4 << 20   // bound for an estimate
	maxUntried    = 256 << 10 // bound before a row has arrived; beyond it
	tried         = 64        // only this fraction
	maxWiped      = 4 << 10   // bytes of the room to clear at once: the result may end sooner
)

// listAfter returns a list that appends to dst and expects the given number of
// rows. Large memory is allocated only when the first rows have arrived:
// results of a statement vary, and all of it has to be cleared.
func listAfter[T any](dst []T, expected int) list[T] {
	l := list[T]{dst: dst, last: dst[len(dst):], expected: min(expected, max(maxFirstChunk/sizeOf[T](), 1))}
	if cap(dst) == 0 && expected > 0 {
		n := l.expected
		if n*sizeOf[T]() > maxUntried {
			n = max(n/tried, 1)
		}
		l.dst = make([]T, 0, n)
		l.last, l.zero = l.dst, n
	}
	l.room = cap(l.last) > 0
	return l
}

func (l *list[T]) len() int { return l.n + len(l.last) }

// next adds a zero T and returns its address, which is valid until all.
func (l *list[T]) next() *T {
	n := len(l.last)
	if n == cap(l.last) {
		l.grow()
		n = len(l.last)
	}
	l.last = l.last[:n+1]
	if n == l.zero {
		l.wipe()
	}
	return &l.last[n]
}

// wipe clears the last element and some after it: the room contains the
// caller's old values, which must not show through where a column is NULL or a
// field has none.
func (l *list[T]) wipe() {
	more := l.last[l.zero:cap(l.last)]
	more = more[:min(len(more), max(maxWiped/sizeOf[T](), 1))]
	clear(more)
	l.zero += len(more)
}

func (l *list[T]) grow() {
	if expected := l.expected; expected > 0 {
		l.expected = 0
		if expected > len(l.last) {
			l.move(expected)
			return
		}
	}
	if len(l.last) > 0 {
		l.full = append(l.full, l.last)
		l.n += len(l.last)
	}
	l.last = make([]T, 0, max(min(l.n, maxChunk/sizeOf[T]()), min(minChunk, max(maxChunk/sizeOf[T](), 1))))
	l.zero = cap(l.last)
}

// move moves dst and its rows to an array with room for n rows.
func (l *list[T]) move(n int) {
	end := len(l.dst)
	rows := append(make([]T, 0, end+n), l.dst...)
	rows = append(rows, l.last...)
	l.dst, l.last = rows[:end], rows[end:]
	l.room, l.zero = true, n
}

// all returns the rows as one non-nil slice, with at most an eighth of its
// memory unused.
func (l *list[T]) all() []T {
	if len(l.full) == 0 && len(l.last) >= cap(l.last)-cap(l.last)/8 && l.last != nil {
		return l.last
	}
	rows := make([]T, 0, l.len())
	for _, chunk := range l.full {
		rows = append(rows, chunk...)
	}
	return append(rows, l.last...)
}

// appended returns dst with the rows appended, in its array if they fit.
func (l *list[T]) appended() []T {
	rows, chunks := l.dst, append(l.full, l.last)
	if l.room { // they are already in place
		rows, chunks = rows[:len(rows)+len(chunks[0])], chunks[1:]
	}
	rows = slices.Grow(rows, len(l.dst)+l.len()-len(rows))
	for _, chunk := range chunks {
		rows = append(rows, chunk...)
	}
	return rows
}

func sizeOf[T any]() int { return max(int(reflect.TypeFor[T]().Size()), 1) }
