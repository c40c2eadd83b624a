package argkey

import (
	"math/big"
	"net/netip"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgtype"
)

// A decimal is built like the decimals of other packages.
type decimal struct {
	value *big.Int
	exp   int32
}

type filter struct {
	IDs    []int
	Nested *filter
	Any    any
	bytes  [][]byte
	At     time.Time
}

// Later modifications of an argument, at any depth, change neither the copy nor
// its key.
func TestCloneIsIndependentAtEveryDepth(t *testing.T) {
	n := big.NewInt(1 << 62)
	n.Mul(n, n)
	for what, c := range map[string]struct {
		arg    any
		change func(arg any)
	}{
		"[][]byte":         {[][]byte{[]byte("a1")}, func(a any) { a.([][]byte)[0][1] = '2' }},
		"[][]string":       {[][]string{{"a"}}, func(a any) { a.([][]string)[0][0] = "b" }},
		"[]any":            {[]any{[]int{1}}, func(a any) { a.([]any)[0].([]int)[0] = 2 }},
		"pointer":          {&filter{IDs: []int{1}}, func(a any) { a.(*filter).IDs[0] = 2 }},
		"nested pointers":  {&filter{Nested: &filter{IDs: []int{1}}}, func(a any) { a.(*filter).Nested.IDs[0] = 2 }},
		"interface":        {filter{Any: &filter{IDs: []int{1}}}, func(a any) { a.(filter).Any.(*filter).IDs[0] = 2 }},
		"unexported slice": {filter{bytes: [][]byte{{1}}}, func(a any) { a.(filter).bytes[0][0] = 2 }},
		"array":            {[1][]int{{1}}, func(a any) { a.([1][]int)[0][0] = 2 }},
		"decimal":          {decimal{new(big.Int).Set(n), 2}, func(a any) { a.(decimal).value.Bits()[0]++ }},
		"numeric":          {pgtype.Numeric{Int: new(big.Int).Set(n), Valid: true}, func(a any) { a.(pgtype.Numeric).Int.Bits()[0]++ }},
	} {
		key, ok := Append(nil, []any{c.arg})
		if !ok {
			t.Errorf("%s has no key", what)
			continue
		}
		copied := Clone([]any{c.arg})
		c.change(c.arg)
		if again, _ := Append(nil, copied); !slices.Equal(again, key) {
			t.Errorf("%s: the copy changed with the original", what)
		}
		if changed, _ := Append(nil, []any{c.arg}); slices.Equal(changed, key) {
			t.Errorf("%s: the test changed nothing that counts", what)
		}
	}
}

// Pointers that identify values are kept.
func TestCloneKeepsIdentities(t *testing.T) {
	addrs := []netip.Addr{netip.MustParseAddr("::1"), netip.MustParseAddr("fe80::1%eth0"), netip.MustParseAddr("10.0.0.1")}
	times := []struct{ at time.Time }{{utc.In(berlin)}}
	args := []any{addrs, times}
	if _, ok := Append(nil, args); !ok {
		t.Fatal("no key")
	}
	c := Clone(args)
	if !slices.Equal(c[0].([]netip.Addr), addrs) {
		t.Errorf("got %v", c[0])
	}
	if got := c[1].([]struct{ at time.Time }); got[0].at != times[0].at {
		t.Errorf("got %v", got)
	}
}

// A pointer in an unexported field may lead to something that only its package
// can copy.
func TestHiddenPointersHaveNoKey(t *testing.T) {
	for _, arg := range []any{hidden{&point{}}, &hidden{&point{}}, []hidden{{&point{}}}, struct{ e any }{1}} {
		if _, ok := Append(nil, []any{arg}); ok {
			t.Errorf("%s has a key", reflect.TypeOf(arg))
		}
	}
	if _, ok := Append(nil, []any{hidden{}}); !ok {
		t.Error("a nil pointer has no key")
	}
}
