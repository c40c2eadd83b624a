package pgcopy

import (
	"encoding/binary"
	"math"
	"reflect"
	"slices"
	"time"

	"github.com/jackc/pgx/v5/pgtype"
)

// A form is how a value of one of the commonest types is appended by
// Encoder.Append itself: for those, a call through a function's address takes as
// long as the work.
type form uint8

const (
	called          form = iota // by the step's function
	formInt8                    // int64 and int into bigint
	formInt4                    // int32 into integer
	formFloat8                  // float64 into double precision
	formBool                    // bool into boolean
	formText                    // string into text, varchar, char
	formTimestamptz             // time.Time into timestamptz
)

// A step appends one column. Steps are apart from the columns to lie close
// together.
type step struct {
	offset  uintptr
	form    form
	pointer bool // the field points to a value of the form, or is nil
	notNull bool
}

// formOf returns the form of a fast plan for t, and whether t is a pointer to
// the value.
func (p *planner) formOf(t reflect.Type, c Column) (f form, isPointer bool) {
	typ, ok := p.m.TypeForOID(c.OID)
	if !ok || c.Labels != nil || c.Text || p.fast(t, typ) == nil {
		return called, false
	}
	if isPointer = t.Kind() == reflect.Pointer; isPointer {
		t = t.Elem()
	}
	kind := t.Kind()
	switch typ.Codec.(type) {
	case pgtype.Int8Codec:
		if kind == reflect.Int64 || kind == reflect.Int && t.Size() == 8 {
			return formInt8, isPointer
		}
	case pgtype.Int4Codec:
		if kind == reflect.Int32 {
			return formInt4, isPointer
		}
	case pgtype.Float8Codec:
		if kind == reflect.Float64 {
			return formFloat8, isPointer
		}
	case pgtype.BoolCodec:
		if kind == reflect.Bool {
			return formBool, isPointer
		}
	case pgtype.TextCodec:
		if kind == reflect.String {
			return formText, isPointer
		}
	case *pgtype.TimestamptzCodec:
		if t == timeType {
			return formTimestamptz, isPointer
		}
	}
	return called, false
}

// run appends count rows that lie size bytes apart, or fewer: it goes on while the
// next row fits into limit bytes if it is no larger than largest, which it keeps.
// It returns how many rows it appended, and where the last of them begins. After an
// error, a *[RowError], n is the place of the row that caused it.
//
// The loop over rows is in here because a call for each would take a fifth of the
// time of a row of four numbers.
func (l *layout) run(buf []byte, rows pointer, size uintptr, count, limit int, largest *int) (out []byte, n, last int, err error) {
	steps := l.steps
	for ; n < count && len(buf)+*largest <= limit; n++ {
		row := field(rows, uintptr(n)*size)
		last = len(buf)
		buf = append(buf, byte(len(steps)>>8), byte(len(steps)))
		for i := range steps {
			s := &steps[i]
			p := field(row, s.offset)
			if s.pointer {
				p = target(p)
			}
			if p == nil {
				if s.notNull {
					return nil, n, 0, l.columns[i].failed(errNull)
				}
				buf = append(buf, 0xff, 0xff, 0xff, 0xff)
				continue
			}
			switch s.form {
			case formInt8:
				buf = append8(buf, uint64(at[int64](p)))
			case formInt4:
				buf = binary.BigEndian.AppendUint64(buf, 4<<32|uint64(uint32(at[int32](p))))
			case formFloat8:
				buf = append8(buf, float8(at[float64](p)))
			case formBool:
				buf = append(buf, 0, 0, 0, 1, truth(at[bool](p)))
			case formText:
				if buf, err = appendText(buf, at[string](p)); err != nil {
					return nil, n, 0, l.columns[i].failed(err)
				}
			case formTimestamptz:
				micros, ok := sinceY2K(at[time.Time](p))
				if !ok {
					return nil, n, 0, l.columns[i].failed(errTime)
				}
				buf = append8(buf, uint64(micros))
			default:
				if buf, err = l.columns[i].append(buf, p); err != nil {
					return nil, n, 0, l.columns[i].failed(err)
				}
			}
		}
		*largest = max(*largest, len(buf)-last)
	}
	return buf, n, last, nil
}

// sinceY2K returns the microseconds from 2000 to v, and reports whether the server
// has such a time.
func sinceY2K(v time.Time) (micros int64, ok bool) {
	seconds := v.Unix()
	return (seconds-secondsToY2K)*1_000_000 + int64(v.Nanosecond())/1000, seconds >= firstSecond && seconds < endSecond
}

// float8 returns the bits of a double precision.
func float8(v float64) uint64 {
	if math.IsNaN(v) {
		return serverNaN
	}
	return math.Float64bits(v)
}

// truth returns the byte of a boolean.
func truth(v bool) byte {
	if v {
		return 1
	}
	return 0
}

// append8 appends a value of eight bytes.
func append8(buf []byte, v uint64) []byte {
	return append(buf, 0, 0, 0, 8,
		byte(v>>56), byte(v>>48), byte(v>>40), byte(v>>32), byte(v>>24), byte(v>>16), byte(v>>8), byte(v))
}

// appendText appends a text. Nearly all are ASCII without NUL, for which checkText
// has nothing to say.
func appendText(buf []byte, s string) ([]byte, error) {
	if len(s) >= math.MaxInt32 {
		return nil, errTooLong
	}
	start := len(buf) + 4
	if cap(buf)-start < len(s) {
		buf = slices.Grow(buf, 4+len(s))
	}
	buf = buf[:start+len(s)]
	binary.BigEndian.PutUint32(buf[start-4:], uint32(len(s)))
	if !copyPlain(buf[start:], s) {
		if err := checkText(s); err != nil {
			return nil, err
		}
	}
	return buf, nil
}

// copyPlain copies s to to, which is as long, and reports whether s is ASCII
// without NUL. It takes eight bytes at a time, the last eight first: they overlap
// with those before them.
func copyPlain(to []byte, s string) bool {
	const high, ones = 0x8080_8080_8080_8080, 0x0101_0101_0101_0101
	if len(s) < 8 {
		bad := byte(0)
		for i := range len(s) {
			to[i] = s[i]
			bad |= s[i] | (s[i] - 1)
		}
		return bad < 0x80
	}
	from, into, last := textAt(s), bytesAt(to), uintptr(len(s)-8)
	v := word(field(from, last))
	setWord(field(into, last), v)
	bad := v | (v - ones) // v-ones has a high bit where a byte is 0
	for i := uintptr(0); i < last; i += 8 {
		v := word(field(from, i))
		setWord(field(into, i), v)
		bad |= v | (v - ones)
	}
	return bad&high == 0
}
