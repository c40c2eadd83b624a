package pgcopy

import "encoding/binary"

// nullable appends the value at an offset of a struct, or NULL where its flag
// is false.
func nullable(fn appendFunc, value, valid uintptr) appendFunc {
	return func(buf []byte, p pointer) ([]byte, error) {
		if !at[bool](field(p, valid)) {
			return appendNull(buf), nil
		}
		return fn(buf, field(p, value))
	}
}

// dereference appends what a pointer points to, or NULL.
func dereference(fn appendFunc) appendFunc {
	return func(buf []byte, p pointer) ([]byte, error) {
		p = target(p)
		if p == nil {
			return appendNull(buf), nil
		}
		return fn(buf, p)
	}
}

// arrayOf appends a slice whose elements are size bytes apart as an array of
// one dimension that starts at index 1 (array_recv).
func arrayOf(fn appendFunc, size uintptr, oid uint32) appendFunc {
	return func(buf []byte, p pointer) ([]byte, error) {
		data, n := slice(p)
		if data == nil {
			return appendNull(buf), nil
		}
		start := len(buf)
		buf = appendArrayHeader(appendNull(buf), oid, n)
		for i := range n {
			element := len(buf)
			var err error
			if buf, err = fn(buf, field(data, uintptr(i)*size)); err != nil {
				return nil, err
			}
			if int32(binary.BigEndian.Uint32(buf[element:])) == -1 {
				buf[start+11] = 1 // the header's flag: it holds NULLs
			}
		}
		return setLength(buf, start)
	}
}

// appendArrayHeader begins an array of one dimension without NULLs.
func appendArrayHeader(buf []byte, oid uint32, n int) []byte {
	buf = append(buf, 0, 0, 0, 1, 0, 0, 0, 0)
	buf = binary.BigEndian.AppendUint32(buf, oid)
	buf = binary.BigEndian.AppendUint32(buf, uint32(n))
	return append(buf, 0, 0, 0, 1)
}

// labelled refuses what is not a label of the enum.
func labelled(fn appendFunc, labels []string) appendFunc {
	known := make(map[string]bool, len(labels))
	for _, l := range labels {
		known[l] = true
	}
	return func(buf []byte, p pointer) ([]byte, error) {
		start := len(buf)
		buf, err := fn(buf, p)
		if err != nil {
			return nil, err
		}
		if int32(binary.BigEndian.Uint32(buf[start:])) != -1 && !known[string(buf[start+4:])] {
			return nil, errLabel(string(buf[start+4:]), labels)
		}
		return buf, nil
	}
}
