package records

import (
	"bytes"
	"database/sql/driver"
	"encoding"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"math/big"
	"reflect"
	"slices"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/headrace/headrace/internal/pgcopy"
)

// Values reads rows that a program yields as COPY's text format. Its errors are
// [*Error]s. The goroutine that reads it must close it.
type Values struct {
	names []string
	types *pgtype.Map

	columns []Column // of the table, in the order of names, if they are known
	next    func() ([]any, error, bool)
	stop    func()
	rows    int
	rest    []byte // of buf
	buf     []byte

	profiles []Profile // of each column, for an Inspector
}

// OpenValues returns the rows of seq, which have a value for each name.
func OpenValues(names []string, seq iter.Seq2[[]any, error]) (*Values, Format) {
	v := &Values{names: names, types: pgcopy.TextTypes(pgtype.NewMap())}
	v.next, v.stop = iter.Pull2(seq)
	return v, &textFormat{names: names}
}

// Describe sets the columns that the values are for. It must be called before
// the first Read. Without it, the Go type of a value determines its text.
func (v *Values) Describe(columns []Column) { v.columns = columns }

// Close ends seq.
func (v *Values) Close() { v.stop() }

// Read implements [io.Reader].
func (v *Values) Read(p []byte) (int, error) {
	if len(v.rest) == 0 {
		v.buf = v.buf[:0]
		for len(v.buf) < len(p)/2 {
			row, err, more := v.next()
			if !more {
				break
			}
			if err != nil {
				return 0, &Error{Index: v.rows, Err: err}
			}
			if err := v.add(row); err != nil {
				return 0, err
			}
			v.rows++
		}
		if v.rest = v.buf; len(v.rest) == 0 {
			return 0, io.EOF
		}
	}
	n := copy(p, v.rest)
	v.rest = v.rest[n:]
	return n, nil
}

func (v *Values) add(row []any) error {
	if len(row) != len(v.names) {
		return &Error{Index: v.rows, Code: badShape, Err: fmt.Errorf("%d values for %d columns", len(row), len(v.names))}
	}
	for i, value := range row {
		if i > 0 {
			v.buf = append(v.buf, '\t')
		}
		start := len(v.buf)
		var column Column
		if v.columns != nil {
			column = v.columns[i]
		}
		var err error
		v.buf, err = v.field(v.buf, column, value)
		if text := v.buf[start:]; err == nil && v.profiles != nil && string(text) != `\N` {
			err = v.profiles[i].addValue(v.types, value, text)
		}
		if err != nil {
			return &Error{Index: v.rows, Column: v.names[i], Err: fmt.Errorf("value of Go type %T: %w", value, err)}
		}
	}
	v.buf = append(v.buf, '\n')
	return nil
}

// field appends a value in the text form of the column's type. It converts types
// that are common in files itself, and others by pgtype.
func (v *Values) field(buf []byte, c Column, value any) ([]byte, error) {
	if c.JSON && !c.Array {
		switch value.(type) {
		case nil, string, json.RawMessage: // as given
		default:
			return v.encoded(buf, c.OID, value)
		}
	}
	switch x := value.(type) {
	case nil:
		return append(buf, `\N`...), nil
	case string:
		return appendEscaped(buf, []byte(x)), nil
	case []byte:
		if x == nil {
			return append(buf, `\N`...), nil
		}
		return hex.AppendEncode(append(buf, `\\x`...), x), nil // also for text, so that any bytes can be loaded
	case bool:
		return strconv.AppendBool(buf, x), nil
	case int:
		return strconv.AppendInt(buf, int64(x), 10), nil
	case int16:
		return strconv.AppendInt(buf, int64(x), 10), nil
	case int32:
		return strconv.AppendInt(buf, int64(x), 10), nil
	case int64:
		return strconv.AppendInt(buf, x, 10), nil
	case float32:
		return appendFloat(buf, float64(x), 32), nil
	case float64:
		return appendFloat(buf, x, 64), nil
	case time.Time:
		return appendTime(buf, x, zone(x)), nil
	case json.RawMessage:
		if x != nil {
			return appendEscaped(buf, x), nil
		}
	case pgtype.Timestamp:
		if x.Valid && x.InfinityModifier == pgtype.Finite {
			return appendTime(buf, x.Time, ""), nil
		}
	case pgtype.Date:
		if x.Valid && x.InfinityModifier == pgtype.Finite {
			buf, era := appendDate(buf, x.Time)
			return append(buf, era...), nil
		}
	case pgtype.Numeric:
		if x.Valid && x.Int != nil && x.InfinityModifier == pgtype.Finite && !x.NaN && x.Exp <= 0 && x.Exp >= -maxScale {
			return appendDecimal(buf, x.Int, int(-x.Exp)), nil
		}
	}
	return v.other(buf, c, value)
}

// takes reports whether pgtype has a text form of the value for the type.
func (v *Values) takes(oid uint32, value any) bool {
	_, known := v.types.TypeForOID(oid)
	return known && v.types.PlanEncode(oid, pgtype.TextFormatCode, value) != nil
}

// maxScale is the maximum number of digits after the point of the server's
// numeric.
const maxScale = 16383

// appendDecimal appends n / 10^scale without an exponent, which pgtype would
// write and the parsers of pgcopy do not accept.
func appendDecimal(buf []byte, n *big.Int, scale int) []byte {
	start := len(buf)
	if buf = n.Append(buf, 10); n.Sign() < 0 {
		start++
	}
	if missing := scale + 1 - (len(buf) - start); missing > 0 {
		buf = slices.Insert(buf, start, bytes.Repeat([]byte{'0'}, missing)...)
	}
	if scale > 0 {
		buf = slices.Insert(buf, len(buf)-scale, '.')
	}
	return buf
}

func appendFloat(buf []byte, x float64, bits int) []byte {
	switch {
	case math.IsInf(x, 1):
		return append(buf, "Infinity"...)
	case math.IsInf(x, -1):
		return append(buf, "-Infinity"...)
	}
	return strconv.AppendFloat(buf, x, 'g', -1, bits) // including NaN
}

// zone is the layout of a time's offset from UTC.
func zone(t time.Time) string {
	if _, offset := t.Zone(); offset%60 != 0 {
		return "Z07:00:00"
	}
	return "Z07:00"
}

// appendTime appends a time with its zone, which the type timestamp ignores, as
// pgx does. It does not use AppendFormat, which parses its layout each time:
// that took a sixth of a load of Parquet.
func appendTime(buf []byte, t time.Time, zone string) []byte {
	buf, era := appendDate(buf, t)
	hour, minute, second := t.Clock()
	buf = appendTwo(append(buf, ' '), hour)
	buf = appendTwo(append(buf, ':'), minute)
	buf = appendTwo(append(buf, ':'), second)
	buf = appendFraction(buf, t.Nanosecond())
	if zone != "" {
		buf = t.AppendFormat(buf, zone)
	}
	return append(buf, era...)
}

// appendDate appends the date with the year as in the server, which has no year
// 0: the era is written at the end.
func appendDate(buf []byte, t time.Time) (out []byte, era string) {
	year, month, day := t.Date()
	if year <= 0 {
		year, era = 1-year, " BC"
	}
	for limit := 1000; limit > year && limit > 1; limit /= 10 {
		buf = append(buf, '0')
	}
	buf = strconv.AppendInt(buf, int64(year), 10)
	buf = appendTwo(append(buf, '-'), int(month))
	return appendTwo(append(buf, '-'), day), era
}

func appendTwo(buf []byte, n int) []byte { return append(buf, byte('0'+n/10), byte('0'+n%10)) }

// appendFraction appends the digits of the fraction of a second without trailing
// zeros.
func appendFraction(buf []byte, nanos int) []byte {
	if nanos == 0 {
		return buf
	}
	var digits [9]byte
	for i := range digits {
		digits[len(digits)-1-i] = byte('0' + nanos%10)
		nanos /= 10
	}
	return append(append(buf, '.'), bytes.TrimRight(digits[:], "0")...)
}

// other appends the text form that pgtype has for the Go type, or else that of
// the value's own methods.
func (v *Values) other(buf []byte, c Column, value any) ([]byte, error) {
	rv := reflect.ValueOf(value)
	switch rv.Kind() {
	case reflect.Pointer:
		if rv.IsNil() {
			return append(buf, `\N`...), nil
		}
		if _, known := v.types.TypeForValue(value); !known {
			if _, isText := value.(encoding.TextMarshaler); !isText {
				return v.field(buf, c, rv.Elem().Interface())
			}
		}
	case reflect.Slice, reflect.Array:
		if c.Array {
			return v.array(buf, c, value)
		}
		if v.takes(c.OID, value) {
			return v.encoded(buf, c.OID, value)
		}
	}
	if t, ok := v.types.TypeForValue(value); ok {
		return v.encoded(buf, t.OID, value)
	}
	switch x := value.(type) {
	case driver.Valuer:
		plain, err := x.Value()
		if err != nil {
			return buf, err
		}
		return v.field(buf, c, plain)
	case encoding.TextMarshaler:
		text, err := x.MarshalText()
		if err != nil {
			return buf, err
		}
		return appendEscaped(buf, text), nil
	}
	return v.byKind(buf, rv)
}

// array appends a slice or a Go array as an array of the server. Elements of a
// type that pgtype does not know, such as an enum, have the form that their Go
// type has, or that of text.
func (v *Values) array(buf []byte, c Column, value any) ([]byte, error) {
	oid := c.OID
	if _, known := v.types.TypeForOID(oid); !known {
		oid = pgtype.TextArrayOID
		if typ, ok := v.types.TypeForValue(value); ok {
			oid = typ.OID
		}
	}
	value, err := pgcopy.Flat(v.types, oid, value)
	if err != nil {
		return buf, err
	}
	return v.encoded(buf, oid, value)
}

// byKind appends a value whose type is defined from a basic type.
func (v *Values) byKind(buf []byte, value reflect.Value) ([]byte, error) {
	switch value.Kind() {
	case reflect.String:
		return appendEscaped(buf, []byte(value.String())), nil
	case reflect.Bool:
		return strconv.AppendBool(buf, value.Bool()), nil
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return strconv.AppendInt(buf, value.Int(), 10), nil
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return strconv.AppendUint(buf, value.Uint(), 10), nil
	case reflect.Float32, reflect.Float64:
		return appendFloat(buf, value.Float(), value.Type().Bits()), nil
	case reflect.Array:
		return v.encoded(buf, pgtype.UUIDOID, value.Interface())
	case reflect.Map, reflect.Struct, reflect.Slice:
		return v.encoded(buf, pgtype.JSONOID, value.Interface())
	}
	return buf, errors.New("has no text form")
}

// encoded returns the text form of a value by pgtype.
func (v *Values) encoded(buf []byte, oid uint32, value any) ([]byte, error) {
	text, err := v.types.Encode(oid, pgtype.TextFormatCode, value, []byte{}) // nil is NULL
	switch {
	case err != nil:
		return buf, err
	case text == nil:
		return append(buf, `\N`...), nil
	}
	return appendEscaped(buf, text), nil
}
