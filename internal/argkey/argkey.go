package argkey

import (
	"encoding/binary"
	"encoding/json"
	"math"
	"net/netip"
	"time"
)

// The tag before each argument's bytes. Values are part of no stored format:
// keys live as long as the process.
const (
	tagNil byte = iota
	tagFalse
	tagTrue
	tagInt
	tagInt8
	tagInt16
	tagInt32
	tagInt64
	tagUint
	tagUint8
	tagUint16
	tagUint32
	tagUint64
	tagFloat32
	tagFloat64
	tagString
	tagBytes
	tagRawJSON
	tagTime
	tagDuration
	tagAddr
	tagPrefix
	tagUUID
	tagBoolSlice
	tagIntSlice
	tagInt16Slice
	tagInt32Slice
	tagInt64Slice
	tagFloat64Slice
	tagStringSlice
	tagTimeSlice
	tagUUIDSlice
	tagPgtype // followed by one of the tags of pgtype.go
	tagReflected
	tagPointer
	tagNilSlice // in place of a slice's bytes: pgx sends NULL for it, not '{}'
	tagSlice
	tagValuer
)

// Append appends the key bytes of args to dst and reports whether every one of
// them can be keyed. If not, what it returns holds the bytes of those before the
// first that cannot, and must not be used as a key.
//
// Keyed are nil; the basic types and types made of them; time.Time (the instant
// and the zone's offset and name); the types of package pgtype that hold one
// value; net/netip; arrays, slices and structs of all these; and pointers to
// them. A [driver.Valuer] is keyed by its fields and by what its Value method
// returns; other methods that encode a value are taken to depend on the value
// alone. Maps, functions, channels, readers, query rewriters, values nested
// deeper than 8 levels, and pointers in fields that are not exported, but for
// those of package math/big, are refused.
//
// It allocates nothing for nil, the basic types, time.Time, the slices of basic
// types and pgtype's plain values, beyond growing dst.
func Append(dst []byte, args []any) ([]byte, bool) {
	for i := range args {
		var ok bool
		if dst, ok = appendArg(dst, args[i], 0); !ok {
			return dst, false
		}
	}
	return dst, true
}

// appendArg appends one argument. It asks for the commonest types first.
func appendArg(dst []byte, arg any, depth int) ([]byte, bool) {
	switch v := arg.(type) {
	case nil:
		return append(dst, tagNil), true
	case int:
		return appendWord(append(dst, tagInt), uint64(v)), true
	case int64:
		return appendWord(append(dst, tagInt64), uint64(v)), true
	case string:
		return appendString(append(dst, tagString), v), true
	case int32:
		return binary.LittleEndian.AppendUint32(append(dst, tagInt32), uint32(v)), true
	case bool:
		return appendBool(dst, v), true
	case time.Time:
		return appendTime(append(dst, tagTime), v), true
	case [16]byte:
		return append(append(dst, tagUUID), v[:]...), true
	case []byte:
		if v == nil {
			return append(dst, tagBytes, tagNilSlice), true
		}
		return appendBytes(append(dst, tagBytes, tagSlice), v), true
	case float64:
		return appendWord(append(dst, tagFloat64), math.Float64bits(v)), true
	}
	if dst, ok := appendSlice(dst, arg); ok {
		return dst, true
	}
	if dst, ok := appendRarer(dst, arg); ok {
		return dst, true
	}
	if dst, ok := appendPgtype(dst, arg); ok {
		return dst, true
	}
	return appendReflected(dst, arg, depth)
}

// appendRarer appends the basic types that arguments seldom have.
func appendRarer(dst []byte, arg any) ([]byte, bool) {
	switch v := arg.(type) {
	case int8:
		return append(dst, tagInt8, byte(v)), true
	case int16:
		return binary.LittleEndian.AppendUint16(append(dst, tagInt16), uint16(v)), true
	case uint:
		return appendWord(append(dst, tagUint), uint64(v)), true
	case uint8:
		return append(dst, tagUint8, v), true
	case uint16:
		return binary.LittleEndian.AppendUint16(append(dst, tagUint16), v), true
	case uint32:
		return binary.LittleEndian.AppendUint32(append(dst, tagUint32), v), true
	case uint64:
		return appendWord(append(dst, tagUint64), v), true
	case float32:
		return binary.LittleEndian.AppendUint32(append(dst, tagFloat32), math.Float32bits(v)), true
	case time.Duration:
		return appendWord(append(dst, tagDuration), uint64(v)), true
	case json.RawMessage:
		if v == nil {
			return append(dst, tagRawJSON, tagNilSlice), true
		}
		return appendBytes(append(dst, tagRawJSON, tagSlice), v), true
	case netip.Addr:
		return appendAddr(append(dst, tagAddr), v), true
	case netip.Prefix:
		return append(appendAddr(append(dst, tagPrefix), v.Addr()), byte(v.Bits())), true
	}
	return dst, false
}

// appendSlice appends the slices that stand for arrays in = ANY($1).
func appendSlice(dst []byte, arg any) ([]byte, bool) {
	switch v := arg.(type) {
	case []int64:
		dst = appendLen(append(dst, tagInt64Slice), len(v), v == nil)
		for _, n := range v {
			dst = appendWord(dst, uint64(n))
		}
	case []int:
		dst = appendLen(append(dst, tagIntSlice), len(v), v == nil)
		for _, n := range v {
			dst = appendWord(dst, uint64(n))
		}
	case []int32:
		dst = appendLen(append(dst, tagInt32Slice), len(v), v == nil)
		for _, n := range v {
			dst = binary.LittleEndian.AppendUint32(dst, uint32(n))
		}
	case []int16:
		dst = appendLen(append(dst, tagInt16Slice), len(v), v == nil)
		for _, n := range v {
			dst = binary.LittleEndian.AppendUint16(dst, uint16(n))
		}
	case []string:
		dst = appendLen(append(dst, tagStringSlice), len(v), v == nil)
		for _, s := range v {
			dst = appendString(dst, s)
		}
	case []float64:
		dst = appendLen(append(dst, tagFloat64Slice), len(v), v == nil)
		for _, f := range v {
			dst = appendWord(dst, math.Float64bits(f))
		}
	case []bool:
		dst = appendLen(append(dst, tagBoolSlice), len(v), v == nil)
		for _, b := range v {
			dst = appendBool(dst, b)
		}
	case []time.Time:
		dst = appendLen(append(dst, tagTimeSlice), len(v), v == nil)
		for _, t := range v {
			dst = appendTime(dst, t)
		}
	case [][16]byte:
		dst = appendLen(append(dst, tagUUIDSlice), len(v), v == nil)
		for i := range v {
			dst = append(dst, v[i][:]...)
		}
	default:
		return dst, false
	}
	return dst, true
}

func appendWord(dst []byte, v uint64) []byte { return binary.LittleEndian.AppendUint64(dst, v) }

func appendBool(dst []byte, v bool) []byte {
	if v {
		return append(dst, tagTrue)
	}
	return append(dst, tagFalse)
}

func appendString(dst []byte, s string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(s))), s...)
}

func appendBytes(dst, b []byte) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(b))), b...)
}

// appendLen begins a slice of n elements; a nil slice is NULL to pgx.
func appendLen(dst []byte, n int, isNil bool) []byte {
	if isNil {
		return append(dst, tagNilSlice)
	}
	return binary.AppendUvarint(append(dst, tagSlice), uint64(n))
}

// appendTime appends the instant and the zone: a timestamptz is sent by the
// first, a timestamp or date by the wall clock that both make. The monotonic
// reading is no part of what is sent.
func appendTime(dst []byte, t time.Time) []byte {
	name, offset := t.Zone()
	dst = appendWord(dst, uint64(t.Unix()))
	dst = binary.LittleEndian.AppendUint32(dst, uint32(t.Nanosecond()))
	dst = binary.LittleEndian.AppendUint32(dst, uint32(int32(offset)))
	return appendString(dst, name)
}

func appendAddr(dst []byte, a netip.Addr) []byte {
	b := a.As16()
	return appendString(append(append(dst, byte(a.BitLen())), b[:]...), a.Zone())
}
