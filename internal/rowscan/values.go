package rowscan

import (
	"encoding/binary"
	"encoding/hex"
	"math"
	"time"
)

// Decoders of single values. The layouts are those of the send functions in
// src/backend/utils/adt, big-endian.

func decodeBool(_ *run, _ *column, dst cell, src []byte) bool {
	if len(src) != 1 {
		return false
	}
	*at[bool](dst) = src[0] == 1
	return true
}

type integer interface {
	~int | ~int8 | ~int16 | ~int32 | ~int64 | ~uint | ~uint8 | ~uint16 | ~uint32 | ~uint64
}

// store puts n into dst if F can hold it.
func store[F integer](dst cell, n int64) bool {
	f := F(n)
	if int64(f) != n || (f < 0) != (n < 0) {
		return false
	}
	*at[F](dst) = f
	return true
}

func decodeInt2[F integer](_ *run, _ *column, dst cell, src []byte) bool {
	return len(src) == 2 && store[F](dst, int64(int16(binary.BigEndian.Uint16(src))))
}

func decodeInt4[F integer](_ *run, _ *column, dst cell, src []byte) bool {
	return len(src) == 4 && store[F](dst, int64(int32(binary.BigEndian.Uint32(src))))
}

func decodeInt8[F integer](_ *run, _ *column, dst cell, src []byte) bool {
	return len(src) == 8 && store[F](dst, int64(binary.BigEndian.Uint64(src)))
}

func decodeFloat4(_ *run, _ *column, dst cell, src []byte) bool {
	if len(src) != 4 {
		return false
	}
	*at[float32](dst) = math.Float32frombits(binary.BigEndian.Uint32(src))
	return true
}

func decodeFloat8(_ *run, _ *column, dst cell, src []byte) bool {
	if len(src) != 8 {
		return false
	}
	*at[float64](dst) = math.Float64frombits(binary.BigEndian.Uint64(src))
	return true
}

func decodeString(r *run, _ *column, dst cell, src []byte) bool {
	if src == nil {
		return false
	}
	*at[string](dst) = stringOf(r.slab.copy(src))
	return true
}

// decodeBytes copies; NULL becomes nil and an empty value an empty slice.
func decodeBytes(r *run, _ *column, dst cell, src []byte) bool {
	switch {
	case src == nil:
		*at[[]byte](dst) = nil
	case len(src) == 0:
		*at[[]byte](dst) = []byte{}
	default:
		*at[[]byte](dst) = r.slab.copy(src)
	}
	return true
}

func decodeUUID(_ *run, _ *column, dst cell, src []byte) bool {
	if len(src) != 16 {
		return false
	}
	*at[[16]byte](dst) = [16]byte(src)
	return true
}

// decodeUUIDString writes a UUID as the server does.
func decodeUUIDString(r *run, _ *column, dst cell, src []byte) bool {
	if len(src) != 16 {
		return false
	}
	id := r.slab.take(36)
	hex.Encode(id, src[:4])
	hex.Encode(id[9:], src[4:6])
	hex.Encode(id[14:], src[6:8])
	hex.Encode(id[19:], src[8:10])
	hex.Encode(id[24:], src[10:])
	id[8], id[13], id[18], id[23] = '-', '-', '-', '-'
	*at[string](dst) = stringOf(id)
	return true
}

// Ranges of the server's types (src/include/datatype/timestamp.h), in their own
// units from 2000-01-01.
var (
	epoch        = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
	minTimestamp = (time.Date(-4713, 11, 24, 0, 0, 0, 0, time.UTC).Unix() - epoch) * 1_000_000
	endTimestamp = (time.Date(294277, 1, 1, 0, 0, 0, 0, time.UTC).Unix() - epoch) * 1_000_000
	minDate      = (time.Date(-4713, 11, 24, 0, 0, 0, 0, time.UTC).Unix() - epoch) / 86400
	endDate      = (time.Date(5874898, 1, 1, 0, 0, 0, 0, time.UTC).Unix() - epoch) / 86400
)

// microseconds decodes a timestamp; infinities are out of range.
func microseconds(src []byte) (t time.Time, ok bool) {
	if len(src) != 8 {
		return t, false
	}
	us := int64(binary.BigEndian.Uint64(src))
	if us < minTimestamp || us >= endTimestamp {
		return t, false
	}
	sec := us / 1_000_000
	return time.Unix(epoch+sec, (us-sec*1_000_000)*1000), true
}

// decodeTimestamptz returns local time, or the time in the codec's
// ScanLocation.
func decodeTimestamptz(r *run, c *column, dst cell, src []byte) bool {
	t, ok := microseconds(src)
	if !ok {
		return false
	}
	if c.codec.located {
		t = t.In(r.locations[c.index])
	}
	*at[time.Time](dst) = t
	return true
}

// decodeTimestamp returns the wall clock in UTC, or in the codec's
// ScanLocation.
func decodeTimestamp(_ *run, c *column, dst cell, src []byte) bool {
	t, ok := microseconds(src)
	if !ok || c.codec.located {
		return false
	}
	*at[time.Time](dst) = t.UTC()
	return true
}

func decodeDate(_ *run, _ *column, dst cell, src []byte) bool {
	if len(src) != 4 {
		return false
	}
	days := int64(int32(binary.BigEndian.Uint32(src)))
	if days < minDate || days >= endDate {
		return false
	}
	*at[time.Time](dst) = time.Unix(epoch+days*86400, 0).UTC()
	return true
}

// decodePointer decodes into new memory, or sets the pointer to nil for NULL.
func decodePointer(r *run, c *column, dst cell, src []byte) bool {
	if src == nil {
		dst.point(cell{})
		return true
	}
	target := r.blocks[c.index].next(&c.element, r.expected)
	if !c.element.decode(r, c, target, src) {
		return false
	}
	dst.point(target)
	return true
}

// decodeNullable decodes into a struct of a value and Valid.
func decodeNullable(r *run, c *column, dst cell, src []byte) bool {
	if src != nil && !c.element.decode(r, c, dst, src) {
		return false
	}
	*at[bool](dst.add(c.valid)) = src != nil
	return true
}
