package keyset

// A block is a set of rows after the position that one ordered index scan can
// read: rows equal to the position in keys[:prefix], and beyond it in
// keys[prefix:end]; or, with null, NULL in keys[prefix] (end == prefix+1), or,
// with notNull, not NULL there.
type block struct {
	prefix, end int
	null        bool
	notNull     bool
	inclusive   bool
}

// blocks splits the rows after a position into blocks, in their order. keys are
// in reading direction.
func blocks(keys []Key, s Form) []block {
	var bs []block
	last := len(keys) - 1
	if s.Inclusive && s.null(last) {
		bs = append(bs, block{prefix: last, end: last + 1, null: true})
	}
	for i := last; i >= 0; i-- {
		k := keys[i]
		if s.null(i) {
			if !k.nullsLast() {
				bs = append(bs, block{prefix: i, end: i + 1, notNull: true})
			}
			continue
		}
		b := block{prefix: i, end: i + 1, inclusive: s.Inclusive && i == last}
		if n := len(bs); n > 0 && bs[n-1].joins(keys, i, s.Tied) {
			bs[n-1].prefix = i
		} else {
			bs = append(bs, b)
		}
		if k.Nullable && k.nullsLast() {
			bs = append(bs, block{prefix: i, end: i + 1, null: true})
		}
	}
	return bs
}

// joins reports whether b, which is beyond the position from keys[i+1] on, and
// the rows beyond it in keys[i] make one condition. A comparison loses the
// NULLs of every member but the first, so keys[i+1] must have none. Keys of
// different directions can be joined too, but then the scan walks through the
// rows that equal the position in the keys of the first direction, from the
// first of them on, which is too slow if there are many.
func (b block) joins(keys []Key, i, tied int) bool {
	if b.null || b.notNull || b.prefix != i+1 || keys[i+1].Nullable {
		return false
	}
	walk := i + run(keys[i:b.end])
	return walk == b.end || walk > tied
}

// run returns the number of leading keys that share a direction.
func run(keys []Key) int {
	n := 1
	for n < len(keys) && keys[n].Desc == keys[0].Desc {
		n++
	}
	return n
}

// Walks returns, in ascending order, the numbers of leading keys after which
// the direction changes. A page may have to walk through rows that are tied in
// so many keys; a caller that sees many such rows sets [Position.Tied].
func Walks(keys []Key) []int {
	var ends []int
	for n := run(keys); n < len(keys); n += run(keys[n:]) {
		ends = append(ends, n)
	}
	return ends
}
