package rowscan

import (
	"math"

	"github.com/headrace/headrace/internal/deepcopy"
)

// Clone returns a copy of v that can be changed without v noticing: slices, maps and what pointers point to are the
// copy's own, once each; strings, which nobody can change, are shared. For a flat T it allocates once.
func (d *Decoder[T]) Clone(v []T) []T {
	switch {
	case v == nil:
		return nil
	case d.flat:
		c := make([]T, len(v))
		copy(c, v)
		return c
	}
	return deepcopy.CloneAll(v)
}

// AppendClone appends a copy of v to dst, as Clone makes it.
func (d *Decoder[T]) AppendClone(dst, v []T) []T {
	if d.flat {
		return append(dst, v...)
	}
	return deepcopy.AppendAll(dst, v)
}

// CloneOne returns a copy of v as Clone does.
func (d *Decoder[T]) CloneOne(v T) T {
	if d.flat {
		return v
	}
	return deepcopy.Clone(v)
}

// Shares returns the name of a field that it is not certain can be copied: a method of the field's type might change
// what it refers to, or compare it by identity; "" where copies are on their own. Known to be safe are times, locations,
// what package unique makes, regular expressions, and the numbers of math/big.
func (d *Decoder[T]) Shares() string { return d.shares }

// Flat reports whether assigning a T copies all of it but the bytes of strings: Clone then costs one copy of memory.
func (d *Decoder[T]) Flat() bool { return d.flat }

// Keep returns a copy of v to be kept for long, and the bytes of memory that it keeps alive. The copy is Clone's with
// strings of its own: where decoded rows keep the slabs alive that they were cut from, it keeps nothing but itself. A
// size of -1 stands for values that cannot be copied; they are returned as they are.
func (d *Decoder[T]) Keep(v []T) (kept []T, size int64) {
	kept, size, err := deepcopy.KeepAll(v, math.MaxInt64)
	if err != nil {
		return v, -1
	}
	return kept, size
}
