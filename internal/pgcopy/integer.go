package pgcopy

import (
	"encoding/binary"
	"math"
	"reflect"
)

// integerPlans are the plans of one integer kind.
type integerPlans struct{ int2, int4, int8, float4, float8, numeric appendFunc }

// integers has no entry for other kinds: all of its plans are nil.
var integers = map[reflect.Kind]integerPlans{
	reflect.Int:    plansOf[int](),
	reflect.Int8:   plansOf[int8](),
	reflect.Int16:  plansOf[int16](),
	reflect.Int32:  plansOf[int32](),
	reflect.Int64:  plansOf[int64](),
	reflect.Uint:   plansOf[uint](),
	reflect.Uint8:  plansOf[uint8](),
	reflect.Uint16: plansOf[uint16](),
	reflect.Uint32: plansOf[uint32](),
	reflect.Uint64: plansOf[uint64](),
}

type integer interface {
	int | int8 | int16 | int32 | int64 | uint | uint8 | uint16 | uint32 | uint64
}

func plansOf[V integer]() integerPlans {
	return integerPlans{
		int2: appendInt2[V], int4: appendInt4[V], int8: appendInt8[V],
		float4: appendIntFloat4[V], float8: appendIntFloat8[V], numeric: appendIntNumeric[V],
	}
}

// fits says whether v can be an int64; only large unsigned values cannot.
func fits[V integer](v V) bool { return v <= 0 || int64(v) > 0 }

func appendInt2[V integer](buf []byte, p pointer) ([]byte, error) {
	v := at[V](p)
	n := int64(v)
	if !fits(v) || n != int64(int16(n)) {
		return nil, outOfRange(v, "int2")
	}
	return binary.BigEndian.AppendUint16(append(buf, 0, 0, 0, 2), uint16(n)), nil
}

func appendInt4[V integer](buf []byte, p pointer) ([]byte, error) {
	v := at[V](p)
	n := int64(v)
	if !fits(v) || n != int64(int32(n)) {
		return nil, outOfRange(v, "int4")
	}
	return binary.BigEndian.AppendUint32(append(buf, 0, 0, 0, 4), uint32(n)), nil
}

func appendInt8[V integer](buf []byte, p pointer) ([]byte, error) {
	v := at[V](p)
	if !fits(v) {
		return nil, outOfRange(v, "int8")
	}
	return binary.BigEndian.AppendUint64(append(buf, 0, 0, 0, 8), uint64(v)), nil
}

func appendIntFloat4[V integer](buf []byte, p pointer) ([]byte, error) {
	v := at[V](p)
	if !fits(v) {
		return nil, outOfRange(v, "int8, through which pgx makes it a float")
	}
	return binary.BigEndian.AppendUint32(append(buf, 0, 0, 0, 4), math.Float32bits(float32(int64(v)))), nil
}

func appendIntFloat8[V integer](buf []byte, p pointer) ([]byte, error) {
	v := at[V](p)
	if !fits(v) {
		return nil, outOfRange(v, "int8, through which pgx makes it a float")
	}
	return binary.BigEndian.AppendUint64(append(buf, 0, 0, 0, 8), math.Float64bits(float64(int64(v)))), nil
}

func outOfRange[V integer](v V, to string) error {
	if v > 0 {
		return errRange(uint64(v), to)
	}
	return errRange(int64(v), to)
}
