package pgcopy

import (
	"encoding/binary"
	"fmt"
	"math"
	"reflect"

	"github.com/jackc/pgx/v5/pgtype"
)

// generic encodes through pgtype, as pgx.CopyFrom does. It boxes the value
// where the type has no plan for a pointer to it.
func generic(m *pgtype.Map, t reflect.Type, oid uint32) (appendFunc, error) {
	if multidimensional(m, t, oid) {
		return guarded(ofText(m, t, oid, flattened(m, t, oid, pgtype.BinaryFormatCode))), nil
	}
	if fn := byAddress(m, t, oid); fn != nil {
		return guarded(ofText(m, t, oid, fn)), nil
	}
	if t.Kind() != reflect.Interface && !encodable(m, t, oid) {
		return nil, errNoPlan
	}
	return guarded(ofText(m, t, oid, func(buf []byte, p pointer) ([]byte, error) {
		return appendValue(m, buf, oid, view(t, p).Elem().Interface())
	})), nil
}

// byAddress uses the codec's plan for *T, whose methods include those of T:
// a pointer fits into an interface without an allocation. Only for plans that
// ask the value's own methods (pgtype's Valuers), which the same plan for T
// and *T shows.
func byAddress(m *pgtype.Map, t reflect.Type, oid uint32) appendFunc {
	typ, ok := m.TypeForOID(oid)
	if !ok || isJSON(typ.Codec) || t.Kind() != reflect.Struct {
		return nil
	}
	byValue := typ.Codec.PlanEncode(m, oid, pgtype.BinaryFormatCode, reflect.Zero(t).Interface())
	plan := typ.Codec.PlanEncode(m, oid, pgtype.BinaryFormatCode, reflect.New(t).Interface())
	if plan == nil || reflect.TypeOf(byValue) != reflect.TypeOf(plan) {
		return nil
	}
	return func(buf []byte, p pointer) ([]byte, error) {
		start := len(buf)
		out, err := plan.Encode(view(t, p).Interface(), appendNull(buf))
		return finish(buf, out, start, err)
	}
}

// encodable says whether values of t have a chance to be encoded, so that a
// hopeless field is refused before the first row.
func encodable(m *pgtype.Map, t reflect.Type, oid uint32) bool {
	value := reflect.Zero(t).Interface()
	if m.PlanEncode(oid, pgtype.BinaryFormatCode, value) != nil {
		return true
	}
	if t.Kind() == reflect.String {
		return true // parsed as the type's text form
	}
	return m.PlanEncode(oid, pgtype.TextFormatCode, value) != nil
}

// textual sends what pgx would send as the text of the value.
func textual(m *pgtype.Map, t reflect.Type, oid uint32) (appendFunc, error) {
	var fn appendFunc
	if typ, known := m.TypeForOID(oid); known && mayHoldInterval(typ.Codec) {
		m = TextTypes(m)
	}
	switch {
	case multidimensional(m, t, oid):
		fn = flattened(m, t, oid, pgtype.TextFormatCode)
	case t.Kind() != reflect.Interface && m.PlanEncode(oid, pgtype.TextFormatCode, reflect.Zero(t).Interface()) == nil:
		return nil, errNoPlan
	default:
		fn = func(buf []byte, p pointer) ([]byte, error) {
			start := len(buf)
			out, err := m.Encode(oid, pgtype.TextFormatCode, view(t, p).Elem().Interface(), appendNull(buf))
			return finish(buf, out, start, err)
		}
	}
	return guarded(func(buf []byte, p pointer) ([]byte, error) {
		start := len(buf)
		out, err := fn(buf, p)
		if err != nil {
			return nil, err
		}
		return out, checkTextBytes(out[start+4:])
	}), nil
}

// appendValue is pgx's encodeCopyValue: binary, and where that fails the
// value's text, parsed and then encoded.
func appendValue(m *pgtype.Map, buf []byte, oid uint32, v any) ([]byte, error) {
	start := len(buf)
	out, err := m.Encode(oid, pgtype.BinaryFormatCode, v, appendNull(buf))
	if err != nil {
		if again, textErr := appendParsed(m, appendNull(buf), oid, v); textErr == nil {
			out, err = again, nil
		}
	}
	return finish(buf, out, start, err)
}

func appendParsed(m *pgtype.Map, buf []byte, oid uint32, v any) ([]byte, error) {
	s, ok := v.(string)
	if !ok {
		text, err := m.Encode(oid, pgtype.TextFormatCode, v, nil)
		if err != nil {
			return nil, err
		}
		s = string(text)
	}
	typ, ok := m.TypeForOID(oid)
	if !ok {
		return nil, errUnknownType
	}
	if _, isArray := typ.Codec.(*pgtype.ArrayCodec); isArray {
		var array pgtype.Array[any]
		if err := m.Scan(oid, pgtype.TextFormatCode, []byte(s), &array); err == nil {
			return m.Encode(oid, pgtype.BinaryFormatCode, array, buf)
		}
	}
	var parsed any
	if err := m.Scan(oid, pgtype.TextFormatCode, []byte(s), &parsed); err != nil {
		return nil, fmt.Errorf("parse text: %w", err)
	}
	return m.Encode(oid, pgtype.BinaryFormatCode, parsed, buf)
}

// finish puts the length before a value that pgtype appended; nil is NULL.
func finish(buf, out []byte, start int, err error) ([]byte, error) {
	switch {
	case err != nil:
		return nil, err
	case out == nil:
		return appendNull(buf), nil
	}
	return setLength(out, start)
}

// setLength writes the length of the value whose length field is at start.
func setLength(buf []byte, start int) ([]byte, error) {
	n := len(buf) - start - 4
	if n > math.MaxInt32 {
		return nil, errTooLong
	}
	binary.BigEndian.PutUint32(buf[start:], uint32(n))
	return buf, nil
}
