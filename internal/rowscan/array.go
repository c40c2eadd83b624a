package rowscan

import "encoding/binary"

// decodeArray decodes a one-dimensional array without NULLs into a slice. The
// layout is that of array_send in src/backend/utils/adt/arrayfuncs.c: the
// number of dimensions, whether there are NULLs, the elements' OID, for each
// dimension its length and lower bound, and for each element its length and
// bytes.
func decodeArray(r *run, c *column, dst cell, src []byte) bool {
	const header, dimension = 12, 8
	if len(src) < header {
		return false
	}
	switch binary.BigEndian.Uint32(src) {
	case 0:
		if len(src) != header {
			return false
		}
		dst.slice(c.element.alloc(0), 0)
		return true
	case 1:
	default:
		return false
	}
	if len(src) < header+dimension {
		return false
	}
	n := int(int32(binary.BigEndian.Uint32(src[header:])))
	src = src[header+dimension:]
	if n < 0 || n > len(src)/4 { // each element has at least its length
		return false
	}
	first := c.element.alloc(n)
	for i := range n {
		if len(src) < 4 {
			return false
		}
		size := int(int32(binary.BigEndian.Uint32(src)))
		src = src[4:]
		if size < 0 || size > len(src) || !c.element.decode(r, c, first.add(uintptr(i)*c.element.size), src[:size]) {
			return false
		}
		src = src[size:]
	}
	if len(src) > 0 {
		return false
	}
	dst.slice(first, n)
	return true
}
