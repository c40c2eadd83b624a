package keyset

import (
	"encoding/binary"
	"strconv"
)

// A TextOf returns the text form of a value in binary format, as [Text] does
// for simple types, or false.
type TextOf func(b []byte) (string, bool)

// Simple returns the TextOf of a type that [Text] knows, or nil.
func Simple(typeOID uint32) TextOf {
	if _, ok := binaryTypes[typeOID]; !ok {
		return nil
	}
	return func(b []byte) (string, bool) { return Text(typeOID, b) }
}

// Plain is the TextOf of types whose binary form equals the text form, such as
// enums.
func Plain(b []byte) (string, bool) { return textPlain(b) }

const maxDimensions = 6 // MAXDIM in array.h

// ArrayOf returns the TextOf of arrays, with the delimiter of their element
// type, usually a comma.
func ArrayOf(element TextOf, delimiter byte) TextOf {
	return func(b []byte) (string, bool) {
		f := fields{b: b}
		dimensions := f.int32()
		f.int32() // whether there are NULLs
		f.int32() // element type
		if f.bad || dimensions < 0 || dimensions > maxDimensions {
			return "", false
		}
		a := arrayText{fields: &f, element: element, delimiter: delimiter}
		shifted := false
		for range dimensions {
			size, lower := f.int32(), f.int32()
			if size < 1 { // an empty array has no dimensions
				return "", false
			}
			a.sizes = append(a.sizes, size)
			shifted = shifted || lower != 1
			a.bounds = append(a.bounds, "["+strconv.Itoa(int(lower))+":"+strconv.Itoa(int(lower)+int(size)-1)+"]"...)
		}
		if shifted {
			a.text = append(a.bounds, '=')
		}
		if dimensions == 0 {
			a.text = append(a.text, "{}"...)
		} else {
			a.dimension(0)
		}
		return f.text(a.text)
	}
}

// arrayText writes an array.
type arrayText struct {
	*fields
	element   TextOf
	delimiter byte
	sizes     []int32
	bounds    []byte
	text      []byte
}

// dimension writes the elements of dimension d, which are arrays except in the
// last dimension.
func (a *arrayText) dimension(d int) {
	a.text = append(a.text, '{')
	for i := range a.sizes[d] {
		if i > 0 {
			a.text = append(a.text, a.delimiter)
		}
		if d < len(a.sizes)-1 {
			a.dimension(d + 1)
		} else {
			a.text = a.quoted(a.text, a.element, "NULL")
		}
		if a.bad {
			return // sizes may be wrong
		}
	}
	a.text = append(a.text, '}')
}

// CompositeOf returns the TextOf of composites.
func CompositeOf(columns []TextOf) TextOf {
	return func(b []byte) (string, bool) {
		f := fields{b: b}
		if n := f.int32(); int(n) != len(columns) {
			return "", false
		}
		text := []byte{'('}
		for i, column := range columns {
			if i > 0 {
				text = append(text, ',')
			}
			f.int32() // type
			text = f.quoted(text, column, "")
		}
		return f.text(append(text, ')'))
	}
}

// The flags in a range's first byte, of rangetypes.h.
const (
	rangeEmpty         = 0x01
	rangeLowerIncluded = 0x02
	rangeUpperIncluded = 0x04
	rangeLowerInfinite = 0x08
	rangeUpperInfinite = 0x10
)

// RangeOf returns the TextOf of ranges.
func RangeOf(bound TextOf) TextOf {
	return func(b []byte) (string, bool) {
		if len(b) == 0 {
			return "", false
		}
		flags := b[0]
		f := fields{b: b[1:]}
		if flags&rangeEmpty != 0 {
			return f.text([]byte("empty"))
		}
		text := []byte{'('}
		if flags&rangeLowerIncluded != 0 {
			text[0] = '['
		}
		if flags&rangeLowerInfinite == 0 {
			text = f.quoted(text, bound, "")
		}
		text = append(text, ',')
		if flags&rangeUpperInfinite == 0 {
			text = f.quoted(text, bound, "")
		}
		if flags&rangeUpperIncluded != 0 {
			return f.text(append(text, ']'))
		}
		return f.text(append(text, ')'))
	}
}

// MultirangeOf returns the TextOf of multiranges of ranges.
func MultirangeOf(ranges TextOf) TextOf {
	return func(b []byte) (string, bool) {
		f := fields{b: b}
		text := []byte{'{'}
		for i := range f.int32() {
			if i > 0 {
				text = append(text, ',')
			}
			value, _ := f.value()
			s, ok := ranges(value)
			if !ok || f.bad {
				return "", false
			}
			text = append(text, s...)
		}
		return f.text(append(text, '}'))
	}
}

// fields reads the parts of a value in order.
type fields struct {
	b   []byte
	bad bool // the value is too short, or a part is invalid for its type
}

func (f *fields) int32() int32 {
	if len(f.b) < 4 {
		f.b, f.bad = nil, true
		return 0
	}
	n := int32(binary.BigEndian.Uint32(f.b))
	f.b = f.b[4:]
	return n
}

// value reads a length and that many bytes; a length of -1 is NULL.
func (f *fields) value() (b []byte, null bool) {
	n := f.int32()
	if n == -1 {
		return nil, true
	}
	if n < 0 || int(n) > len(f.b) {
		f.bad = true
		return nil, false
	}
	b, f.b = f.b[:n], f.b[n:]
	return b, false
}

// quoted appends the next value in double quotes with backslash escapes, which
// arrays, composites and ranges all accept, or null for NULL.
func (f *fields) quoted(text []byte, of TextOf, null string) []byte {
	b, isNull := f.value()
	if isNull {
		return append(text, null...)
	}
	s, ok := of(b)
	f.bad = f.bad || !ok
	text = append(text, '"')
	for i := range len(s) {
		if s[i] == '"' || s[i] == '\\' {
			text = append(text, '\\')
		}
		text = append(text, s[i])
	}
	return append(text, '"')
}

// text returns the result if the value was complete and nothing is left.
func (f *fields) text(text []byte) (string, bool) {
	if f.bad || len(f.b) > 0 {
		return "", false
	}
	return string(text), true
}
