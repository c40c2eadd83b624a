package pgcopy

import (
	"encoding/binary"
	"math"
	"reflect"

	"github.com/jackc/pgx/v5/pgtype"
)

// pgtypePlan returns the fast plan for a pgtype struct, or nil.
func pgtypePlan(t reflect.Type, codec pgtype.Codec) appendFunc {
	switch codec.(type) {
	case *pgtype.TimestamptzCodec:
		return ifType[pgtype.Timestamptz](t, appendPgTimestamptz)
	case *pgtype.TimestampCodec:
		return ifType[pgtype.Timestamp](t, appendPgTimestamp)
	case pgtype.DateCodec:
		return ifType[pgtype.Date](t, appendPgDate)
	case pgtype.TimeCodec:
		return ifType[pgtype.Time](t, appendPgTime)
	case pgtype.IntervalCodec:
		return ifType[pgtype.Interval](t, appendPgInterval)
	}
	if !validStructs[t] || isJSON(codec) {
		return nil
	}
	if fn := scalar(t.Field(0).Type, codec); fn != nil {
		return nullable(fn, t.Field(0).Offset, t.Field(1).Offset)
	}
	return nil
}

// validStructs are pgtype's structs of a value and Valid.
var validStructs = map[reflect.Type]bool{
	reflect.TypeFor[pgtype.Bool]():   true,
	reflect.TypeFor[pgtype.Int2]():   true,
	reflect.TypeFor[pgtype.Int4]():   true,
	reflect.TypeFor[pgtype.Int8]():   true,
	reflect.TypeFor[pgtype.Float4](): true,
	reflect.TypeFor[pgtype.Float8](): true,
	reflect.TypeFor[pgtype.Text]():   true,
	reflect.TypeFor[pgtype.UUID]():   true,
}

func ifType[V any](t reflect.Type, fn appendFunc) appendFunc {
	if t == reflect.TypeFor[V]() {
		return fn
	}
	return nil
}

func appendPgTimestamptz(buf []byte, p pointer) ([]byte, error) {
	v := at[pgtype.Timestamptz](p)
	switch {
	case !v.Valid:
		return appendNull(buf), nil
	case v.InfinityModifier != pgtype.Finite:
		return appendInt64(buf, infinite(v.InfinityModifier)), nil
	}
	return appendMicroseconds(buf, v.Time.Unix(), v.Time.Nanosecond())
}

func appendPgTimestamp(buf []byte, p pointer) ([]byte, error) {
	v := at[pgtype.Timestamp](p)
	switch {
	case !v.Valid:
		return appendNull(buf), nil
	case v.InfinityModifier != pgtype.Finite:
		return appendInt64(buf, infinite(v.InfinityModifier)), nil
	}
	return appendMicroseconds(buf, wallSeconds(v.Time), v.Time.Nanosecond())
}

func appendPgDate(buf []byte, p pointer) ([]byte, error) {
	v := at[pgtype.Date](p)
	switch {
	case !v.Valid:
		return appendNull(buf), nil
	case v.InfinityModifier == pgtype.Infinity:
		return binary.BigEndian.AppendUint32(append(buf, 0, 0, 0, 4), math.MaxInt32), nil
	case v.InfinityModifier == pgtype.NegativeInfinity:
		return binary.BigEndian.AppendUint32(append(buf, 0, 0, 0, 4), 1<<31), nil
	}
	return appendDate(buf, addressOf(&v.Time))
}

func appendPgTime(buf []byte, p pointer) ([]byte, error) {
	v := at[pgtype.Time](p)
	if !v.Valid {
		return appendNull(buf), nil
	}
	return appendInt64(buf, v.Microseconds), nil
}

func appendPgInterval(buf []byte, p pointer) ([]byte, error) {
	v := at[pgtype.Interval](p)
	if !v.Valid {
		return appendNull(buf), nil
	}
	buf = binary.BigEndian.AppendUint64(append(buf, 0, 0, 0, 16), uint64(v.Microseconds))
	buf = binary.BigEndian.AppendUint32(buf, uint32(v.Days))
	return binary.BigEndian.AppendUint32(buf, uint32(v.Months)), nil
}
