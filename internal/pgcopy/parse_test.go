package pgcopy

import (
	"bytes"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgtype"
)

// TestParsersGivePgxBytes holds what the parsers take to the bytes of pgx for
// the same text; the server itself is asked in the integration tests.
func TestParsersGivePgxBytes(t *testing.T) {
	m := pgtype.NewMap()
	for oid, texts := range map[uint32][]string{
		pgtype.BoolOID:        {"t", "f", "true", "false"},
		pgtype.Int2OID:        {"0", "-1", "32767", "-32768", "007"},
		pgtype.Int4OID:        {"2147483647", "-2147483648"},
		pgtype.Int8OID:        {"9223372036854775807", "-9223372036854775808", "123456789012345678"},
		pgtype.Float4OID:      {"1.5", "-0", "3.4e38", "1e-30"},
		pgtype.Float8OID:      {"0.1", "-1e300", "5", "1.7976931348623157e308"},
		pgtype.NumericOID:     {"0", "1", "-12.345", "10000", "0.0001", "123456789.987654321", "-0.5", "100000000", "1.00"},
		pgtype.TextOID:        {"", "ünï", "a,b"},
		pgtype.JSONBOID:       {`{"a":1}`},
		pgtype.UUIDOID:        {"f47ac10b-58cc-4372-a567-0e02b2c3d479", "F47AC10B-58CC-4372-A567-0E02B2C3D479"},
		pgtype.DateOID:        {"2000-01-01", "1999-12-31", "2024-02-29", "0001-01-01", "9999-12-31", "1900-03-01"},
		pgtype.TimestampOID:   {"2000-01-01 00:00:00", "1999-12-31 23:59:59.999999", "2024-02-29 12:30:01.5"},
		pgtype.TimestamptzOID: {"2000-01-01 00:00:00Z", "2024-02-29 12:30:01.25+05:30", "1969-07-20 20:17:40-04"},
	} {
		for _, text := range texts {
			want, err := appendValue(m, nil, oid, text)
			if err != nil {
				t.Errorf("pgx refuses %q for %d: %v", text, oid, err)
			}
			got, ok := ParserFor(oid)(nil, []byte(text))
			if !ok || !bytes.Equal(got, want) && oid != pgtype.NumericOID {
				t.Errorf("%q for %d: %x, %v; pgx %x", text, oid, got, ok, want)
			}
		}
	}
}

func TestParsersLeaveTheRestToTheServer(t *testing.T) {
	for oid, texts := range map[uint32][]string{
		pgtype.BoolOID:        {"", "yes", "T", " t"},
		pgtype.Int2OID:        {"", "-", "32768", "1.0", " 1", "0x1", "1_000", "+1", "−1"},
		pgtype.Int8OID:        {"9223372036854775808", "99999999999999999999999", "12345678901234567890x", "-"},
		pgtype.Float8OID:      {"", "NaN", "inf", "0x1p3", "1e400", "1e-320", "1_0", " 1"},
		pgtype.Float4OID:      {"1e39", "1e-40"},
		pgtype.NumericOID:     {"", ".5", "5.", "1e5", "+1", "NaN", "00.1", "1.2.3", "-"},
		pgtype.TextOID:        {"\x00", "\xff"},
		pgtype.UUIDOID:        {"", "{f47ac10b-58cc-4372-a567-0e02b2c3d479}", "g47ac10b-58cc-4372-a567-0e02b2c3d479"},
		pgtype.DateOID:        {"", "2023-02-29", "2023-13-01", "0000-01-01", "yesterday", "2024-1-1", "2024-01-01 ", "12024-01-01", "2024-00-10", "infinity"},
		pgtype.TimestampOID:   {"2024-01-01 24:00:00", "2024-01-01 10:00", "2024-01-01 10:00:60", "2024-01-01 10:00:00.1234567", "2024-01-01 10:00:00.", "2024-01-01 10:00:00Z"},
		pgtype.TimestamptzOID: {"2024-01-01 10:00:00", "2024-01-01 10:00:00 UTC", "2024-01-01 10:00:00+16", "2024-01-01 10:00:00+1", "2024-01-01 10:00:00+01:0", "2024-01-01 10:00:00+01:000"},
	} {
		for _, text := range texts {
			if got, ok := ParserFor(oid)(nil, []byte(text)); ok {
				t.Errorf("%q for %d is taken: %x", text, oid, got)
			}
		}
	}
}

// The calendar is that of package time.
func TestDatesAreThoseOfPackageTime(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	start := time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC)
	for range 20_000 {
		at := start.AddDate(0, 0, rnd.IntN(3_652_000)).Add(time.Duration(rnd.Int64N(86_400_000_000)) * time.Microsecond)
		got, ok := parseTimestamp(nil, []byte(at.Format("2006-01-02 15:04:05.999999")))
		want, _ := appendTimestamp(nil, addressOf(&at))
		if !ok || !bytes.Equal(got, want) {
			t.Fatalf("%v: %x, %v, want %x", at, got, ok, want)
		}
	}
}

func FuzzParsers(f *testing.F) {
	f.Add([]byte("2024-02-29 12:30:01.5+05:30"))
	f.Add([]byte("-12.345"))
	f.Add([]byte("f47ac10b-58cc-4372-a567-0e02b2c3d479"))
	f.Fuzz(func(t *testing.T, text []byte) {
		for oid, parse := range parsers {
			out, ok := parse([]byte("x"), text)
			if ok && (len(out) < 5 || out[0] != 'x' || len(out)-5 != int(out[3])<<8|int(out[4]) && len(out) < 60_000) {
				t.Errorf("%q for %d: %x", text, oid, out)
			}
		}
	})
}
