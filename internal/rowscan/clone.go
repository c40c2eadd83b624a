package rowscan

import (
	"math"

	"github.com/headrace/headrace/internal/deepcopy"
)

// Clone returns an independent copy of v: slices, maps and pointer targets are
// copied, once each; strings, which are immutable, are shared. For a flat T it
// allocates once.
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

// Shares returns the name of a field that may not be safe to copy: a method of
// the field's type might modify what it refers to, or compare it by identity;
// "" if copies are independent. Times, locations, values of package unique,
// regular expressions, and the numbers of math/big are known to be safe.
func (d *Decoder[T]) Shares() string { return d.shares }

// Flat reports whether assigning a T copies everything except the bytes of
// strings: Clone then is a single memory copy.
func (d *Decoder[T]) Flat() bool { return d.flat }

// Keep returns a copy of v for long-term storage, and the bytes of memory that
// it keeps alive. Unlike Clone it copies strings too, since decoded strings
// keep the slabs alive that they were cut from. A size of -1 stands for values
// that cannot be copied; they are returned as they are.
func (d *Decoder[T]) Keep(v []T) (kept []T, size int64) {
	kept, size, err := deepcopy.KeepAll(v, math.MaxInt64)
	if err != nil {
		return v, -1
	}
	return kept, size
}
