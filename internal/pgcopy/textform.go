package pgcopy

import (
	"database/sql"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgtype"
)

// A textForm is how text has to be written to be parsed for a type, and the Go
// type to use where it is not.
type textForm struct{ example, goType string }

// formOfText returns the form for a codec that is parsed.
func formOfText(codec pgtype.Codec) textForm {
	switch codec.(type) {
	case pgtype.BoolCodec:
		return textForm{"true", "bool"}
	case pgtype.Int2Codec, pgtype.Int4Codec, pgtype.Int8Codec, pgtype.Uint32Codec, pgtype.Uint64Codec:
		return textForm{"42", "int64"}
	case pgtype.Float4Codec, pgtype.Float8Codec:
		return textForm{"1.5e10", "float64"}
	case pgtype.NumericCodec:
		return textForm{"123.45", "pgtype.Numeric"}
	case pgtype.DateCodec:
		return textForm{"2006-01-02", "time.Time"}
	case pgtype.TimeCodec:
		return textForm{"15:04:05.999999", "pgtype.Time"}
	case *pgtype.TimestampCodec:
		return textForm{"2006-01-02 15:04:05.999999", "time.Time"}
	case *pgtype.TimestamptzCodec:
		return textForm{"2006-01-02 15:04:05.999999+00", "time.Time"}
	case pgtype.IntervalCodec:
		return textForm{"1 year 2 mons 3 days 04:05:06.789", "pgtype.Interval or time.Duration"}
	case pgtype.UUIDCodec:
		return textForm{"f47ac10b-58cc-4372-a567-0e02b2c3d479", "[16]byte"}
	case pgtype.ByteaCodec:
		return textForm{`\x00ff`, "[]byte"}
	case pgtype.InetCodec:
		return textForm{"192.0.2.0/24", "netip.Prefix"}
	case pgtype.MacaddrCodec:
		return textForm{"08:00:2b:01:02:03", "net.HardwareAddr"}
	}
	return textForm{}
}

// ofText makes fn, which encodes values of t, one for text, where t is text or
// has it as elements: its errors say which text is taken, and it refuses what
// package strconv takes for a number and the server does not.
func ofText(m *pgtype.Map, t reflect.Type, oid uint32, fn appendFunc) appendFunc {
	typ, known := m.TypeForOID(oid)
	if !known {
		return fn
	}
	codec, base, dimensions := typ.Codec, t, 0
	array, isArray := codec.(*pgtype.ArrayCodec)
	if isArray {
		codec = array.ElementType.Codec
	}
	for ; !isText(base) && (base.Kind() == reflect.Pointer || base.Kind() == reflect.Slice || base.Kind() == reflect.Array); base = base.Elem() {
		if base.Kind() != reflect.Pointer {
			dimensions++
		}
	}
	form := formOfText(codec)
	if form.example == "" || !isText(base) {
		return fn
	}
	bits := 0
	switch codec.(type) {
	case pgtype.Float4Codec:
		bits = 32
	case pgtype.Float8Codec:
		bits = 64
	}
	if isArray && dimensions == 0 { // one text for a whole array
		form = textForm{"{" + form.example + "}", "[]" + form.goType}
		if bits > 0 {
			bits = wholeArray
		}
	}
	return func(buf []byte, p pointer) ([]byte, error) {
		out, err := fn(buf, p)
		if err != nil || bits != 0 && !floats(view(t, p).Elem(), bits) {
			return nil, fmt.Errorf("text that is not in range, or not in the form that is parsed here, which is %q; for other forms use a field of type %s", form.example, form.goType)
		}
		return out, nil
	}
}

// wholeArray stands for the bits of a text that is an array of numbers.
const wholeArray = -1

// floats reports whether the server takes the text in v, which strconv takes,
// for the same numbers: it knows no underscores, and refuses what is too small.
func floats(v reflect.Value, bits int) bool {
	switch text := v.Interface().(type) {
	case sql.NullString:
		return !text.Valid || isFloat(text.String, bits)
	case sql.Null[string]:
		return !text.Valid || isFloat(text.V, bits)
	case pgtype.Text:
		return !text.Valid || isFloat(text.String, bits)
	}
	switch v.Kind() {
	case reflect.Pointer:
		return v.IsNil() || floats(v.Elem(), bits)
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			if !floats(v.Index(i), bits) {
				return false
			}
		}
	case reflect.String:
		return isFloat(v.String(), bits)
	}
	return true
}

func isFloat(text string, bits int) bool {
	if strings.ContainsRune(text, '_') {
		return false
	}
	if bits == wholeArray {
		return true
	}
	f, _ := strconv.ParseFloat(text, bits)
	mantissa, _, _ := strings.Cut(strings.ToLower(text), "e")
	if strings.Contains(mantissa, "x") { // hexadecimal
		mantissa, _, _ = strings.Cut(strings.ToLower(text), "p")
		_, mantissa, _ = strings.Cut(mantissa, "x")
	}
	return f != 0 || !strings.ContainsAny(mantissa, "123456789abcdf")
}

// withoutValue takes off what pgtype says of a value that it cannot encode: the
// value itself, or its address.
func withoutValue(err error) error {
	if cause := errors.Unwrap(err); cause != nil && strings.HasPrefix(err.Error(), "unable to encode ") {
		return cause
	}
	return err
}
