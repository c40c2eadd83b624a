package argkey

import (
	"bytes"
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"math/big"
	"net/netip"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
)

type (
	userID   int64
	colour   string
	otherStr string
	uuidLike [16]byte
	point    struct{ X, Y float64 }
	nested   struct {
		At   time.Time
		Tags []string
		P    *point
	}
	changing struct{ Calls *int }
	failing  struct{}
	rewriter struct{ N int }
	cyclic   struct{ Next *cyclic }
)

func (u uuidLike) Value() (driver.Value, error) { return fmt.Sprintf("%x", u[:]), nil }
func (failing) Value() (driver.Value, error)    { return nil, io.ErrUnexpectedEOF }
func (c changing) Value() (driver.Value, error) { *c.Calls++; return int64(*c.Calls), nil }

func (rewriter) RewriteQuery(context, *pgx.Conn, string, []any) (string, []any, error) {
	return "", nil, nil
}

var (
	utc    = time.Date(2024, 3, 31, 2, 30, 0, 5, time.UTC)
	berlin = time.FixedZone("CET", 3600)
	kyiv   = time.FixedZone("EET", 3600)
	one    = 1
	oneToo = 1
	two    = 2
)

// distinct holds argument lists with pairwise different keys.
var distinct = [][]any{
	{}, {nil}, {nil, nil}, {int(1)}, {int8(1)}, {int16(1)}, {int32(1)}, {int64(1)},
	{uint(1)}, {uint8(1)}, {uint16(1)}, {uint32(1)}, {uint64(1)}, {"1"}, {1.0}, {float32(1)}, {true}, {false},
	{int(-1)}, {""}, {"a", "b"}, {"ab", ""}, {"", "ab"}, {"a\x00b"}, {colour("1")}, {otherStr("1")}, {userID(1)},
	{[]byte(nil)}, {[]byte{}}, {[]byte("1")}, {json.RawMessage(nil)}, {json.RawMessage("1")},
	{math.NaN()}, {math.Inf(1)}, {math.Copysign(0, -1)}, {0.0}, {0},
	{utc}, {utc.Add(1)}, {utc.In(berlin)}, {utc.In(kyiv)}, {time.Time{}}, {time.Second}, {&utc},
	{[]int{1}}, {[]int64{1}}, {[]int32{1}}, {[]int16{1}}, {[]int(nil)}, {[]int{}}, {[]int{1, 2}}, {[]int{1}, 2}, {[]int64{}}, {[]int64(nil)},
	{[]string{"a", "b"}}, {[]string{"ab"}}, {[]string{"a"}, "b"}, {[]string(nil)}, {[]bool{true}}, {[]float64{1}}, {[]time.Time{utc}},
	{[]userID{1}}, {[]userID{}}, {[]any{1, "1"}}, {[]any{"1", 1}}, {[]any{int64(1), "1"}}, {[][]int{{1}, {2}}}, {[][]int{{1, 2}}},
	{[2]int{1, 2}}, {[16]byte{1}}, {uuidLike{1}}, {uuidLike{2}}, {[][16]byte{{1}}}, {[]uuidLike{{1}}},
	{&one}, {&two}, {(*int)(nil)}, {point{1, 2}}, {point{2, 1}}, {&point{1, 2}}, {(*point)(nil)},
	{nested{At: utc}}, {nested{At: utc.Add(1)}}, {nested{Tags: []string{}}}, {nested{P: &point{}}}, {nested{}},
	{pgtype.Text{}}, {pgtype.Text{Valid: true}}, {pgtype.Text{String: "1", Valid: true}}, {pgtype.Int8{Int64: 1, Valid: true}},
	{pgtype.Int4{Int32: 1, Valid: true}}, {pgtype.Int2{Int16: 1, Valid: true}}, {pgtype.Bool{Bool: true, Valid: true}},
	{pgtype.UUID{Bytes: [16]byte{1}, Valid: true}}, {pgtype.Float8{Float64: 1, Valid: true}}, {pgtype.Float4{Float32: 1, Valid: true}},
	{pgtype.Date{Time: utc, Valid: true}}, {pgtype.Timestamp{Time: utc, Valid: true}}, {pgtype.Timestamptz{Time: utc, Valid: true}},
	{pgtype.Date{InfinityModifier: pgtype.Infinity, Valid: true}}, {pgtype.Date{InfinityModifier: pgtype.NegativeInfinity, Valid: true}},
	{pgtype.Time{Microseconds: 1, Valid: true}}, {pgtype.Interval{Microseconds: 1, Valid: true}}, {pgtype.Interval{Days: 1, Valid: true}}, {pgtype.Interval{Months: 1, Valid: true}},
	{pgtype.Numeric{Int: big.NewInt(1), Valid: true}}, {pgtype.Numeric{Int: big.NewInt(-1), Valid: true}}, {pgtype.Numeric{Int: big.NewInt(1), Exp: 1, Valid: true}},
	{pgtype.Numeric{NaN: true, Valid: true}}, {pgtype.Numeric{Int: new(big.Int).Lsh(big.NewInt(1), 64), Valid: true}},
	{pgtype.Point{P: pgtype.Vec2{X: 1}, Valid: true}}, {pgtype.Range[int]{Lower: 1, Valid: true}},
	{netip.MustParseAddr("1.2.3.4")}, {netip.MustParseAddr("::ffff:1.2.3.4")}, {netip.MustParseAddr("fe80::1%eth0")}, {netip.MustParsePrefix("1.2.3.4/24")}, {netip.Addr{}},
	{sql.NullString{}}, {sql.NullString{String: "1", Valid: true}}, {sql.NullInt64{Int64: 1, Valid: true}},
	{pgx.QueryExecModeExec}, {pgx.QueryExecModeSimpleProtocol}, {pgx.QueryResultFormats{1}},
}

func TestAppendDistinguishesArguments(t *testing.T) {
	seen := map[string][]any{}
	for _, args := range distinct {
		key, ok := Append(nil, args)
		if !ok {
			t.Errorf("%#v cannot be keyed", args)
			continue
		}
		if other, dup := seen[string(key)]; dup {
			t.Errorf("%#v has the key of %#v", args, other)
		}
		seen[string(key)] = args
		if again, _ := Append(nil, Clone(args)); !bytes.Equal(key, again) {
			t.Errorf("%#v: its clone has another key", args)
		}
	}
}

func TestAppendOfEqualArguments(t *testing.T) {
	pairs := [][2]any{
		{&one, &oneToo},
		{time.Unix(5, 0).UTC(), time.Unix(5, 0).UTC()},
		{utc.In(time.FixedZone("CET", 3600)), utc.In(time.FixedZone("CET", 3600))},
		{&point{1, 2}, &point{1, 2}},
		{big.NewInt(7), new(big.Int).SetInt64(7)},
		{pgtype.Numeric{Int: big.NewInt(7), Valid: true}, pgtype.Numeric{Int: new(big.Int).SetInt64(7), Valid: true}},
		{nested{Tags: []string{"a"}}, nested{Tags: []string{"a"}}},
	}
	for _, p := range pairs {
		a, _ := Append(nil, []any{p[0]})
		b, ok := Append(nil, []any{p[1]})
		if !ok || !bytes.Equal(a, b) {
			t.Errorf("%#v and %#v have different keys", p[0], p[1])
		}
	}
	now := time.Now()
	a, _ := Append(nil, []any{now})
	b, _ := Append(nil, []any{now.Round(0)})
	if !bytes.Equal(a, b) {
		t.Error("the monotonic reading is part of a time's key")
	}
}

func TestAppendRejects(t *testing.T) {
	ring := &cyclic{}
	ring.Next = ring
	for _, arg := range []any{
		pgx.NamedArgs{"a": 1}, map[string]int{}, func() {}, make(chan int), bytes.NewBufferString("x"), &bytes.Reader{},
		rewriter{1}, &rewriter{1}, failing{}, []failing{{}}, ring, struct{ F func() }{}, struct{ M map[int]int }{},
	} {
		if key, ok := Append(nil, []any{1, arg}); ok {
			t.Errorf("%T is keyed as %x", arg, key)
		}
	}
}

func TestAppendCallsValuers(t *testing.T) {
	calls := 0
	a, ok := Append(nil, []any{changing{&calls}})
	calls = 0
	b, _ := Append(nil, []any{changing{&calls}})
	if !ok || !bytes.Equal(a, b) {
		t.Error("equal values of a Valuer have different keys")
	}
	if c, _ := Append(nil, []any{changing{&calls}}); bytes.Equal(a, c) {
		t.Error("a Valuer's changed answer is not in its key")
	}
}

// Two arguments with one key must be sent as the same parameter, for every type
// of the default map that accepts them.
func TestAppendAgreesWithTheWire(t *testing.T) {
	m := pgtype.NewMap()
	for _, oid := range []uint32{pgtype.Int4OID, pgtype.Int8OID, pgtype.TextOID, pgtype.TimestamptzOID, pgtype.TimestampOID, pgtype.DateOID, pgtype.UUIDOID, pgtype.NumericOID, pgtype.JSONBOID, pgtype.InetOID, pgtype.Int8ArrayOID, pgtype.TextArrayOID} {
		byKey := map[string][]byte{}
		for _, args := range distinct {
			for _, list := range [][]any{args, Clone(args)} {
				if len(list) != 1 {
					continue
				}
				key, _ := Append(nil, list)
				wire, err := m.Encode(oid, m.FormatCodeForOID(oid), list[0], nil)
				if err != nil {
					wire = []byte("error")
				}
				if before, ok := byKey[string(key)]; ok && !bytes.Equal(before, wire) {
					t.Errorf("%#v to type %d: sent as %x and %x under one key", list, oid, before, wire)
				}
				byKey[string(key)] = wire
			}
		}
	}
}

func TestAppendKeepsPrefix(t *testing.T) {
	got, ok := Append([]byte("prefix"), []any{1, func() {}})
	if ok || !bytes.HasPrefix(got, []byte("prefix")) {
		t.Errorf("got %q, %v", got, ok)
	}
}

func FuzzAppendIsInjective(f *testing.F) {
	f.Add("a", "b", int64(1), 1.5, "ab", "", int64(1), 1.5)
	f.Fuzz(func(t *testing.T, s1, s2 string, n1 int64, f1 float64, s3, s4 string, n2 int64, f2 float64) {
		one := []any{s1, []byte(s2), n1, f1, []string{s2, s1}}
		two := []any{s3, []byte(s4), n2, f2, []string{s4, s3}}
		a, _ := Append(nil, one)
		b, _ := Append(nil, two)
		same := s1 == s3 && s2 == s4 && n1 == n2 && math.Float64bits(f1) == math.Float64bits(f2)
		if bytes.Equal(a, b) != same {
			t.Errorf("%#v and %#v: same key is %v", one, two, !same)
		}
	})
}
