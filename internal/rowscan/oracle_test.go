package rowscan

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"fmt"
	"math"
	"net"
	"net/netip"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
)

// Targets of the oracle: types with decoders in this package, and types that
// only pgx decodes.
type (
	namedString string
	namedInt    int64
	namedBool   bool
	namedTime   time.Time
	namedBytes  []byte
	namedUUID   [16]byte
	point       struct {
		X, Y any
	}
	document struct {
		A int    `json:"a"`
		B string `json:"b"`
	}
	shouting string // implements sql.Scanner
	texted   string // implements pgtype.TextScanner
	counted  int64  // has a method that scans nothing
)

func (s *shouting) Scan(src any) error {
	*s = shouting(strings.ToUpper(fmt.Sprintf("%T %v", src, src)))
	return nil
}

func (s *texted) ScanText(v pgtype.Text) error {
	*s = texted(fmt.Sprintf("<%s %t>", v.String, v.Valid))
	return nil
}

func (c counted) Next() counted { return c + 1 }

var oracleTargets = slices.Concat(basicTargets, pointersTo(basicTargets), otherTargets)

// basicTargets are also tried as targets of pointers.
var basicTargets = []reflect.Type{
	reflect.TypeFor[bool](), reflect.TypeFor[string](), reflect.TypeFor[[]byte](),
	reflect.TypeFor[int](), reflect.TypeFor[int8](), reflect.TypeFor[int16](), reflect.TypeFor[int32](), reflect.TypeFor[int64](),
	reflect.TypeFor[uint](), reflect.TypeFor[uint8](), reflect.TypeFor[uint16](), reflect.TypeFor[uint32](), reflect.TypeFor[uint64](),
	reflect.TypeFor[float32](), reflect.TypeFor[float64](),
	reflect.TypeFor[time.Time](), reflect.TypeFor[time.Duration](), reflect.TypeFor[[16]byte](), reflect.TypeFor[any](),
	reflect.TypeFor[namedString](), reflect.TypeFor[namedInt](), reflect.TypeFor[namedBool](), reflect.TypeFor[namedTime](),
	reflect.TypeFor[namedBytes](), reflect.TypeFor[namedUUID](), reflect.TypeFor[shouting](), reflect.TypeFor[texted](),
	reflect.TypeFor[counted](), reflect.TypeFor[pgtype.Text](), reflect.TypeFor[pgtype.Numeric](), reflect.TypeFor[[]int32](),
	reflect.TypeFor[document](), reflect.TypeFor[sql.NullString](), reflect.TypeFor[**string](), reflect.TypeFor[**int64](),
}

var otherTargets = []reflect.Type{
	reflect.TypeFor[point](), reflect.TypeFor[document](), reflect.TypeFor[json.RawMessage](),
	reflect.TypeFor[map[string]any](), reflect.TypeFor[map[string]string](), reflect.TypeFor[map[string]*string](),
	reflect.TypeFor[[]bool](), reflect.TypeFor[[]string](), reflect.TypeFor[[][]byte](), reflect.TypeFor[[]int](),
	reflect.TypeFor[[]int16](), reflect.TypeFor[[]int32](), reflect.TypeFor[[]int64](), reflect.TypeFor[[]float32](),
	reflect.TypeFor[[]float64](), reflect.TypeFor[[]time.Time](), reflect.TypeFor[[][16]byte](), reflect.TypeFor[[]any](),
	reflect.TypeFor[[]*string](), reflect.TypeFor[[]*int64](), reflect.TypeFor[[]namedString](), reflect.TypeFor[[][]int32](),
	reflect.TypeFor[[2]int32](), reflect.TypeFor[[]uint8](), reflect.TypeFor[pgtype.FlatArray[int64]](), reflect.TypeFor[pgtype.Array[string]](),
	reflect.TypeFor[net.IP](), reflect.TypeFor[net.IPNet](), reflect.TypeFor[netip.Addr](), reflect.TypeFor[netip.Prefix](),
	reflect.TypeFor[net.HardwareAddr](),
	reflect.TypeFor[pgtype.Bool](), reflect.TypeFor[pgtype.Date](), reflect.TypeFor[pgtype.Float4](), reflect.TypeFor[pgtype.Float8](),
	reflect.TypeFor[pgtype.Int2](), reflect.TypeFor[pgtype.Int4](), reflect.TypeFor[pgtype.Int8](), reflect.TypeFor[pgtype.Interval](),
	reflect.TypeFor[pgtype.Numeric](), reflect.TypeFor[pgtype.Text](), reflect.TypeFor[pgtype.Time](), reflect.TypeFor[pgtype.Timestamp](),
	reflect.TypeFor[pgtype.Timestamptz](), reflect.TypeFor[pgtype.UUID](), reflect.TypeFor[pgtype.Point](), reflect.TypeFor[pgtype.Bits](),
	reflect.TypeFor[pgtype.Uint32](), reflect.TypeFor[pgtype.Uint64](), reflect.TypeFor[pgtype.UndecodedBytes](), reflect.TypeFor[pgtype.Hstore](),
	reflect.TypeFor[pgtype.Range[pgtype.Int4]](), reflect.TypeFor[pgtype.Multirange[pgtype.Range[pgtype.Int4]]](),
	reflect.TypeFor[pgtype.TID](), reflect.TypeFor[pgtype.TSVector](), reflect.TypeFor[pgtype.PreallocBytes](),
	reflect.TypeFor[sql.NullBool](), reflect.TypeFor[sql.NullByte](), reflect.TypeFor[sql.NullFloat64](), reflect.TypeFor[sql.NullInt16](),
	reflect.TypeFor[sql.NullInt32](), reflect.TypeFor[sql.NullInt64](), reflect.TypeFor[sql.NullString](), reflect.TypeFor[sql.NullTime](),
	reflect.TypeFor[sql.Null[string]](), reflect.TypeFor[sql.Null[int64]](), reflect.TypeFor[sql.Null[time.Time]](),
}

func pointersTo(types []reflect.Type) []reflect.Type {
	var pointers []reflect.Type
	for _, t := range types {
		pointers = append(pointers, reflect.PointerTo(t))
	}
	return pointers
}

// oracleTexts are values in the text format by the name of their type; other
// types use those of "".
var oracleTexts = map[string][]string{
	"":        {"", "a", "17", "-3", "3.25", "NaN", "t", "1e3", "  x ", "99999999999999999999", "{1,2}", `{"a":1,"b":"x"}`, "null", `"q"`},
	"bool":    {"t", "f", "true", ""},
	"bytea":   {`\x`, `\x00ff`, `\xzz`},
	"date":    {"2024-02-29", "infinity", "-infinity", "0044-03-15 BC", "5874897-12-31", "4714-11-24 BC", "2024-02-30"},
	"float4":  {"1.5", "NaN", "Infinity", "-0", "16777217"},
	"float8":  {"1.5", "NaN", "-Infinity", "1e300", "3"},
	"inet":    {"10.0.0.1", "10.0.0.0/8", "::1/128"},
	"cidr":    {"10.0.0.0/8", "::/0"},
	"int2":    {"0", "-32768", "32767", "300"},
	"int4":    {"0", "-2147483648", "2147483647", "70000"},
	"int8":    {"0", "-0", "+5", "007", "-", "-9223372036854775808", "9223372036854775807", "3000000000"},
	"json":    {`{"a":1,"b":"x"}`, "null", `"text"`, "17", "[1,2]", " true "},
	"jsonb":   {`{"a": 1, "b": "x"}`, "null", `"text"`, "17", "[1, 2]"},
	"numeric": {"0", "123.4500", "-17", "NaN", "Infinity", "1e20", "0.000000001"},
	"time":    {"00:00:00", "23:59:59.999999", "24:00:00"},
	"timestamp": {"2024-02-29 12:34:56.789", "1999-12-31 23:59:59.999999", "infinity", "-infinity", "294276-12-31 23:59:59.999999",
		"4714-11-24 00:00:00 BC", "0001-01-01 00:00:00"},
	"timestamptz": {"2024-02-29 12:34:56.789+00", "1999-12-31 23:59:59.999999+05:30", "infinity", "-infinity",
		"294276-12-31 23:59:59.999999+00", "4714-11-24 00:00:00+00 BC"},
	"uuid":         {"6ba7b810-9dad-11d1-80b4-00c04fd430c8", "00000000-0000-0000-0000-000000000000"},
	"interval":     {"1 day 02:03:04", "1 mon", "-00:00:01.5"},
	"point":        {"(1,2)"},
	"oid":          {"0", "4294967295"},
	"_bool":        {"{}", "{t,f}", "{t,NULL}"},
	"_bytea":       {"{}", `{"\\x00","\\x"}`},
	"_float4":      {"{}", "{1.5,-0}", "{NULL}"},
	"_float8":      {"{}", "{1.5,-0}", "{NULL}"},
	"_int2":        {"{}", "{1,-2}", "{1,NULL}", "{{1,2},{3,4}}", "[5:6]={7,8}"},
	"_int4":        {"{}", "{1,-2}", "{1,NULL}", "{{1,2},{3,4}}", "[5:6]={7,8}", "{70000}"},
	"_int8":        {"{}", "{1,-2}", "{1,NULL}", "{{1,2},{3,4}}", "[5:6]={7,8}", "{3000000000}"},
	"_text":        {"{}", `{a,"b c",""}`, "{a,NULL}", "{{a,b},{c,d}}"},
	"_varchar":     {"{}", `{a,"b c",""}`, "{a,NULL}"},
	"_uuid":        {"{}", "{6ba7b810-9dad-11d1-80b4-00c04fd430c8}", "{NULL}"},
	"_timestamptz": {"{}", `{"2024-02-29 12:34:56.789+00","1999-12-31 00:00:00+00"}`, "{NULL}", "{infinity}"},
	"_timestamp":   {"{}", `{"2024-02-29 12:34:56.789"}`, "{NULL}"},
	"_date":        {"{}", "{2024-02-29}", "{NULL}"},
	"int4range":    {"[1,5)", "empty", "(,)"},
	"tid":          {"(1,2)"},
	"record":       {"(1,a)"},
}

// scanPGX is the oracle.
func scanPGX(m *pgtype.Map, oid uint32, format int16, src []byte, typ reflect.Type) (value any, err error) {
	target := reflect.New(typ)
	err = m.Scan(oid, format, src, target.Interface())
	return target.Elem().Interface(), err
}

// scanOurs decodes one value as a column of its own.
func scanOurs(m *pgtype.Map, oid uint32, format int16, src []byte, typ reflect.Type) (value any, err error) {
	var r run
	s := &shape{typ: typ, form: single}
	if err := r.bind(s, new(plans), []pgconn.FieldDescription{{Name: "c", DataTypeOID: oid, Format: format}}, m); err != nil {
		return nil, err
	}
	defer r.release()
	target := reflect.New(typ)
	err = r.decode([][]byte{src}, cell{target.UnsafePointer()})
	if column, ok := err.(*ColumnError); ok {
		err = column.Err
	}
	return target.Elem().Interface(), err
}

// same compares values and errors as a user sees them.
func same(a, b any, aerr, berr error) bool {
	if (aerr == nil) != (berr == nil) || aerr != nil && aerr.Error() != berr.Error() {
		return false
	}
	if aerr != nil || reflect.DeepEqual(a, b) {
		return true
	}
	text := shown(a) // equal for NaN, which is not equal to itself
	return strings.Contains(text, "NaN") && text == shown(b) || isNaN(a) && isNaN(b)
}

// shown formats a value without the addresses of pointers.
func shown(v any) string { return addresses.ReplaceAllString(fmt.Sprintf("%#v", v), "(...)") }

var addresses = regexp.MustCompile(`\(0x[0-9a-f]+\)`)

func isNaN(v any) bool {
	rv := reflect.ValueOf(v)
	for (rv.Kind() == reflect.Pointer || rv.Kind() == reflect.Interface) && !rv.IsNil() {
		rv = rv.Elem()
	}
	return rv.CanFloat() && math.IsNaN(rv.Float())
}

func checkAgainstPGX(t *testing.T, m *pgtype.Map, oid uint32, format int16, src []byte) {
	t.Helper()
	for _, typ := range oracleTargets {
		if src == nil && reflect.TypeOf(m.PlanScan(oid, format, reflect.New(typ).Interface())) == noPlan {
			continue // pgx tries the plans of all types in random order
		}
		want, wantErr := scanPGX(m, oid, format, src, typ)
		read := bytes.Clone(src)
		got, err := scanOurs(m, oid, format, read, typ)
		for i := range read {
			read[i] = '#' // as a connection does for the next row
		}
		if !same(got, want, err, wantErr) {
			t.Errorf("%q of OID %d in format %d into %v:\n got %#v, %v\nwant %#v, %v", src, oid, format, typ, got, err, want, wantErr)
		}
	}
}

// eachType calls fn for all types that pgx registers by default.
func eachType(fn func(typ *pgtype.Type)) {
	m := pgtype.NewMap()
	for oid := uint32(1); oid < 20_000; oid++ {
		if typ, ok := m.TypeForOID(oid); ok {
			fn(typ)
		}
	}
}

// encodings returns values of the type as the server sends them in a format.
func encodings(m *pgtype.Map, typ *pgtype.Type, format int16) (values [][]byte) {
	texts, ok := oracleTexts[typ.Name]
	if !ok {
		texts = oracleTexts[""]
	}
	for _, text := range texts {
		if format == pgtype.TextFormatCode {
			values = append(values, []byte(text))
			continue
		}
		value, err := typ.Codec.DecodeValue(m, typ.OID, pgtype.TextFormatCode, []byte(text))
		if err != nil {
			continue
		}
		if binary, err := m.Encode(typ.OID, format, value, nil); err == nil && binary != nil {
			values = append(values, binary)
		}
	}
	return values
}

func TestOracle(t *testing.T) {
	eachType(func(typ *pgtype.Type) {
		t.Run(typ.Name, func(t *testing.T) {
			t.Parallel()
			m := pgtype.NewMap()
			for _, format := range []int16{pgtype.TextFormatCode, pgtype.BinaryFormatCode} {
				if !typ.Codec.FormatSupported(format) {
					continue
				}
				checkAgainstPGX(t, m, typ.OID, format, nil)
				for _, value := range encodings(m, typ, format) {
					checkAgainstPGX(t, m, typ.OID, format, value)
				}
				for _, hostile := range []string{"", "\x00", "\xff\xff\xff\xff", "\x7f\xff\xff\xff\xff\xff\xff\xff", "\x80\x00\x00\x00\x00\x00\x00\x00", strings.Repeat("\x01", 16), strings.Repeat("\xff", 40)} {
					checkAgainstPGX(t, m, typ.OID, format, []byte(hostile))
				}
			}
		})
	})
}
