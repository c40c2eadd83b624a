package rowscan

import (
	"reflect"
	"slices"
)

// Bounds of what values of one result share. Smaller ones keep less alive for a program that keeps one value; larger
// ones allocate less often. With 16 KiB a result of 10,000 rows of 85 bytes of text takes 52 slabs.
const (
	maxSlab  = 16 << 10
	maxShare = maxSlab / 8 // longer values have memory of their own
	minSlab  = 64
	// firstSlab is for a result of which nothing is known.
	firstSlab = 1 << 10
	maxBlock  = 4 << 10
)

// A slab is memory that strings and byte slices are cut from. Each byte is handed out once.
type slab struct {
	buf      []byte
	used     int // bytes of buf handed out
	total    int // bytes handed out of this and earlier slabs of the result
	expected int // bytes that the result is expected to need, 0 where not known
}

// take returns n bytes with no room behind them; for n = 0 they may be nil.
func (s *slab) take(n int) []byte {
	end := s.used + n
	if end > len(s.buf) {
		return s.refill(n)
	}
	b := s.buf[s.used:end:end]
	s.used = end
	return b
}

// refill takes n bytes from a new slab, or as memory of their own where they are many.
func (s *slab) refill(n int) []byte {
	if n > maxShare {
		return make([]byte, n)
	}
	s.total += s.used
	size := s.expected - s.total
	switch {
	case size >= n:
	case s.expected > 0: // not much more than expected, if all goes well
		size = max(s.total/4, minSlab, n)
	default:
		size = max(s.total, firstSlab, n)
	}
	s.buf, s.used = make([]byte, min(size, maxSlab)), 0
	return s.take(n)
}

// copy returns a copy of src as take does.
func (s *slab) copy(src []byte) []byte {
	b := s.take(len(src))
	copy(b, src)
	return b
}

// bytes returns how many bytes the result has taken from slabs.
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

// A list collects rows whose number is not known: in room that the caller has, then in chunks, so that growing copies each
// row once at most.
type list[T any] struct {
	dst  []T // what the rows go behind; the room is the rest of its array
	room bool
	full [][]T // the first is the room, if there is any
	last []T
	n    int // rows in full
	zero int // so many elements of last's array are zero or rows

	expected int // what to make room for when there is none left; then 0
}

// Sizes of chunks in rows and bytes.
const (
	minChunk      = 32
	maxChunk      = 256 << 10
	maxFirstChunk = 4 << 20   // what an expectation may cost
	maxUntried    = 256 << 10 // and what before a row has come, else
	tried         = 64        // this part of it
	maxWiped      = 4 << 10   // bytes of the room that are cleared at once: the result may end before them
)

// listBehind returns a list behind dst that expects so many rows. Room for many is made when the first of them have come:
// results of a statement differ, and all of it is cleared.
func listBehind[T any](dst []T, expected int) list[T] {
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

// next adds a zero T and returns its address, which is good until all.
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

// wipe clears the last element and some that follow: in the room there is what the caller had there before, which must
// not show where a column is NULL or a field has none.
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

// all returns the rows as one slice, not nil, with at most an eighth of its memory empty.
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

// appended returns the rows behind those of dst, in its array if they had room there.
func (l *list[T]) appended() []T {
	rows, chunks := l.dst, append(l.full, l.last)
	if l.room { // they lie there already
		rows, chunks = rows[:len(rows)+len(chunks[0])], chunks[1:]
	}
	rows = slices.Grow(rows, len(l.dst)+l.len()-len(rows))
	for _, chunk := range chunks {
		rows = append(rows, chunk...)
	}
	return rows
}

func sizeOf[T any]() int { return max(int(reflect.TypeFor[T]().Size()), 1) }
