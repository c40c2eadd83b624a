package keyset

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"net/netip"
	"slices"
	"strconv"
	"time"
)

// Text returns the text form of a value in binary format: the form that the
// server reads back to exactly the same value under any DateStyle,
// IntervalStyle or extra_float_digits. The binary forms are those of the types'
// send functions. It reports false for unknown types and for bytes that are not
// valid for the type.
func Text(typeOID uint32, b []byte) (string, bool) {
	t, ok := binaryTypes[typeOID]
	if !ok || t.size > 0 && len(b) != t.size {
		return "", false
	}
	return t.text(b)
}

// A binaryType is a type with a known binary form; size is its length in bytes,
// 0 if it varies.
type binaryType struct {
	size int
	text func(b []byte) (string, bool)
}

// binaryTypes is by the OIDs of pg_type.dat.
var binaryTypes = map[uint32]binaryType{
	16:   {1, textBool},
	17:   {0, textBytea},
	19:   {0, textPlain}, // name
	20:   {8, textInt8},
	21:   {2, textInt2},
	23:   {4, textInt4},
	25:   {0, textPlain}, // text
	24:   {4, textOID},   // regproc
	26:   {4, textOID},
	27:   {6, textTID},
	28:   {4, textOID}, // xid
	29:   {4, textOID}, // cid
	650:  {0, textInet},
	700:  {4, textFloat4},
	701:  {8, textFloat8},
	774:  {8, textMAC},
	829:  {6, textMAC},
	869:  {0, textInet},
	1042: {0, textPlain}, // bpchar
	1043: {0, textPlain}, // varchar
	1082: {4, textDate},
	1083: {8, textTime},
	1114: {8, textTimestamp},
	1184: {8, textTimestamptz},
	1186: {16, textInterval},
	1266: {12, textTimetz},
	1560: {0, textBits},
	1562: {0, textBits},
	1700: {0, textNumeric},
	2202: {4, textOID}, // regprocedure
	2203: {4, textOID}, // regoper
	2204: {4, textOID}, // regoperator
	2205: {4, textOID}, // regclass
	2206: {4, textOID}, // regtype
	2950: {16, textUUID},
	3220: {8, textLSN},
	3734: {4, textOID}, // regconfig
	3769: {4, textOID}, // regdictionary
	3802: {0, textJSONB},
	4089: {4, textOID}, // regnamespace
	4096: {4, textOID}, // regrole
	4191: {4, textOID}, // regcollation
	5069: {8, textXID8},
}

// exactTypes have one form for each value. Other types have several equal
// forms: numeric scales (1.0, 1.00), a negative zero of floats, 30 days for a
// month in intervals, and texts that are equal under their collation.
var exactTypes = []uint32{
	16, 17, 18, 20, 21, 23, 26, 27, 650, 774, 790, 829, 869, 1082, 1083, 1114, 1184, 1266, 1560, 1562, 2950, 3220, 5069,
}

// Exact reports whether the server considers values of a type equal only if
// their bytes are the same.
func Exact(typeOID uint32) bool { return slices.Contains(exactTypes, typeOID) }

func textPlain(b []byte) (string, bool) { return string(b), true }

func textBytea(b []byte) (string, bool) { return `\x` + hex.EncodeToString(b), true }

func textBool(b []byte) (string, bool) {
	switch b[0] {
	case 0:
		return "f", true
	case 1:
		return "t", true
	default:
		return "", false
	}
}

// charType is "char", one byte.
const charType = 18

// Char returns the number that the server converts to a "char", for a key of
// that type, in either format. In text format the server writes nothing for 0,
// and a byte beyond ASCII as it is or, since version 16, as \nnn.
func Char(b []byte) (string, bool) {
	switch {
	case len(b) == 0:
		return "0", true
	case len(b) == 1:
		return strconv.Itoa(int(int8(b[0]))), true
	case len(b) == 4 && b[0] == '\\':
		n, err := strconv.ParseUint(string(b[1:]), 8, 8)
		return strconv.Itoa(int(int8(n))), err == nil
	default:
		return "", false
	}
}

func textInt2(b []byte) (string, bool) {
	return strconv.Itoa(int(int16(binary.BigEndian.Uint16(b)))), true
}

func textInt4(b []byte) (string, bool) {
	return strconv.Itoa(int(int32(binary.BigEndian.Uint32(b)))), true
}

func textInt8(b []byte) (string, bool) {
	return strconv.FormatInt(int64(binary.BigEndian.Uint64(b)), 10), true
}

func textOID(b []byte) (string, bool) {
	return strconv.FormatUint(uint64(binary.BigEndian.Uint32(b)), 10), true
}

func textTID(b []byte) (string, bool) {
	return fmt.Sprintf("(%d,%d)", binary.BigEndian.Uint32(b), binary.BigEndian.Uint16(b[4:])), true
}

func textXID8(b []byte) (string, bool) {
	return strconv.FormatUint(binary.BigEndian.Uint64(b), 10), true
}

func textLSN(b []byte) (string, bool) {
	return fmt.Sprintf("%X/%X", binary.BigEndian.Uint32(b), binary.BigEndian.Uint32(b[4:])), true
}

func textFloat4(b []byte) (string, bool) {
	return textFloat(float64(math.Float32frombits(binary.BigEndian.Uint32(b))), 32), true
}

func textFloat8(b []byte) (string, bool) {
	return textFloat(math.Float64frombits(binary.BigEndian.Uint64(b)), 64), true
}

func textFloat(f float64, bits int) string {
	switch {
	case math.IsInf(f, 1):
		return "Infinity"
	case math.IsInf(f, -1):
		return "-Infinity"
	default:
		return strconv.FormatFloat(f, 'g', -1, bits)
	}
}

func textUUID(b []byte) (string, bool) {
	s := hex.EncodeToString(b)
	return s[:8] + "-" + s[8:12] + "-" + s[12:16] + "-" + s[16:20] + "-" + s[20:], true
}

func textMAC(b []byte) (string, bool) {
	s := make([]byte, 0, 3*len(b))
	for i, c := range b {
		if i > 0 {
			s = append(s, ':')
		}
		s = hex.AppendEncode(s, []byte{c})
	}
	return string(s), true
}

// textInet reads family (2 or 3), bits, whether it is a cidr, and the address
// with its length.
func textInet(b []byte) (string, bool) {
	if len(b) < 4 || int(b[3]) != len(b)-4 {
		return "", false
	}
	addr, ok := netip.AddrFromSlice(b[4:])
	if !ok || int(b[1]) > addr.BitLen() {
		return "", false
	}
	return addr.String() + "/" + strconv.Itoa(int(b[1])), true
}

// textBits reads the number of bits and the bits.
func textBits(b []byte) (string, bool) {
	if len(b) < 4 {
		return "", false
	}
	n := binary.BigEndian.Uint32(b)
	b = b[4:]
	if int64(len(b)) != (int64(n)+7)/8 {
		return "", false
	}
	s := make([]byte, n)
	for i := range s {
		s[i] = '0' + b[i/8]>>(7-i%8)&1
	}
	return string(s), true
}

// textJSONB reads a version byte and the text.
func textJSONB(b []byte) (string, bool) {
	if len(b) < 2 || b[0] != 1 {
		return "", false
	}
	return string(b[1:]), true
}

// epoch is the server's epoch for days and microseconds.
var epoch = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

const (
	microsPerSecond = 1_000_000
	microsPerDay    = 24 * 60 * 60 * microsPerSecond
)

func textDate(b []byte) (string, bool) {
	days := int32(binary.BigEndian.Uint32(b))
	switch days {
	case math.MaxInt32:
		return "infinity", true
	case math.MinInt32:
		return "-infinity", true
	}
	date, era := textDay(int64(days))
	return date + era, true
}

func textTimestamp(b []byte) (string, bool) { return textInstant(b, ""), true }

func textTimestamptz(b []byte) (string, bool) { return textInstant(b, "+00"), true }

func textInstant(b []byte, zone string) string {
	micros := int64(binary.BigEndian.Uint64(b))
	switch micros {
	case math.MaxInt64:
		return "infinity"
	case math.MinInt64:
		return "-infinity"
	}
	days, rest := micros/microsPerDay, micros%microsPerDay
	if rest < 0 {
		days, rest = days-1, rest+microsPerDay
	}
	date, era := textDay(days)
	return date + " " + textClock(rest) + zone + era
}

// textDay returns the date, and the era, which is written after time and zone.
func textDay(days int64) (date, era string) {
	// Days exceed the range of time.Duration, 292 years.
	y, m, d := time.Unix(epoch.Unix()+days*24*60*60, 0).UTC().Date()
	if y <= 0 {
		y, era = 1-y, " BC"
	}
	return fmt.Sprintf("%04d-%02d-%02d", y, int(m), d), era
}

// textClock returns HH:MM:SS.ffffff; hours may exceed 24.
func textClock(micros int64) string {
	seconds := micros / microsPerSecond
	return fmt.Sprintf("%02d:%02d:%02d.%06d", seconds/3600, seconds/60%60, seconds%60, micros%microsPerSecond)
}

func textTime(b []byte) (string, bool) {
	micros := int64(binary.BigEndian.Uint64(b))
	if micros < 0 || micros > microsPerDay {
		return "", false
	}
	return textClock(micros), true
}

// textTimetz reads the time and the zone in seconds west of Greenwich.
func textTimetz(b []byte) (string, bool) {
	clock, ok := textTime(b[:8])
	if !ok {
		return "", false
	}
	west := int64(int32(binary.BigEndian.Uint32(b[8:])))
	sign := "-"
	if west <= 0 {
		sign, west = "+", -west
	}
	return clock + fmt.Sprintf("%s%02d:%02d:%02d", sign, west/3600, west/60%60, west%60), true
}

// textInterval reads microseconds, days and months. Each field has its own
// sign, since under IntervalStyle sql_standard a leading minus would apply to
// all of them.
func textInterval(b []byte) (string, bool) {
	micros := int64(binary.BigEndian.Uint64(b))
	days := int32(binary.BigEndian.Uint32(b[8:]))
	months := int32(binary.BigEndian.Uint32(b[12:]))
	switch {
	case micros == math.MaxInt64 && days == math.MaxInt32 && months == math.MaxInt32:
		return "infinity", true
	case micros == math.MinInt64 && days == math.MinInt32 && months == math.MinInt32:
		return "-infinity", true
	}
	if micros == math.MinInt64 { // the server cannot read its own text form
		return "", false
	}
	sign, abs := "+", micros
	if micros < 0 {
		sign, abs = "-", -abs
	}
	seconds := abs / microsPerSecond
	return fmt.Sprintf("%+d mons %+d days %s%02d:%02d:%02d.%06d", months, days,
		sign, seconds/3600, seconds/60%60, seconds%60, abs%microsPerSecond), true
}

const (
	numericNegative = 0x4000
	numericNaN      = 0xC000
	numericInf      = 0xD000
	numericNegInf   = 0xF000
)

// textNumeric reads the number of base-10,000 digits, the power of the first,
// the sign, the decimals shown, and the digits.
func textNumeric(b []byte) (string, bool) {
	if len(b) < 8 {
		return "", false
	}
	n, weight := int(binary.BigEndian.Uint16(b)), int(int16(binary.BigEndian.Uint16(b[2:])))
	sign, scale := binary.BigEndian.Uint16(b[4:]), int(binary.BigEndian.Uint16(b[6:]))
	if len(b) != 8+2*n {
		return "", false
	}
	var s []byte
	switch sign {
	case numericNaN:
		return "NaN", true
	case numericInf:
		return "Infinity", true
	case numericNegInf:
		return "-Infinity", true
	case numericNegative:
		s = append(s, '-')
	case 0:
	default:
		return "", false
	}
	// group returns the digit for 10,000^power.
	group := func(power int) uint16 {
		if i := weight - power; i >= 0 && i < n {
			return binary.BigEndian.Uint16(b[8+2*i:])
		}
		return 0
	}
	s = strconv.AppendUint(s, uint64(group(max(weight, 0))), 10)
	for power := weight - 1; power >= 0; power-- {
		s = fmt.Appendf(s, "%04d", group(power))
	}
	if scale == 0 {
		return string(s), true
	}
	s = append(s, '.')
	point := len(s)
	for power := -1; len(s)-point < scale; power-- {
		s = fmt.Appendf(s, "%04d", group(power))
	}
	return string(s[:point+scale]), true
}
