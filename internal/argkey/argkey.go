package argkey

import (
	"encoding/binary"
	"encoding/json"
	"math"
	"net/netip"
	"time"
)

// The tag before each argument's bytes. Further tiers of
// the cache store keys: a change here fails TestKeysAreStable, and needs a new
// number of querycache.valueForm.
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

// Append appends the key bytes of args to dst and reports whether all of them
// can be encoded. If not, the result must not be used as a key.
//
// Append accepts nil; the basic types and types based on them; time.Time (the
// instant and the zone's offset and name); the types of package pgtype that
// hold one value; net/netip; arrays, slices and structs of all these; and
// pointers to them. It encodes a [driver.Valuer] by its fields and by the
// result of its Value method; other methods that encode a value are assumed to
// depend on the value only. It rejects maps, functions, channels, readers,
// query rewriters, values nested deeper than 8 levels, and pointers in
// unexported fields, except those of package math/big.
//
// Apart from growing dst, it allocates nothing for nil, the basic types,
// time.Time, slices of basic types and pgtype's plain values.
func Append(dst []byte, args []any) ([]byte, bool) {
	for i := range args {
		var ok bool
		if dst, ok = appendArg(dst, args[i], 0); !ok {
			return dst, false
		}
	}
	return dst, true
}

// appendArg appends one argument. It tries the most frequent types first.
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

// appendRarer appends the less frequent basic types.
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

// appendSlice appends the slices that pgx sends as arrays, as for = ANY($1).
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

// appendLen begins a slice of n elements; pgx sends NULL for a nil slice.
func appendLen(dst []byte, n int, isNil bool) []byte {
	if isNil {
		return append(dst, tagNilSlice)
	}
	return binary.AppendUvarint(append(dst, tagSlice), uint64(n))
}

// appendTime appends the instant and the zone: pgx sends the instant for a
// timestamptz, and the wall clock, which depends on both, for a timestamp or
// date. It omits the monotonic reading, which pgx does not send.
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
