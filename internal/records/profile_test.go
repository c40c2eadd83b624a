package records

import (
	"bufio"
	"encoding/json"
	"math"
	"math/big"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgtype"
)

func TestTypeOfText(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		want   string
		values []string
	}{
		{"text", nil},
		{"text", []string{""}},
		{"boolean", []string{"t", "f", "true", "FALSE"}},
		{"text", []string{"t", "1"}},
		{"integer", []string{"0", "-1", "2147483647", "-2147483648"}},
		{"bigint", []string{"1", "2147483648"}},
		{"numeric", []string{"1", "9223372036854775808"}},
		{"text", []string{"1", "007"}},
		{"text", []string{"+4917", "1"}},
		{"text", []string{"1 ", "2"}},
		{"text", []string{"-"}},
		{"text", []string{"."}},
		{"text", []string{"00.5"}},
		{"numeric", []string{"1", "2.50", "-.5", "3."}},
		{"double precision", []string{"1", "2.5", "1e10", "-2.5E-3", "NaN", "0e0"}},
		{"text", []string{"1e400"}},
		{"text", []string{"1e-400"}},
		{"text", []string{"0x1p5", "1_0e5"}},
		{"numeric", []string{"1e10", "12345678901234567890"}},
		{"numeric", []string{"1e10", "0.1234567890123456789"}},
		{"date", []string{"2024-02-29", "0001-01-01"}},
		{"text", []string{"2023-02-29"}},
		{"text", []string{"2024-02-29", "1"}},
		{"timestamp", []string{"2024-02-29", "2024-02-29 12:00:01", "2024-02-29T12:00:01.123456789"}},
		{"timestamptz", []string{"2024-02-29 12:00:01Z", "2024-02-29T12:00:01.123456789+02:00"}},
		{"text", []string{"2024-02-29 12:00:01Z", "2024-02-29 12:00:01"}},
		{"uuid", []string{"f47ac10b-58cc-4372-a567-0e02b2c3d479"}},
		{"jsonb", []string{`{"a": [1, "x"]}`, `[]`}},
		{"text", []string{`{}`, "1"}},
		{"text", []string{`{"a": "\u0000"}`}},
		{"text", []string{`["\ud800"]`}},
		{"text", []string{`[1e999999]`}},
		{"text", []string{strings.Repeat("[", 600) + strings.Repeat("]", 600)}},
		{"text", []string{`{`}},
	} {
		var s Profile
		for _, v := range c.values {
			if !s.addText([]byte(v)) {
				t.Errorf("%q refused: %v", v, s.refused)
			}
		}
		if got := s.Type(); got != c.want || s.Values != int64(len(c.values)) {
			t.Errorf("%.80q: %s, want %s (%d values)", c.values, got, c.want, s.Values)
		}
	}
	var s Profile
	if s.addText([]byte("a\x00")) || s.addText([]byte("\xff")) {
		t.Error("what no column takes")
	}
}

func TestTypeOfJSON(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		want   string
		values []string
	}{
		{"boolean", []string{"true", "false"}},
		{"integer", []string{"1"}},
		{"text", []string{`"1"`}},
		{"text", []string{`"true"`}},
		{"text", []string{`1`, `true`}},
		{"numeric", []string{"1", "2.5"}},
		{"date", []string{`"2024-02-29"`}},
		{"timestamptz", []string{`"2024-02-29T00:00:00Z"`}},
		{"uuid", []string{`"f47ac10b-58cc-4372-a567-0e02b2c3d479"`}},
		{"jsonb", []string{`{}`, `"a"`, `1`, `true`}},
		{"text", []string{`{}`, `1e999`}},
		{"text", []string{`{"\u0000": 1}`}},
	} {
		var s Profile
		for _, v := range c.values {
			if !s.addJSON([]byte(v)) {
				t.Errorf("%q refused: %v", v, s.refused)
			}
		}
		if got := s.Type(); got != c.want {
			t.Errorf("%q: %s, want %s", c.values, got, c.want)
		}
	}
	for _, v := range []string{`"\u0000"`, `"\ud800"`, "\"\xff\""} {
		if new(Profile).addJSON([]byte(v)) {
			t.Errorf("%q is taken", v)
		}
	}
}

func TestTypeOfValues(t *testing.T) {
	t.Parallel()
	now, one := time.Now(), int16(1)
	for _, c := range []struct {
		want   string
		values []any
	}{
		{"text", []any{nil, (*int)(nil), pgtype.Date{}}},
		{"boolean", []any{true}},
		{"integer", []any{1, int8(-1), &one, uint32(7)}},
		{"bigint", []any{uint32(math.MaxUint32)}},
		{"numeric", []any{uint64(math.MaxUint64)}},
		{"double precision", []any{0.1, float32(1e30), math.NaN(), 3}},
		{"text", []any{"1"}},
		{"date", []any{"2024-01-01"}},
		{"date", []any{pgtype.Date{Time: now, Valid: true}}},
		{"timestamptz", []any{now}},
		{"text", []any{time.Date(300000, 1, 1, 0, 0, 0, 0, time.UTC)}},
		{"timestamp", []any{pgtype.Timestamp{Time: now, Valid: true}, pgtype.Date{Time: now, Valid: true}}},
		{"numeric", []any{pgtype.Numeric{Int: big.NewInt(-5), Exp: -3, Valid: true}}},
		{"integer", []any{pgtype.Numeric{Int: big.NewInt(5), Valid: true}}},
		{"uuid", []any{[16]byte{1}, pgtype.UUID{Valid: true}, "f47ac10b-58cc-4372-a567-0e02b2c3d479"}},
		{"bytea", []any{[]byte{1}, nil}},
		{"text", []any{[]byte{1}, "a"}},
		{"inet", []any{netip.MustParseAddr("::1")}},
		{"text", []any{netip.MustParseAddr("::1"), []byte{1}}},
		{"int4[]", []any{[]int32{1, 2}}},
		{"time", []any{pgtype.Time{Microseconds: 1, Valid: true}}},
		{"interval", []any{pgtype.Interval{Days: 1, Valid: true}}},
		{"jsonb", []any{map[string]any{"a": "\\\n"}, json.RawMessage(`[1]`), struct{ A int }{1}}},
		{"text", []any{json.RawMessage(`[`)}},
	} {
		rows := func(yield func([]any, error) bool) {
			for _, v := range c.values {
				if !yield([]any{v}, nil) {
					return
				}
			}
		}
		v, format := OpenValues([]string{"c"}, rows)
		in := NewInspector(format)
		in.Values(v)
		if _, err := bufio.NewReader(v).WriteTo(new(strings.Builder)); err != nil {
			t.Errorf("%v: %v", c.values, err)
		}
		v.Close()
		if got := in.Profiles[0].Type(); got != c.want {
			t.Errorf("%v: %s, want %s", c.values, got, c.want)
		}
	}
}

func TestTextOfValues(t *testing.T) {
	t.Parallel()
	at := time.Date(2024, 2, 29, 1, 2, 3, 4000, time.UTC)
	for want, value := range map[string]any{
		"-0.005":                     pgtype.Numeric{Int: big.NewInt(-5), Exp: -3, Valid: true},
		"12.50":                      pgtype.Numeric{Int: big.NewInt(1250), Exp: -2, Valid: true},
		"-7":                         pgtype.Numeric{Int: big.NewInt(-7), Valid: true},
		"0.00":                       pgtype.Numeric{Int: big.NewInt(0), Exp: -2, Valid: true},
		"NaN":                        pgtype.Numeric{NaN: true, Valid: true},
		`\N`:                         pgtype.Numeric{},
		"2024-02-29 01:02:03.000004": pgtype.Timestamp{Time: at, Valid: true},
		"infinity":                   pgtype.Timestamp{InfinityModifier: pgtype.Infinity, Valid: true},
		"2024-02-29":                 pgtype.Date{Time: at, Valid: true},
		"0044-03-15 BC":              pgtype.Date{Time: time.Date(-43, 3, 15, 0, 0, 0, 0, time.UTC), Valid: true},
		"12024-02-29":                pgtype.Date{Time: time.Date(12024, 2, 29, 0, 0, 0, 0, time.UTC), Valid: true},
		"0999-01-02 03:04:05Z":       time.Date(999, 1, 2, 3, 4, 5, 0, time.UTC),
		`{"a":"\\n"}`:                json.RawMessage(`{"a":"\n"}`),
	} {
		v := &Values{types: pgtype.NewMap()}
		got, err := v.field(nil, Column{}, value)
		if err != nil || string(got) != want {
			t.Errorf("%v: %s, want %s (%v)", value, got, want, err)
		}
	}
}
