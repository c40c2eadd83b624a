package records

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/headrace/headrace/internal/pgcopy"
)

// A Profile describes the values of a column, as far as needed to determine the
// narrowest type of the server that accepts all of them.
type Profile struct {
	Values   int64 // number of values that are not NULL
	seen     form
	named    string // the type of the values of isNamed
	fromJSON bool   // values are JSON, including scalars
	refused  error  // why no column can hold the last value
	scratch  []byte
}

// A form is a kind of value. A Profile has a set of forms.
type form uint16

const (
	isBool form = 1 << iota
	isInteger
	isDecimal
	isFloat // has an exponent, or is NaN or infinite
	isDate
	isTimestamp
	isTimestamptz
	isUUID
	isObject // or array, of JSON
	isNamed  // of the type that corresponds to the Go type
	isText

	// Further properties of numbers and JSON.
	overInt4
	overInt8
	exact       // more digits than double precision has
	notForJSONB // JSON that jsonb refuses
)

const kinds = isText<<1 - 1

// Type returns the narrowest type for all values, or text if there were none.
func (s *Profile) Type() string {
	switch kind := s.seen & kinds; {
	case kind == 0:
		return "text"
	case kind == isBool:
		return "boolean"
	case kind&^(isInteger|isDecimal|isFloat) == 0:
		return s.number()
	case kind == isDate:
		return "date"
	case kind&^(isDate|isTimestamp) == 0:
		return "timestamp"
	case kind == isTimestamptz:
		return "timestamptz"
	case kind == isUUID:
		return "uuid"
	case kind&isObject != 0 && (kind == isObject || s.fromJSON) && s.seen&notForJSONB == 0:
		return "jsonb"
	case kind == isNamed && s.named != "":
		return s.named
	}
	return "text"
}

func (s *Profile) number() string {
	switch {
	case s.seen&isFloat != 0 && s.seen&exact == 0:
		return "double precision"
	case s.seen&(isFloat|isDecimal|overInt8) != 0:
		return "numeric"
	case s.seen&overInt4 != 0:
		return "bigint"
	}
	return "integer"
}

var errCharacter = errors.New("it is not valid UTF-8, or has a zero byte, which no column takes")

// storable reports whether a column can hold text.
func storable(text []byte) bool { return utf8.Valid(text) && bytes.IndexByte(text, 0) < 0 }

// addText adds a value of CSV.
func (s *Profile) addText(text []byte) bool {
	if !storable(text) {
		s.refused = errCharacter
		return false
	}
	s.Values++
	if s.seen&isText != 0 {
		return true // final
	}
	switch string(text) {
	case "t", "f", "true", "false", "TRUE", "FALSE", "True", "False":
		s.seen |= isBool
		return true
	case "NaN", "Infinity", "-Infinity":
		s.seen |= isFloat
		return true
	}
	if f := numberForm(text); f != 0 {
		s.seen |= f
		return true
	}
	if len(text) > 0 && (text[0] == '{' || text[0] == '[') && json.Valid(text) {
		s.addObject(text)
		return true
	}
	s.seen |= s.stringForm(text)
	return true
}

// addJSON adds a value of NDJSON, which is valid JSON and not null. A string is
// a string or a value of a type that JSON lacks, such as a date.
func (s *Profile) addJSON(raw []byte) bool {
	s.fromJSON = true
	if !utf8.Valid(raw) {
		s.refused = errCharacter
		return false
	}
	switch raw[0] {
	case 't', 'f':
		s.seen |= isBool
	case '{', '[':
		s.addObject(raw)
	case '"':
		text, err := unquote(raw)
		if err == nil && !storable(text) {
			err = errCharacter
		}
		if err != nil {
			s.refused = err
			return false
		}
		s.seen |= s.stringForm(text)
	default:
		f := numberForm(raw)
		if f == 0 {
			f = isText
		}
		if !fitsJSONB(raw) {
			f |= notForJSONB
		}
		s.seen |= f
	}
	s.Values++
	return true
}

func (s *Profile) addObject(raw []byte) {
	s.seen |= isObject
	if !fitsJSONB(raw) {
		s.seen |= notForJSONB
	}
}

// stringForm returns the form of a date, a timestamp, a UUID or other text.
func (s *Profile) stringForm(text []byte) form {
	if len(text) < len("2006-01-02") || len(text) > 64 {
		return isText
	}
	is := func(oid uint32, text []byte) bool {
		var ok bool
		s.scratch, ok = pgcopy.ParserFor(oid)(s.scratch[:0], text)
		return ok
	}
	if is(pgtype.UUIDOID, text) {
		return isUUID
	}
	if is(pgtype.DateOID, text) {
		return isDate
	}
	text = toMicroseconds(text)
	if is(pgtype.TimestampOID, text) {
		return isTimestamp
	}
	if len(text) > len("2006-01-02 15:04") && is(pgtype.TimestamptzOID, text) {
		return isTimestamptz
	}
	return isText
}

// toMicroseconds removes the digits of a fraction that the server rounds.
func toMicroseconds(text []byte) []byte {
	const point, last = len("2006-01-02 15:04:05"), len("2006-01-02 15:04:05.999999")
	if len(text) <= last || text[point] != '.' {
		return text
	}
	end := last
	for end < len(text) && text[end] >= '0' && text[end] <= '9' {
		end++
	}
	return append(bytes.Clone(text[:last]), text[end:]...)
}

// maxNumber bounds the digits of a number. The limit of the server's numeric is
// much higher.
const maxNumber = 1000

// numberForm returns 0 for text that is not a number, or that is to be preserved
// as written: with leading zeros or a plus sign.
func numberForm(text []byte) form {
	if len(text) > maxNumber {
		return 0
	}
	rest := bytes.TrimPrefix(text, []byte{'-'})
	whole := countDigits(rest)
	if whole > 1 && rest[0] == '0' {
		return 0
	}
	if rest = rest[whole:]; len(rest) == 0 && whole > 0 {
		return integerForm(text)
	}
	fraction := 0
	if len(rest) > 0 && rest[0] == '.' {
		fraction = countDigits(rest[1:])
		rest = rest[1+fraction:]
	}
	f := isDecimal
	if whole+fraction > 17 {
		f |= exact
	}
	switch {
	case whole+fraction == 0:
		return 0
	case len(rest) == 0:
		return f
	case (rest[0] == 'e' || rest[0] == 'E') && isDouble(string(text)):
		return f&^isDecimal | isFloat
	}
	return 0
}

func countDigits(text []byte) int {
	return len(text) - len(bytes.TrimLeft(text, "0123456789"))
}

func integerForm(text []byte) form {
	n, err := strconv.ParseInt(string(text), 10, 64)
	switch {
	case err != nil:
		return isInteger | overInt4 | overInt8 | exact
	case n > 1e15 || n < -1e15:
		return isInteger | overInt4 | exact
	case n != int64(int32(n)):
		return isInteger | overInt4
	}
	return isInteger
}

// isDouble reports whether text with an exponent is a number in the range of
// double precision, without overflow or underflow.
func isDouble(text string) bool {
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || strings.ContainsAny(text, "_xX") {
		return false
	}
	mantissa, _, _ := strings.Cut(strings.ToLower(text), "e")
	return math.Abs(f) >= 0x1p-1022 || !strings.ContainsAny(mantissa, "123456789")
}

// maxDepth bounds the nesting of JSON, below the limit of the server's stack.
const maxDepth = 500

// fitsJSONB reports whether jsonb accepts valid JSON: it refuses characters that
// text cannot hold, and numbers beyond numeric.
func fitsJSONB(raw []byte) bool {
	depth := 0
	for i := 0; i < len(raw); i++ {
		switch c := raw[i]; {
		case c == '"':
			end := i + stringEnd(raw[i:])
			if text, err := unquote(raw[i:end]); err != nil || !storable(text) {
				return false
			}
			i = end - 1
		case c == '{' || c == '[':
			if depth++; depth > maxDepth {
				return false
			}
		case c == '}' || c == ']':
			depth--
		case c == '-' || c >= '0' && c <= '9':
			n := valueEnd(raw[i:])
			if numberForm(raw[i:i+n]) == 0 {
				return false
			}
			i += n - 1
		}
	}
	return true
}
