package pgcopy

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"math"
	"strconv"
	"unicode/utf8"

	"github.com/jackc/pgx/v5/pgtype"
)

// A ParseFunc appends the binary form, with its length, of a value given as
// text. It returns false for text that it does not know: the server may accept
// it (a date "yesterday", a number with spaces around it), or refuse it with an
// error of its own. It gives text the same meaning as the server. After false
// the appended bytes are undefined.
type ParseFunc func(buf, text []byte) ([]byte, bool)

// ParserFor returns the parser for the type with this OID, or nil.
func ParserFor(oid uint32) ParseFunc { return parsers[oid] }

// AppendNull appends NULL.
func AppendNull(buf []byte) []byte { return appendNull(buf) }

// Header opens a binary COPY.
func Header(buf []byte) []byte { return append(buf, copyHeader...) }

// Trailer closes a binary COPY.
func Trailer(buf []byte) []byte { return append(buf, copyTrailer...) }

var parsers = map[uint32]ParseFunc{
	pgtype.BoolOID:        parseBool,
	pgtype.Int2OID:        parseInt2,
	pgtype.Int4OID:        parseInt4,
	pgtype.Int8OID:        parseInt8,
	pgtype.Float4OID:      parseFloat4,
	pgtype.Float8OID:      parseFloat8,
	pgtype.NumericOID:     parseNumeric,
	pgtype.TextOID:        parseText,
	pgtype.VarcharOID:     parseText,
	pgtype.BPCharOID:      parseText,
	pgtype.JSONOID:        parseText,
	pgtype.JSONBOID:       parseJSONB,
	pgtype.UUIDOID:        parseUUID,
	pgtype.DateOID:        parseDate,
	pgtype.TimestampOID:   parseTimestamp,
	pgtype.TimestamptzOID: parseTimestamptz,
}

func parseBool(buf, text []byte) ([]byte, bool) {
	switch string(text) {
	case "t", "true", "1":
		return append(buf, 0, 0, 0, 1, 1), true
	case "f", "false", "0":
		return append(buf, 0, 0, 0, 1, 0), true
	}
	return buf, false
}

// parseInteger reads an optional minus and digits, up to what an int64 holds.
func parseInteger(text []byte) (int64, bool) {
	negative := len(text) > 0 && text[0] == '-'
	if negative {
		text = text[1:]
	}
	if len(text) == 0 || len(text) > 18 { // 18 digits cannot overflow
		return parseLongInteger(text, negative)
	}
	n := int64(0)
	for _, c := range text {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	if negative {
		n = -n
	}
	return n, true
}

func parseLongInteger(digits []byte, negative bool) (int64, bool) {
	if !onlyDigits(digits) {
		return 0, false
	}
	s := string(digits)
	if negative {
		s = "-" + s
	}
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil
}

func onlyDigits(text []byte) bool {
	for _, c := range text {
		if c < '0' || c > '9' {
			return false
		}
	}
	return len(text) > 0
}

func parseInt2(buf, text []byte) ([]byte, bool) {
	n, ok := parseInteger(text)
	if !ok || n != int64(int16(n)) {
		return buf, false
	}
	return binary.BigEndian.AppendUint16(append(buf, 0, 0, 0, 2), uint16(n)), true
}

func parseInt4(buf, text []byte) ([]byte, bool) {
	n, ok := parseInteger(text)
	if !ok || n != int64(int32(n)) {
		return buf, false
	}
	return binary.BigEndian.AppendUint32(append(buf, 0, 0, 0, 4), uint32(n)), true
}

func parseInt8(buf, text []byte) ([]byte, bool) {
	n, ok := parseInteger(text)
	if !ok {
		return buf, false
	}
	return appendInt64(buf, n), true
}

// parseFloat parses decimal numbers in the range of normal ones. Servers differ
// for numbers that underflow.
func parseFloat(text []byte, bits int) (float64, bool) {
	if len(text) == 0 {
		return 0, false
	}
	zero := true
	for _, c := range text {
		switch {
		case c >= '1' && c <= '9':
			zero = false
		case c == '0', c == '.', c == '-', c == '+', c == 'e', c == 'E':
		default:
			return 0, false
		}
	}
	f, err := strconv.ParseFloat(string(text), bits) // does not escape: no copy
	smallest := 0x1p-1022
	if bits == 32 {
		smallest = 0x1p-126
	}
	if err != nil || !zero && math.Abs(f) < smallest {
		return 0, false
	}
	return f, true
}

func parseFloat4(buf, text []byte) ([]byte, bool) {
	f, ok := parseFloat(text, 32)
	return binary.BigEndian.AppendUint32(append(buf, 0, 0, 0, 4), math.Float32bits(float32(f))), ok
}

func parseFloat8(buf, text []byte) ([]byte, bool) {
	f, ok := parseFloat(text, 64)
	return binary.BigEndian.AppendUint64(append(buf, 0, 0, 0, 8), math.Float64bits(f)), ok
}

// longestNumeric is the number of characters that appendDecimal has room for.
const longestNumeric = 300

// parseNumeric parses digits with at most one point and a minus.
func parseNumeric(buf, text []byte) ([]byte, bool) {
	digits := text
	if len(digits) > 0 && digits[0] == '-' {
		digits = digits[1:]
	}
	whole, frac, point := bytes.Cut(digits, []byte{'.'})
	if len(text) > longestNumeric || !onlyDigits(whole) || point && !onlyDigits(frac) || len(whole) > 1 && whole[0] == '0' {
		return buf, false
	}
	return appendDecimal(buf, text), true
}

func parseText(buf, text []byte) ([]byte, bool) {
	if bytes.IndexByte(text, 0) >= 0 || !utf8.Valid(text) {
		return buf, false
	}
	return append(binary.BigEndian.AppendUint32(buf, uint32(len(text))), text...), true
}

func parseJSONB(buf, text []byte) ([]byte, bool) {
	if bytes.IndexByte(text, 0) >= 0 || !utf8.Valid(text) {
		return buf, false
	}
	buf = binary.BigEndian.AppendUint32(buf, uint32(len(text)+1))
	return append(append(buf, jsonbVersion), text...), true
}

// parseUUID parses the standard form, 8-4-4-4-12 digits.
func parseUUID(buf, text []byte) ([]byte, bool) {
	if len(text) != 36 || text[8] != '-' || text[13] != '-' || text[18] != '-' || text[23] != '-' {
		return buf, false
	}
	var digits [32]byte
	n := copy(digits[:], text[:8])
	n += copy(digits[n:], text[9:13])
	n += copy(digits[n:], text[14:18])
	n += copy(digits[n:], text[19:23])
	copy(digits[n:], text[24:])
	var id [16]byte
	if _, err := hex.Decode(id[:], digits[:]); err != nil {
		return buf, false
	}
	return append(append(buf, 0, 0, 0, 16), id[:]...), true
}
