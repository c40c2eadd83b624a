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

// A Profile is what has been seen of a column's values: enough to tell the
// narrowest type of the server that takes all of them.
type Profile struct {
	Values   int64 // that are not NULL
	seen     form
	named    string // the one type of values of isNamed
	fromJSON bool   // values come as JSON, so that scalars are JSON too
	refused  error  // why no column takes the last value
	scratch  []byte
}

// A form is what a value looks like. A Profile has a set of them.
type form uint16

const (
	isBool form = 1 << iota
	isInteger
	isDecimal
	isFloat // has an exponent, or is no number
	isDate
	isTimestamp
	isTimestamptz
	isUUID
	isObject // or array, of JSON
	isNamed  // of a type that Go's says
	isText

	// What else is known of numbers and JSON.
	overInt4
	overInt8
	exact       // more digits than a double has
	notForJSONB // jsonb would refuse it, though it is JSON
)

const kinds = isText<<1 - 1

// Type returns the narrowest type for all values, text where there were none.
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

// storable says whether text can be in a column at all.
func storable(text []byte) bool { return utf8.Valid(text) && bytes.IndexByte(text, 0) < 0 }

// addText takes a value of CSV.
func (s *Profile) addText(text []byte) bool {
	if !storable(text) {
		s.refused = errCharacter
		return false
	}
	s.Values++
	if s.seen&isText != 0 {
		return true // nothing takes that back
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

// addJSON takes a value of NDJSON, which is valid JSON and not null. A string
// stays one, though it may be what JSON has no type for.
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

// stringForm tells dates, timestamps and UUIDs from other text.
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

// toMicroseconds takes off the digits of a fraction that the server rounds.
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

// maxNumber bounds the digits of what is taken for a number, far below what
// the server's numeric bears.
const maxNumber = 1000

// numberForm returns 0 for what is no number, or should stay as it is written:
// with leading zeros, or a plus.
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

// isDouble says whether text with an exponent is a number that a double holds
// without becoming too large, or zero.
func isDouble(text string) bool {
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || strings.ContainsAny(text, "_xX") {
		return false
	}
	mantissa, _, _ := strings.Cut(strings.ToLower(text), "e")
	return math.Abs(f) >= 0x1p-1022 || !strings.ContainsAny(mantissa, "123456789")
}

// maxDepth is how deep JSON may go: below what the server's stack bears.
const maxDepth = 500

// fitsJSONB says whether jsonb takes what is valid JSON: it refuses characters
// that text cannot have, and numbers beyond numeric.
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
