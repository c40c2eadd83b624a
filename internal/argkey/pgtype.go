package argkey

import (
	"encoding/binary"
	"math"
	"math/big"
	"time"

	"github.com/jackc/pgx/v5/pgtype"
)

// Tags of pgtype's types, after tagPgtype.
const (
	pgBool byte = iota
	pgInt2
	pgInt4
	pgInt8
	pgFloat4
	pgFloat8
	pgText
	pgUUID
	pgDate
	pgTime
	pgTimestamp
	pgTimestamptz
	pgInterval
	pgNumeric
)

// appendPgtype appends the most frequent types of package pgtype. The others
// are structs of basic types, which appendReflected handles.
func appendPgtype(dst []byte, arg any) ([]byte, bool) {
	switch v := arg.(type) {
	case pgtype.Text:
		return appendString(appendValid(dst, pgText, v.Valid), v.String), true
	case pgtype.Int8:
		return appendWord(appendValid(dst, pgInt8, v.Valid), uint64(v.Int64)), true
	case pgtype.Int4:
		return binary.LittleEndian.AppendUint32(appendValid(dst, pgInt4, v.Valid), uint32(v.Int32)), true
	case pgtype.Int2:
		return binary.LittleEndian.AppendUint16(appendValid(dst, pgInt2, v.Valid), uint16(v.Int16)), true
	case pgtype.UUID:
		return append(appendValid(dst, pgUUID, v.Valid), v.Bytes[:]...), true
	case pgtype.Bool:
		return appendBool(appendValid(dst, pgBool, v.Valid), v.Bool), true
	case pgtype.Float8:
		return appendWord(appendValid(dst, pgFloat8, v.Valid), math.Float64bits(v.Float64)), true
	case pgtype.Float4:
		return binary.LittleEndian.AppendUint32(appendValid(dst, pgFloat4, v.Valid), math.Float32bits(v.Float32)), true
	case pgtype.Timestamptz:
		return appendInstant(appendValid(dst, pgTimestamptz, v.Valid), v.Time, v.InfinityModifier), true
	case pgtype.Timestamp:
		return appendInstant(appendValid(dst, pgTimestamp, v.Valid), v.Time, v.InfinityModifier), true
	case pgtype.Date:
		return appendInstant(appendValid(dst, pgDate, v.Valid), v.Time, v.InfinityModifier), true
	case pgtype.Time:
		return appendWord(appendValid(dst, pgTime, v.Valid), uint64(v.Microseconds)), true
	case pgtype.Interval:
		dst = appendWord(appendValid(dst, pgInterval, v.Valid), uint64(v.Microseconds))
		dst = binary.LittleEndian.AppendUint32(dst, uint32(v.Days))
		return binary.LittleEndian.AppendUint32(dst, uint32(v.Months)), true
	case pgtype.Numeric:
		dst = append(appendValid(dst, pgNumeric, v.Valid), byte(v.InfinityModifier))
		dst = binary.LittleEndian.AppendUint32(appendBool(dst, v.NaN), uint32(v.Exp))
		return appendBig(dst, v.Int), true
	}
	return dst, false
}

func appendValid(dst []byte, tag byte, valid bool) []byte {
	return appendBool(append(dst, tagPgtype, tag), valid)
}

func appendInstant(dst []byte, t time.Time, infinity pgtype.InfinityModifier) []byte {
	return appendTime(append(dst, byte(infinity)), t)
}

func appendBig(dst []byte, n *big.Int) []byte {
	if n == nil {
		return append(dst, tagNil)
	}
	words := n.Bits()
	dst = binary.AppendUvarint(append(dst, tagInt, byte(n.Sign()+1)), uint64(len(words)))
	for _, w := range words {
		dst = appendWord(dst, uint64(w))
	}
	return dst
}
