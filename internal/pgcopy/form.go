package pgcopy

import (
	"math"
	"reflect"
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
	append  appendFunc // for every form
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

// run appends a row's values.
func run(buf []byte, row pointer, steps []step) (out []byte, failed int, err error) {
	for i := range steps {
		s := &steps[i]
		p := field(row, s.offset)
		if s.pointer {
			if p = target(p); p == nil {
				if s.notNull {
					return nil, i, errNull
				}
				buf = append(buf, 0xff, 0xff, 0xff, 0xff)
				continue
			}
		}
		switch s.form {
		case formInt8:
			buf = append8(buf, uint64(at[int64](p)))
		case formInt4:
			n := uint32(at[int32](p))
			buf = append(buf, 0, 0, 0, 4, byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
		case formFloat8:
			buf = append8(buf, float8(at[float64](p)))
		case formBool:
			buf = append(buf, 0, 0, 0, 1, truth(at[bool](p)))
		case formText:
			v := at[string](p)
			if !plain(v) {
				if err := checkText(v); err != nil {
					return nil, i, err
				}
			}
			n := uint32(len(v))
			buf = append(append(buf, byte(n>>24), byte(n>>16), byte(n>>8), byte(n)), v...)
		case formTimestamptz:
			v := at[time.Time](p)
			seconds := v.Unix()
			if seconds < firstSecond || seconds >= endSecond {
				return nil, i, errTime
			}
			buf = append8(buf, uint64((seconds-secondsToY2K)*1_000_000+int64(v.Nanosecond())/1000))
		default:
			if buf, err = s.append(buf, p); err != nil {
				return nil, i, err
			}
		}
	}
	return buf, 0, nil
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

// plain reports whether s is ASCII without NUL, as nearly all text is, and short
// enough: then checkText has nothing to say. It looks at eight bytes at a time.
func plain(s string) bool {
	const high, ones = 0x8080808080808080, 0x0101010101010101
	if len(s) >= math.MaxInt32 {
		return false
	}
	for ; len(s) >= 8; s = s[8:] {
		v := uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
			uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
		if (v|(v-ones))&high != 0 { // v-ones has a high bit where a byte is 0
			return false
		}
	}
	for i := range len(s) {
		if s[i]-1 >= 0x7f {
			return false
		}
	}
	return true
}
