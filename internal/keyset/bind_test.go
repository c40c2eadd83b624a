package keyset

import (
	"bytes"
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/big"
	"net/netip"
	"slices"
	"testing"
	"time"
)

type (
	named   string
	ordinal int32
	failing struct{}
	hstore  map[string]string
	nested  struct{ Next *nested }
	private struct{ at time.Time }
)

func (failing) Value() (driver.Value, error) { return nil, errors.New("no value") }
func (hstore) Value() (driver.Value, error)  { return "in any order", nil }

// TestBind freezes the encoding of arguments in cursors: a changed line
// invalidates stored cursors.
func TestBind(t *testing.T) {
	kathmandu := time.FixedZone("+0545", 5*3600+45*60)
	instant := time.Date(2026, 2, 28, 23, 59, 59, 999_999_000, kathmandu)
	text := "a"
	for _, tt := range []struct {
		want string
		args []any // all have the same encoding
	}{
		{"n", []any{nil, (*string)(nil), []int(nil), []byte(nil), sql.NullString{}, (*time.Time)(nil)}},
		{"f", []any{false, sql.NullBool{Valid: true}}},
		{"t", []any{true}},
		{"i\x0e", []any{7, int8(7), int16(7), int32(7), int64(7), uint(7), uint8(7), uint16(7), uint32(7), uint64(7), ordinal(7), sql.NullInt64{Int64: 7, Valid: true}}},
		{"i\x0ex\x037ns", []any{7 * time.Nanosecond}},
		{"i\x01", []any{-1, int8(-1)}},
		{"i\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", []any{int64(math.MinInt64)}},
		{"u\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", []any{uint64(math.MaxUint64)}},
		{"d\x3f\xf8\x00\x00\x00\x00\x00\x00", []any{1.5, float32(1.5)}},
		{"s\x01a", []any{"a", named("a"), &text, sql.NullString{String: "a", Valid: true}}},
		{"s\x04\"a\"\x00", []any{"\"a\"\x00"}},
		{"b\x02\x00\xff", []any{[]byte{0, 255}, [2]byte{0, 255}, json.RawMessage{0, 255}}},
		{"b\x00", []any{[]byte{}}},
		{"T\xc6\xc2\x99\x9a\x0d\x98\x8c\xeb\xdc\x03", []any{instant, instant.UTC(), instant.Local(), &instant, sql.NullTime{Time: instant, Valid: true}}},
		{"l\x02i\x02i\x04", []any{[]int{1, 2}, []int64{1, 2}, [2]int16{1, 2}, []any{1, uint8(2)}}},
		{"l\x00", []any{[]string{}}},
		{"l\x03s\x01ans\x00", []any{[]*string{&text, nil, new(string)}}},
		{"S\x02\x01A\x01ai\x02\x01b\x00s\x01x", []any{struct {
			A int `json:"a"`
			b string
		}{1, "x"}}},
		{"s\x09192.0.2.1", []any{netip.MustParseAddr("192.0.2.1")}},
		{"s\x0d2001:db8::/32", []any{netip.MustParsePrefix("2001:db8::/32")}},
		{"s\x1418446744073709551616", []any{new(big.Int).Lsh(big.NewInt(1), 64), *new(big.Int).Lsh(big.NewInt(1), 64)}},
	} {
		for _, arg := range tt.args {
			var b Binding
			if ok := b.Add(arg); !ok || string(b.Bytes) != tt.want {
				t.Errorf("%T %v: %q, %t, want %q", arg, arg, b.Bytes, ok, tt.want)
			}
		}
	}
	deep := &nested{}
	deep.Next = deep
	for _, arg := range []any{
		map[string]int{}, hstore{}, func() {}, make(chan int), bytes.NewReader(nil), failing{}, deep, private{at: time.Unix(0, 0)}, []any{1, map[int]int{}}, complex(1, 1),
	} {
		var b Binding
		if b.Add(arg) {
			t.Errorf("%T is bound by %q", arg, b.Bytes)
		}
	}
}

// Different lists of arguments have different encodings, wherever one value
// ends and the next begins.
func TestBindDistinguishesArguments(t *testing.T) {
	seen := make(map[string]string)
	for _, args := range [][]any{
		{}, {nil}, {nil, nil}, {"a", "b"}, {"ab"}, {"ab", ""}, {"", "ab"}, {1}, {"1"}, {1.0}, {true}, {[]byte("ab")}, {[]string{"a", "b"}},
		{[]string{"ab"}}, {[]string{"a"}, "b"}, {"a", []string{"b"}}, {[][]string{{"a"}, {"b"}}}, {[][]string{{"a", "b"}}},
		{struct{ A, B string }{"a", "b"}}, {time.Unix(0, 0)}, {time.Unix(0, 1)}, {time.Unix(1, 0)}, {0}, {-1}, {uint64(math.MaxUint64)},
	} {
		var b Binding
		for _, arg := range args {
			if !b.Add(arg) {
				t.Errorf("%v is not bound", args)
			}
		}
		if other, taken := seen[string(b.Bytes)]; taken {
			t.Errorf("%#v and %s are bound alike", args, other)
		}
		seen[string(b.Bytes)] = fmt.Sprintf("%#v", args)
	}
}

// Moved finds the arguments with a time in another zone than the cursor's, also
// within lists.
func TestBindingMoved(t *testing.T) {
	utc := time.Unix(0, 0).UTC()
	east := utc.In(time.FixedZone("", 3600))
	var b Binding
	for _, arg := range []any{1, east, []time.Time{utc, east, east}, "a", &utc} {
		if !b.Add(arg) {
			t.Fatalf("%v is not bound", arg)
		}
	}
	for _, tt := range []struct{ zones, want []int }{
		{b.Zones, nil},
		{nil, []int{1, 2}},
		{[]int{3600, 0, 3600, 3600, 3600}, []int{4}},
		{[]int{3600, 1, 2, 3, 0}, []int{2}},
	} {
		if got := b.Moved(tt.zones); !slices.Equal(got, tt.want) {
			t.Errorf("zones %v: moved %v, want %v", tt.zones, got, tt.want)
		}
	}
}
