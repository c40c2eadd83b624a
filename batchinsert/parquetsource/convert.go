package parquetsource

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/big"
	"time"

	"github.com/jackc/pgx/v5/pgtype"
	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/deprecated"
	"github.com/parquet-go/parquet-go/format"
)

// A convert turns a value that is not NULL into what a row has. What it returns
// does not share the value's memory, which is the page's.
type convert func(v parquet.Value) any

// converterFor goes by a column's annotation, then by how its values lie in the
// file. Annotations are described in "Logical Types" of apache/parquet-format.
func converterFor(e *format.SchemaElement, opts *Options) (convert, error) {
	annotation := logicalType(e)
	with, on := annotated(annotation)
	switch t := annotation.(type) {
	case *format.DecimalType:
		return converterForDecimal(e, t)
	case *format.TimeType:
		return converterForTime(e, t)
	case *format.TimestampType:
		return converterForTimestamp(e, t)
	case *format.IntType:
		return converterForInt(e, t)
	case *format.NullType:
		return func(parquet.Value) any { return nil }, nil // has no others
	}
	switch {
	case with != nil && e.Type.V != on.kind, on.length > 0 && e.TypeLength.V != on.length:
		return nil, wrongType(e, annotation)
	case with != nil:
		return with, nil
	}
	return converterForPlain(e, opts)
}

// A storage is how values lie in a file.
type storage struct {
	kind   format.Type
	length int32 // 0 for any
}

// annotated knows the annotations without parameters, and what they may be put
// on.
func annotated(annotation format.LogicalTypeValue) (convert, storage) {
	switch annotation.(type) {
	case *format.StringType, *format.EnumType:
		return text, storage{kind: format.ByteArray}
	case *format.JsonType:
		return func(v parquet.Value) any { return json.RawMessage(clone(v)) }, storage{kind: format.ByteArray}
	case *format.BsonType:
		return bytea, storage{kind: format.ByteArray}
	case *format.DateType:
		return date, storage{kind: format.Int32}
	case *format.UUIDType:
		return func(v parquet.Value) any { return [16]byte(v.ByteArray()) }, storage{format.FixedLenByteArray, 16}
	case *format.Float16Type:
		return float16, storage{format.FixedLenByteArray, 2}
	}
	return nil, storage{}
}

func wrongType(e *format.SchemaElement, annotation format.LogicalTypeValue) error {
	return fmt.Errorf("it is %s on %s, which the format does not allow", annotation, e.Type.V)
}

// converterForPlain is for columns without an annotation, or with one that says
// nothing to a database (GEOMETRY: its bytes are kept).
func converterForPlain(e *format.SchemaElement, opts *Options) (convert, error) {
	switch e.Type.V {
	case format.Boolean:
		return func(v parquet.Value) any { return v.Boolean() }, nil
	case format.Int32:
		return int32s, nil
	case format.Int64:
		return int64s, nil
	case format.Int96:
		return int96, nil
	case format.Float:
		return func(v parquet.Value) any { return v.Float() }, nil
	case format.Double:
		return func(v parquet.Value) any { return v.Double() }, nil
	case format.FixedLenByteArray:
		if e.ConvertedType.Valid && e.ConvertedType.V == deprecated.Interval && e.TypeLength.V == 12 {
			return interval, nil // the format gave it no newer annotation
		}
		return bytea, nil
	case format.ByteArray:
		if opts.BinaryAsText {
			return text, nil
		}
		return bytea, nil
	}
	return nil, fmt.Errorf("its type %s is not known", e.Type.V)
}

func int32s(v parquet.Value) any { return int64(v.Int32()) }
func int64s(v parquet.Value) any { return v.Int64() }
func text(v parquet.Value) any   { return string(v.ByteArray()) }
func bytea(v parquet.Value) any  { return clone(v) }

// clone never returns nil, which is NULL.
func clone(v parquet.Value) []byte { return append([]byte{}, v.ByteArray()...) }

func converterForInt(e *format.SchemaElement, t *format.IntType) (convert, error) {
	switch {
	case e.Type.V == format.Int32 && t.IsSigned:
		return int32s, nil
	case e.Type.V == format.Int64 && t.IsSigned:
		return int64s, nil
	case e.Type.V == format.Int32:
		return func(v parquet.Value) any { return int64(v.Uint32()) }, nil
	case e.Type.V == format.Int64:
		return func(v parquet.Value) any {
			if n := v.Uint64(); n > math.MaxInt64 {
				return n
			}
			return v.Int64()
		}, nil
	}
	return nil, wrongType(e, t)
}

// mostScale is the most that the server's numeric has behind the point.
const mostScale = 16383

func converterForDecimal(e *format.SchemaElement, t *format.DecimalType) (convert, error) {
	if t.Scale < 0 || t.Scale > mostScale {
		return nil, fmt.Errorf("its scale is %d, which is not from 0 to %d", t.Scale, mostScale)
	}
	exp := -t.Scale
	switch e.Type.V {
	case format.Int32:
		return func(v parquet.Value) any {
			return pgtype.Numeric{Int: big.NewInt(int64(v.Int32())), Exp: exp, Valid: true}
		}, nil
	case format.Int64:
		return func(v parquet.Value) any {
			return pgtype.Numeric{Int: big.NewInt(v.Int64()), Exp: exp, Valid: true}
		}, nil
	case format.ByteArray, format.FixedLenByteArray:
		return func(v parquet.Value) any {
			return pgtype.Numeric{Int: bigEndian(v.ByteArray()), Exp: exp, Valid: true}
		}, nil
	}
	return nil, wrongType(e, t)
}

// bigEndian reads a number in two's complement.
func bigEndian(b []byte) *big.Int {
	n := new(big.Int).SetBytes(b)
	if len(b) > 0 && b[0] >= 0x80 {
		n.Sub(n, new(big.Int).Lsh(big.NewInt(1), uint(8*len(b))))
	}
	return n
}

func date(v parquet.Value) any {
	return pgtype.Date{Time: time.Unix(int64(v.Int32())*86400, 0).UTC(), Valid: true}
}

func converterForTime(e *format.SchemaElement, t *format.TimeType) (convert, error) {
	ticks, err := ticksOf(t.Unit)
	want := format.Int64
	if ticks == time.Millisecond {
		want = format.Int32
	}
	switch {
	case err != nil:
		return nil, err
	case e.Type.V != want:
		return nil, wrongType(e, t)
	case want == format.Int32:
		return func(v parquet.Value) any {
			return pgtype.Time{Microseconds: int64(v.Int32()) * 1000, Valid: true}
		}, nil
	}
	return func(v parquet.Value) any {
		return pgtype.Time{Microseconds: instant(v.Int64(), ticks).UnixMicro(), Valid: true}
	}, nil
}

func converterForTimestamp(e *format.SchemaElement, t *format.TimestampType) (convert, error) {
	ticks, err := ticksOf(t.Unit)
	switch {
	case err != nil:
		return nil, err
	case e.Type.V != format.Int64:
		return nil, wrongType(e, t)
	case t.IsAdjustedToUTC:
		return func(v parquet.Value) any { return instant(v.Int64(), ticks) }, nil
	}
	return func(v parquet.Value) any { return pgtype.Timestamp{Time: instant(v.Int64(), ticks), Valid: true} }, nil
}

// ticksOf returns what a time is counted in.
func ticksOf(unit format.TimeUnit) (time.Duration, error) {
	if unit.Value == nil {
		return 0, errors.New("its unit of time is not known")
	}
	return unit.Value.Duration(), nil
}

// instant returns the time so many ticks after 1970.
func instant(n int64, ticks time.Duration) time.Time {
	switch ticks {
	case time.Millisecond:
		return time.UnixMilli(n).UTC()
	case time.Microsecond:
		return time.UnixMicro(n).UTC()
	}
	return time.Unix(0, n).UTC().Round(time.Microsecond)
}

// julianEpoch is the Julian day number of 1970-01-01.
const julianEpoch = 2_440_588

// int96 reads nanoseconds of the day and the Julian day.
func int96(v parquet.Value) any {
	n := v.Int96()
	nanos := int64(n[0]) | int64(n[1])<<32
	at := time.Unix((int64(n[2])-julianEpoch)*86400, nanos).UTC()
	return pgtype.Timestamp{Time: at.Round(time.Microsecond), Valid: true}
}

func interval(v parquet.Value) any {
	b := v.ByteArray()
	part := func(i int) uint32 { return binary.LittleEndian.Uint32(b[4*i:]) }
	return pgtype.Interval{Months: int32(part(0)), Days: int32(part(1)), Microseconds: int64(part(2)) * 1000, Valid: true}
}

// float16 reads a number of IEEE 754's binary16.
func float16(v parquet.Value) any {
	b := v.ByteArray()
	n := uint32(b[0]) | uint32(b[1])<<8
	sign, exp, fraction := n>>15<<31, n>>10&0x1f, n&0x3ff
	switch exp {
	case 0: // fractions of the smallest normal number
		f := float32(fraction) * 0x1p-24
		return math.Float32frombits(math.Float32bits(f) | sign)
	case 0x1f: // infinities and NaN
		exp = 0xff
	default:
		exp += 127 - 15
	}
	return math.Float32frombits(sign | exp<<23 | fraction<<13)
}
