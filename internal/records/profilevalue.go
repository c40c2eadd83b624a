package records

import (
	"encoding/json"
	"reflect"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgtype"
)

// addValue adds a Go value that is not NULL, with its text. The Go type resolves
// ambiguities of the text: a string is not a number.
func (s *Profile) addValue(types *pgtype.Map, value any, text []byte) error {
	s.Values++
	switch x := value.(type) {
	case string:
		return s.addString([]byte(x))
	case int64:
		s.addNumber(text)
	case float64:
		s.seen |= isFloat
	case []byte:
		s.addNamed("bytea")
	case time.Time:
		s.addTime(isTimestamptz, x)
	case pgtype.Timestamp:
		s.addTime(isTimestamp, x.Time)
	case pgtype.Date:
		s.addDay(x.Time)
	case pgtype.Time:
		s.addClock(x)
	case pgtype.Numeric:
		s.addNumber(text)
	case json.RawMessage:
		return s.addRaw(x)
	default:
		return s.addOther(types, value, text)
	}
	return nil
}

// addOther adds a value by its kind, or else by the type that pgtype has for it.
func (s *Profile) addOther(types *pgtype.Map, value any, text []byte) error {
	rv := reflect.ValueOf(value)
	if rv.Kind() == reflect.Pointer {
		s.Values--
		return s.addValue(types, rv.Elem().Interface(), text)
	}
	known, isKnown := types.TypeForValue(value)
	switch {
	case isKnown && known.OID == pgtype.UUIDOID:
		s.seen |= isUUID
	case rv.Kind() == reflect.Bool:
		s.seen |= isBool
	case rv.CanInt(), rv.CanUint():
		s.addNumber(text)
	case rv.CanFloat():
		s.seen |= isFloat
	case isKnown && known.OID != pgtype.JSONOID && known.OID != pgtype.JSONBOID && known.OID != pgtype.TextOID:
		s.addNamed(known.Name)
	default:
		plain := new(textEncoder).unescape(text)
		if k := rv.Kind(); (k == reflect.Map || k == reflect.Struct || k == reflect.Slice) && json.Valid(plain) {
			return s.addRaw(plain)
		}
		return s.addString(plain)
	}
	return nil
}

func (s *Profile) addString(text []byte) error {
	if !storable(text) {
		return errCharacter
	}
	s.seen |= s.stringForm(text)
	return nil
}

func (s *Profile) addRaw(raw []byte) error {
	if !storable(raw) {
		return errCharacter
	}
	if json.Valid(raw) {
		s.addObject(raw)
	} else {
		s.seen |= isText
	}
	return nil
}

// addNumber adds an exact number.
func (s *Profile) addNumber(text []byte) {
	f := numberForm(text)
	switch {
	case string(text) == "NaN", strings.HasSuffix(string(text), "nfinity"):
		f = isDecimal
	case f&isFloat != 0:
		f = isDecimal | exact // pgtype writes the exponent of a Numeric
	case f == 0:
		f = isText
	}
	s.seen |= f
}

// addNamed adds a value whose Go type corresponds to a type of the server.
func (s *Profile) addNamed(name string) {
	if element, isArray := strings.CutPrefix(name, "_"); isArray {
		name = element + "[]"
	}
	if s.seen&isNamed != 0 && s.named != name {
		name = ""
	}
	s.named = name
	s.seen |= isNamed
}

// The range of years of the server's types.
//
// Source: PostgreSQL manual, "Date/Time Types".
const (
	firstYear         = -4711 // 4712 BC; the type begins in November of the year before
	lastTimestampYear = 294275
	lastDateYear      = 5874896
)

func (s *Profile) addTime(f form, t time.Time) {
	if year := t.Year(); !t.IsZero() && (year < firstYear || year > lastTimestampYear) {
		f = isText
	}
	s.seen |= f
}

func (s *Profile) addDay(t time.Time) {
	f := isDate
	if year := t.Year(); year < firstYear || year > lastDateYear {
		f = isText
	}
	s.seen |= f
}

func (s *Profile) addClock(t pgtype.Time) {
	if t.Microseconds < 0 || t.Microseconds > 24*60*60*1_000_000 {
		s.seen |= isText
		return
	}
	s.addNamed("time")
}
