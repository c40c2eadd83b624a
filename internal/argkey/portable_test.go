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
