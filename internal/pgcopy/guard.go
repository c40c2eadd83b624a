package pgcopy

import (
	"errors"
	"fmt"
	"reflect"
	"slices"

	"github.com/jackc/pgx/v5/pgtype"
)

// guarded returns fn with a panic of pgtype, or of a method of the value,
// converted to an error. The caller adds the row and the column. No error
// contains the value.
func guarded(fn appendFunc) appendFunc {
	return func(buf []byte, p pointer) (out []byte, err error) {
		defer func() {
			if v := recover(); v != nil {
				out, err = nil, panicked(v)
			}
		}()
		out, err = fn(buf, p)
		return out, withoutValue(err)
	}
}

func panicked(v any) error {
	if err, ok := v.(error); ok {
		return fmt.Errorf("encoding the value panics: %w", err)
	}
	return fmt.Errorf("encoding the value panics: %v", v)
}

var errRagged = errors.New("an array of several dimensions whose slices differ in length")

// rectangular returns an error for slices of slices that are not an array of
// PostgreSQL. pgtype takes the lengths of the first ones, and omits elements
// beyond them.
func rectangular(t reflect.Type, fn appendFunc) appendFunc {
	return func(buf []byte, p pointer) ([]byte, error) {
		if lengths, ok := measure(view(t, p).Elem(), depth(t)); !ok {
			return nil, fmt.Errorf("%w (the first is %v)", errRagged, lengths)
		}
		return fn(buf, p)
	}
}

// depth returns the number of nested slices or arrays of t. Those of bytes are
// values.
func depth(t reflect.Type) int {
	n := 0
	for {
		switch {
		case t.Kind() == reflect.Pointer && n == 0:
		case (t.Kind() == reflect.Slice || t.Kind() == reflect.Array) && t.Elem().Kind() != reflect.Uint8:
			n++
		default:
			return n
		}
		t = t.Elem()
	}
}

// multidimensional reports whether values of t, slices of slices, become an
// array of several dimensions. For JSON and XML they do not.
func multidimensional(m *pgtype.Map, t reflect.Type, oid uint32) bool {
	typ, known := m.TypeForOID(oid)
	if !known || depth(t) < 2 {
		return false
	}
	array, isArray := typ.Codec.(*pgtype.ArrayCodec)
	if !isArray {
		return false
	}
	_, isXML := array.ElementType.Codec.(*pgtype.XMLCodec)
	return !isXML && !isJSON(array.ElementType.Codec)
}

// flattened encodes slices of slices as one array. pgtype caches the plan of a
// type's first value, which may be one for slices of values.
func flattened(m *pgtype.Map, t reflect.Type, oid uint32, format int16) appendFunc {
	return rectangular(t, func(buf []byte, p pointer) ([]byte, error) {
		start := len(buf)
		out, err := m.Encode(oid, format, flat(t, view(t, p).Elem()), appendNull(buf))
		return finish(buf, out, start, err)
	})
}

// Flat returns slices of slices, of which the type oid makes an array of several
// dimensions, as one array, and other values unchanged.
func Flat(m *pgtype.Map, oid uint32, value any) (any, error) {
	v := reflect.ValueOf(value)
	t := v.Type()
	if !multidimensional(m, t, oid) {
		return value, nil
	}
	if lengths, ok := measure(v, depth(t)); !ok {
		return nil, fmt.Errorf("%w (the first is %v)", errRagged, lengths)
	}
	return flat(t, v), nil
}

// flat returns v, which must be rectangular, as an array.
func flat(t reflect.Type, v reflect.Value) any {
	d := depth(t)
	for v.Kind() == reflect.Pointer && !v.IsNil() {
		v = v.Elem()
	}
	if v.Kind() != reflect.Array && v.IsNil() {
		return nil
	}
	lengths, _ := measure(v, d)
	out := pgtype.Array[any]{Elements: []any{}, Dims: []pgtype.ArrayDimension{}, Valid: true}
	if len(lengths) < d || slices.Contains(lengths, 0) {
		return out
	}
	for _, n := range lengths {
		out.Dims = append(out.Dims, pgtype.ArrayDimension{Length: int32(n), LowerBound: 1})
	}
	out.Elements = leaves(nil, v, d)
	return out
}

func leaves(to []any, v reflect.Value, depth int) []any {
	if depth == 0 {
		return append(to, v.Interface())
	}
	for i := range v.Len() {
		to = leaves(to, v.Index(i), depth-1)
	}
	return to
}

// measure returns the lengths of v's first slices, and reports whether all
// others have the same lengths.
func measure(v reflect.Value, depth int) (lengths []int, ok bool) {
	for v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return nil, true
		}
		v = v.Elem()
	}
	lengths = []int{v.Len()}
	if depth == 1 {
		return lengths, true
	}
	for i := range v.Len() {
		inner, ok := measure(v.Index(i), depth-1)
		switch {
		case !ok:
			return lengths, false
		case i == 0:
			lengths = append(lengths, inner...)
		case !slices.Equal(lengths[1:], inner):
			return lengths, false
		}
	}
	return lengths, true
}
