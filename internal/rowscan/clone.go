package rowscan

// Clone returns a copy of v that can be changed without v noticing: slices, maps and what pointers point to are the
// copy's own; strings, which nobody can change, are shared. For a flat T it allocates once.
//
// What pointers and interfaces in fields that are not exported refer to is shared too: a time's location, say, which
// nobody changes. Shares tells where somebody might.
func (d *Decoder[T]) Clone(v []T) []T {
	if v == nil {
		return nil
	}
	c := make([]T, len(v))
	copy(c, v)
	if d.clone != nil {
		m := memory{expected: len(c)}
		for i := range c {
			d.clone(&m, cellOf(&c[i]))
		}
	}
	return c
}

// CloneOne returns a copy of v as Clone does.
func (d *Decoder[T]) CloneOne(v T) T {
	if d.clone != nil {
		c := v // escapes; a flat v does not
		d.clone(&memory{expected: 1}, cellOf(&c))
		return c
	}
	return v
}

// Shares returns the name of a field whose content a copy shares with its original, though a method of the field's type
// might change it; "" where copies are on their own. Known to be safe are times, locations, what package unique makes,
// regular expressions, and the numbers of math/big, which are copied.
func (d *Decoder[T]) Shares() string { return d.shares }

// Flat reports whether assigning a T copies all of it but the bytes of strings: Clone then costs one copy of memory.
func (d *Decoder[T]) Flat() bool { return d.clone == nil }

// Keep returns a copy of v to be kept for long, and the bytes of memory that it keeps alive. The copy is Clone's with
// strings of its own, in memory of just their size: where decoded rows keep the slabs alive that they were cut from, it
// keeps nothing but itself.
func (d *Decoder[T]) Keep(v []T) (kept []T, size int64) {
	kept = make([]T, len(v))
	copy(kept, v)
	if d.keep != nil {
		m := memory{expected: len(kept)}
		var s sizes
		for i := range kept {
			d.measure(&s, cellOf(&kept[i]))
		}
		m.text = make([]byte, 0, s.text)
		for i := range kept {
			d.keep(&m, cellOf(&kept[i]))
		}
	}
	return kept, d.Size(kept)
}

// Size returns the bytes of memory that v keeps alive: its array and what its values refer to. What two values share
// counts for both. It is exact to a few percent for what Keep returns; rows that were just decoded share slabs with up
// to 16 KiB unused, which it cannot see.
func (d *Decoder[T]) Size(v []T) int64 {
	s := sizes{other: allocated(int64(cap(v)) * int64(sizeOf[T]()))}
	if d.measure != nil {
		for i := range v {
			d.measure(&s, cellOf(&v[i]))
		}
	}
	return s.other + allocated(s.text)
}
