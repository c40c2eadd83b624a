package pgcopy

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/big"
	"net"
	"net/netip"
	"reflect"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgtype"
)

type (
	namedInt    int32
	namedString string
	namedBytes  []byte
	namedUUID   [16]byte
	stringer    int16
	marshaler   string
	valuer      struct{ s string }
)

func (s stringer) String() string { return fmt.Sprint(int16(s)) }

func (m marshaler) MarshalJSON() ([]byte, error) { return []byte(`{"m":"` + string(m) + `"}`), nil }

func (v valuer) TextValue() (pgtype.Text, error) {
	return pgtype.Text{String: v.s, Valid: v.s != ""}, nil
}

// values are every kind of Go value that programs put into columns.
func values() []any {
	zone := time.FixedZone("east", 5*3600+1800)
	times := []time.Time{
		{}, time.Unix(0, 0).UTC(), time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC),
		time.Date(2024, 2, 29, 23, 59, 59, 999_999_999, zone), time.Date(1969, 12, 31, 3, 4, 5, 6_789, time.Local),
		time.Date(-4000, 3, 1, 1, 2, 3, 0, zone), time.Date(99_999, 12, 31, 0, 0, 0, 0, time.UTC),
	}
	vs := []any{
		true, false, int(7), int8(-8), int16(300), int32(-70_000), int64(math.MinInt64), int64(math.MaxInt64), int64(1_000_000),
		uint(9), uint8(200), uint16(60_000), uint32(4_000_000_000), uint64(math.MaxInt64), uint64(math.MaxUint64), int64(0), int64(12_345_678_901),
		float32(1.5), float32(0.1), 3.14, 0.0, math.Copysign(0, -1), 1e20, 1e-20, 123456.0, -0.00012, 1e300, 5e-324, 100_000_000.0, -20_000.5,
		math.NaN(), math.Inf(1), math.Inf(-1), float32(math.Inf(1)),
		"", "text", "42", "2024-01-02", "2024-01-02 03:04:05+00", "{1,2}", `{"a": 1}`, "ünïcode", "f47ac10b-58cc-4372-a567-0e02b2c3d479", "10.0.0.0/8", "true", "1 day",
		[]byte(nil), []byte{}, []byte{0, 1, 255}, []byte("bytes"), [16]byte{1, 2, 3}, [4]byte{1, 2, 3, 4},
		time.Duration(0), 90 * time.Minute, -time.Nanosecond * 1500,
		namedInt(5), namedString("named"), namedBytes("nb"), namedBytes(nil), namedUUID{9}, stringer(3), marshaler("x"), valuer{"v"}, valuer{},
		json.RawMessage(`{"raw" : true}`), json.RawMessage(nil), map[string]any{"k": 1}, map[string]string{"h": "s"}, struct{ A int }{1},
		netip.MustParseAddr("192.0.2.7"), netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("::ffff:1.2.3.4"), netip.Addr{},
		netip.MustParsePrefix("192.0.2.0/24"), netip.Prefix{}, net.ParseIP("10.1.2.3"), net.IPNet{IP: net.IPv4(10, 0, 0, 0).To4(), Mask: net.CIDRMask(8, 32)},
		sql.NullString{}, sql.NullString{String: "s", Valid: true}, sql.NullInt64{Int64: 5, Valid: true}, sql.NullInt32{Int32: 5, Valid: true},
		sql.NullInt16{Int16: 5, Valid: true}, sql.NullByte{Byte: 5, Valid: true}, sql.NullBool{Bool: true, Valid: true}, sql.NullFloat64{Float64: 2.5, Valid: true},
		sql.NullTime{Time: times[3], Valid: true}, sql.Null[int32]{V: 3, Valid: true}, sql.Null[string]{},
		pgtype.Bool{Bool: true, Valid: true}, pgtype.Int2{Int16: 2, Valid: true}, pgtype.Int4{Int32: 4, Valid: true}, pgtype.Int8{Int64: 8, Valid: true}, pgtype.Int8{},
		pgtype.Float4{Float32: 4.5, Valid: true}, pgtype.Float8{Float64: 8.25, Valid: true}, pgtype.Text{String: "pg", Valid: true}, pgtype.Text{},
		pgtype.UUID{Bytes: [16]byte{7}, Valid: true}, pgtype.UUID{},
		pgtype.Interval{Microseconds: 5, Days: 3, Months: -2, Valid: true}, pgtype.Interval{}, pgtype.Time{Microseconds: 77, Valid: true}, pgtype.Time{},
		pgtype.Date{}, pgtype.Date{InfinityModifier: pgtype.Infinity, Valid: true}, pgtype.Date{InfinityModifier: pgtype.NegativeInfinity, Valid: true},
		pgtype.Timestamp{InfinityModifier: pgtype.Infinity, Valid: true}, pgtype.Timestamptz{InfinityModifier: pgtype.NegativeInfinity, Valid: true}, pgtype.Timestamptz{},
		pgtype.Numeric{Int: big.NewInt(12345), Exp: -2, Valid: true}, pgtype.Numeric{NaN: true, Valid: true}, pgtype.Numeric{},
		pgtype.Point{P: pgtype.Vec2{X: 1, Y: 2}, Valid: true}, pgtype.Bits{Bytes: []byte{0xf0}, Len: 4, Valid: true},
		pgtype.Range[pgtype.Int4]{Lower: pgtype.Int4{Int32: 1, Valid: true}, Upper: pgtype.Int4{Int32: 5, Valid: true}, LowerType: pgtype.Inclusive, UpperType: pgtype.Exclusive, Valid: true},
		[]int(nil), []int{}, []int{1, 2, 3}, []int16{1}, []int32{-1, 7}, []int64{math.MaxInt64}, []uint8{1}, []float64{1, 2.5}, []string{"a", "", "ü"}, []bool{true, false},
		[]*string{new("x"), nil}, []*int64{nil}, [][]byte{{1}, nil}, []time.Time{times[2], times[3]}, []namedString{"n"}, [][16]byte{{1}}, []pgtype.Int8{{}, {Int64: 1, Valid: true}},
		[][]int{{1, 2}, {3, 4}}, [2]int{5, 6}, []any{1, "2"}, []sql.NullString{{}, {String: "z", Valid: true}},
		pgtype.Array[int32]{Elements: []int32{1, 2}, Dims: []pgtype.ArrayDimension{{Length: 2, LowerBound: 5}}, Valid: true}, pgtype.FlatArray[string]{"q"},
		(*int)(nil), new(5), (*string)(nil), new("p"), new(new("pp")), (*time.Time)(nil), new(times[3]), new(namedString("pn")), (*pgtype.Int8)(nil),
		new(pgtype.Int8{Int64: 1, Valid: true}), new([]string{"a"}), (*[]string)(nil), new(json.RawMessage(`1`)), new(sql.NullString{String: "s", Valid: true}), new(big.Int),
	}
	for _, t := range times {
		vs = append(vs, t, pgtype.Date{Time: t, Valid: true}, pgtype.Timestamp{Time: t, Valid: true}, pgtype.Timestamptz{Time: t, Valid: true})
	}
	return vs
}

// oids returns every type that pgx registers.
func oids(m *pgtype.Map) []uint32 {
	var all []uint32
	for oid := range uint32(10_000) {
		if _, ok := m.TypeForOID(oid); ok {
			all = append(all, oid)
		}
	}
	return all
}

// pgxBytes is what pgx.CopyFrom writes for a value: encodeCopyValue.
func pgxBytes(m *pgtype.Map, oid uint32, v any) (out []byte, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("pgx panics: %v", p)
		}
	}()
	return appendValue(m, nil, oid, v)
}

func encodeAlone(m *pgtype.Map, oid uint32, v any) ([]byte, error) {
	typ, _ := m.TypeForOID(oid)
	p := planner{m: m}
	fn, err := p.plan(reflect.TypeOf(v), Column{Name: "c", OID: oid, Type: typ.Name})
	if err != nil {
		return nil, err
	}
	cell := reflect.New(reflect.TypeOf(v))
	cell.Elem().Set(reflect.ValueOf(v))
	return fn(nil, cell.UnsafePointer())
}

// TestSameBytesAsPgx holds each way that a value takes to the bytes of pgx's
// own plans, over the product of Go values and server types.
func TestSameBytesAsPgx(t *testing.T) {
	m := pgtype.NewMap()
	refused := []error{errTime, errDate, errNoFloat4, errNUL, errUTF8}
	same, bothFail := 0, 0
	for _, oid := range oids(m) {
		typ, _ := m.TypeForOID(oid)
		for _, v := range values() {
			want, wantErr := pgxBytes(m, oid, v)
			got, gotErr := encodeSafely(m, oid, v)
			switch {
			case gotErr == nil && wantErr == nil && bytes.Equal(got, want):
				same++
			case gotErr != nil && wantErr != nil:
				bothFail++
			case wantErr == nil && isAny(gotErr, refused):
			case gotErr == nil && wantErr != nil && depth(reflect.TypeOf(v)) > 1:
				// pgx has planned for another value of the type.
			case fmt.Sprint(v) == "NaN" && gotErr == nil && wantErr == nil: // NaN: see serverNaN
			case wantErr == nil && bytes.Equal(want, null) && errors.Is(gotErr, errNoPlan):
				// A nil of a type that has no form here: no other row would pass.
			default:
				t.Errorf("%T %#v into %s:\n got %x, %v\nwant %x, %v", v, v, typ.Name, got, gotErr, want, wantErr)
			}
		}
	}
	t.Logf("%d the same, %d refused by both", same, bothFail)
	if same < 3000 {
		t.Errorf("only %d values compared", same)
	}
}

func encodeSafely(m *pgtype.Map, oid uint32, v any) (out []byte, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return encodeAlone(m, oid, v)
}

func isAny(err error, targets []error) bool {
	for _, target := range targets {
		if errors.Is(err, target) {
			return true
		}
	}
	return false
}
