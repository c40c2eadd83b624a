package argkey

import (
	ctx "context"
	"reflect"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
)

type context = ctx.Context

type (
	hidden    struct{ p *point }
	hiddenMap struct {
		_ struct{}
		m map[string]int
	}
)

func TestCloneIsEqualAndIndependent(t *testing.T) {
	n := 1
	args := []any{
		[]byte("ab"), []int64{1, 2}, []string{"a"}, []userID{1}, &n, &point{1, 2}, pgx.NamedArgs{"a": 1}, map[string]int{"a": 1},
		[]time.Time{utc}, [][16]byte{{1}}, []any{1},
	}
	c := Clone(args)
	if !reflect.DeepEqual(args, c) {
		t.Fatalf("got %#v, want %#v", c, args)
	}
	args[0].([]byte)[0] = 'x'
	args[1].([]int64)[0] = 9
	args[2].([]string)[0] = "x"
	args[3].([]userID)[0] = 9
	n = 9
	args[5].(*point).X = 9
	args[6].(pgx.NamedArgs)["a"] = 9
	args[7].(map[string]int)["a"] = 9
	args[8].([]time.Time)[0] = time.Time{}
	args[9].([][16]byte)[0][0] = 9
	args[10].([]any)[0] = 9
	for i := range c {
		if reflect.DeepEqual(args[i], c[i]) {
			t.Errorf("%T: the copy changed with the original", args[i])
		}
	}
}

func TestCloneKeepsNil(t *testing.T) {
	args := []any{nil, []byte(nil), []int(nil), (*int)(nil), map[string]int(nil), pgx.NamedArgs(nil), []userID(nil)}
	for i, c := range Clone(args) {
		if c == nil != (args[i] == nil) || (c != nil && !reflect.ValueOf(c).IsNil()) || reflect.TypeOf(c) != reflect.TypeOf(args[i]) {
			t.Errorf("%T became %#v", args[i], c)
		}
	}
	if Clone(nil) != nil {
		t.Error("no arguments became some")
	}
}

func TestCloneOfHiddenMap(t *testing.T) {
	orig := hiddenMap{m: map[string]int{"a": 1}}
	c := Clone([]any{orig})[0].(hiddenMap)
	orig.m["a"] = 2
	if c.m["a"] != 1 || len(c.m) != 1 {
		t.Errorf("got %v", c.m)
	}
}

func TestCloneOfWhatCannotBeSent(t *testing.T) {
	m := pgtype.NewMap()
	for _, c := range Clone([]any{func() {}, make(chan int), struct{ F func() }{}}) {
		_, err := m.Encode(pgtype.Int8OID, pgtype.BinaryFormatCode, c, nil)
		if err == nil || !strings.Contains(err.Error(), "cannot be sent") {
			t.Errorf("%T: encoded with error %v", c, err)
		}
	}
}

//go:noinline
func keyed(dst []byte, miss bool, args ...any) ([]byte, []any) {
	dst, _ = Append(dst, args)
	if miss {
		return dst, Clone(args)
	}
	return dst, nil
}

func TestAppendAllocates(t *testing.T) {
	dst := make([]byte, 0, 512)
	n := 1000 + len(t.Name())
	name := strconv.Itoa(n)
	ids := []int64{int64(n)}
	for _, c := range []struct {
		what string
		run  func()
	}{
		{"basic types", func() { keyed(dst, false, n, int64(n), name, float64(n), n > 5, int32(n), uint16(n)) }},
		{"times", func() { keyed(dst, false, utc, utc.In(berlin), time.Duration(n)) }},
		{"slices", func() { keyed(dst, false, ids) }},
		{"pgtype", func() {
			keyed(dst, false, pgtype.Text{String: name, Valid: true}, pgtype.Int8{Int64: int64(n), Valid: true}, pgtype.UUID{Valid: true}, pgtype.Timestamptz{Time: utc, Valid: true})
		}},
		{"named types and arrays", func() { keyed(dst, false, userID(n), colour(name), [16]byte{byte(n)}, point{float64(n), 1}) }},
		{"pointers", func() { keyed(dst, false, &n, &name) }},
	} {
		if got := testing.AllocsPerRun(100, c.run); got != 0 {
			t.Errorf("%s: %v allocations", c.what, got)
		}
	}
}

// Copies of values on a caller's stack must stay intact after that stack has
// grown, moved and been overwritten.
func TestCallersKeepTheirBoxes(t *testing.T) {
	type kept struct {
		key          []byte
		args, hidden []any
	}
	var all []kept
	for i := range 200 {
		done := make(chan kept)
		go func() {
			defer close(done)
			key, args, hidden := shallow(i)
			deep(200)
			done <- kept{key, args, hidden}
		}()
		all = append(all, <-done)
		runtime.GC()
	}
	for i, k := range all {
		if again, ok := Append(nil, k.args); !ok || string(again) != string(k.key) {
			t.Fatalf("arguments of call %d changed: %#v", i, k.args)
		}
		if h := k.hidden[0].(hidden); *h.p != (point{float64(i), 1}) {
			t.Fatalf("the hidden pointer of call %d leads to %v", i, *h.p)
		}
	}
}

//go:noinline
func shallow(i int) (key []byte, args, hiding []any) {
	local := i
	p := point{float64(i), 1}
	list := []int{i, i + 1}
	key, args = keyed(nil, true, i, strconv.Itoa(i)+"x", userID(i), p, &p, &local, list, []userID{userID(i)}, uuidLike{byte(i)},
		nested{At: utc, Tags: []string{strconv.Itoa(i)}, P: &point{1, float64(i)}}, []byte{byte(i)}, struct{ P *int }{&local}, hidden{})
	_, hiding = keyed(nil, true, hidden{&p})
	return key, args, hiding
}

//go:noinline
func deep(n int) int {
	var pad [512]byte
	if n == 0 {
		return int(pad[n])
	}
	pad[n%512] = byte(n)
	return deep(n-1) + int(pad[(n*7)%512])
}

func BenchmarkAppend(b *testing.B) {
	dst := make([]byte, 0, 256)
	n, s := 1<<20+b.N, strconv.Itoa(b.N)
	b.ReportAllocs()
	for b.Loop() {
		dst, _ = keyed(dst[:0], false, n, s)
	}
}
