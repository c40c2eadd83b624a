package argkey_test

import (
	"encoding/hex"
	"math/big"
	"testing"
	"time"
	"unique"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/headrace/headrace/internal/argkey"
)

type ab struct{ A, B int }

type nested struct {
	At   *time.Time
	List []ab
	Next *nested
}

func TestAppendPortable(t *testing.T) {
	at := time.Now()
	for _, arg := range []any{nil, 1, "a", []byte("b"), at, &at, []int{1}, [16]byte{}, pgtype.Int4{}, pgtype.Timestamptz{}, ab{}, &nested{}, big.NewInt(3)} {
		if _, ok := argkey.AppendPortable(nil, []any{arg}); !ok {
			t.Errorf("%T is not portable", arg)
		}
	}
	for _, arg := range []any{unique.Make("a"), time.UTC, struct{ H unique.Handle[int] }{}, struct{ Any any }{}, []any{1}} {
		if _, ok := argkey.AppendPortable(nil, []any{arg}); ok {
			t.Errorf("%T is portable", arg)
		}
	}
}

// Two releases of a program may have a struct of one name with its fields in
// another order.
func TestPortableKeysNameFields(t *testing.T) {
	one, _ := argkey.AppendPortable(nil, []any{struct{ From, To int }{1, 2}})
	two, _ := argkey.AppendPortable(nil, []any{struct{ To, From int }{1, 2}})
	if string(one) == string(two) {
		t.Errorf("both are %q", one)
	}
	if plain, _ := argkey.AppendPortable(nil, []any{1, "a", at}); len(plain) > 0 {
		t.Errorf("arguments without structs have %q", plain)
	}
}

var at = time.Date(2026, 12, 1, 2, 3, 4, 5, time.FixedZone("CET", 3600))

// level is encoded by a method, which another program may have written
// otherwise.
type level int

var levelNames = []string{"low", "high"}

func (l level) String() string { return levelNames[l] }

type named struct{ level }

type tagged struct {
	A int `json:"a"`
}

type jsonText struct{ text string }

func (j jsonText) MarshalJSON() ([]byte, error) { return []byte(j.text), nil }

type valued struct{ n int64 }

func (v valued) Int64Value() (pgtype.Int8, error) { return pgtype.Int8{Int64: v.n, Valid: true}, nil }

// Keys for several programs contain what their methods and tags make of an
// argument, or there is none.
func TestPortableKeysHaveEncodings(t *testing.T) {
	key := func(arg any) string {
		plain, _ := argkey.Append(nil, []any{arg})
		key, ok := argkey.AppendPortable(plain, []any{arg})
		if !ok {
			return ""
		}
		return string(key)
	}
	for _, arg := range []any{level(1), &levelOne} {
		before := key(arg)
		levelNames[1] = "HIGH"
		if after := key(arg); before == after || after == "" {
			t.Errorf("%T: %q and %q", arg, before, after)
		}
		levelNames[1] = "high"
	}
	for _, arg := range []any{[]level{1}, named{1}, struct{ L level }{1}, valued{1}, []jsonText{{"1"}}, []valued{{1}}} {
		if got := key(arg); got != "" && got == key(arg) {
			if _, ok := arg.(named); !ok { // promotes String
				t.Errorf("%T has the key %q", arg, got)
			}
		}
	}
	if one, two := key(tagged{1}), key(struct {
		A int `json:"b"`
	}{1}); one == two || one == "" || two == "" {
		t.Errorf("%q and %q", one, two)
	}
	if key(jsonText{"1"}) == key(jsonText{"2"}) {
		t.Error("two values have one key")
	}
}

var levelOne = level(1)

// Types of one name, declared in two functions, have different keys.
func TestLocalTypesDiffer(t *testing.T) {
	one := func() any {
		type local struct {
			A int `json:"a"`
		}
		return local{1}
	}()
	two := func() any {
		type local struct {
			A int `json:"b"`
		}
		return local{1}
	}()
	first, _ := argkey.Append(nil, []any{one})
	second, _ := argkey.Append(nil, []any{two})
	if string(first) == string(second) {
		t.Errorf("both are %q", first)
	}
	again, _ := argkey.Append(nil, []any{one})
	if string(first) != string(again) {
		t.Errorf("%q and %q", first, again)
	}
}

// TestKeysAreStable pins the keys. Tiers of the cache store them: with new keys
// the form of their values needs a new number.
func TestKeysAreStable(t *testing.T) {
	got, _ := argkey.Append(nil, []any{nil, true, 1, int8(2), int16(3), int32(4), int64(5), uint(6), float32(1.5), 2.5, "a", []byte("b"),
		at, time.Second, [16]byte{7}, []int{1}, []string{"x"}, pgtype.Int4{Int32: 8, Valid: true}, ab{1, 2}})
	const want = "0002030100000000000000040205030006040000000705000000000000000806000000000000000d0000c03f0e00000000000004400f01611024016212c81c0e6b0000000005000000100e0000034345" +
		"541300ca9a3b00000000160700000000000000000000000000000018240101000000000000001d240101782002020800000021316769746875622e636f6d2f68656164726163652f68656164726163652f696e7465726e616c2f6172676b65795f746573740261620003696e7401000000000000000003696e740200000000000000"
	if hex.EncodeToString(got) != want {
		t.Errorf("got %x, want %s", got, want)
	}
}
