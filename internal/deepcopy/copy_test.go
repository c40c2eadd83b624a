package deepcopy

import (
	"container/list"
	"errors"
	"fmt"
	"io"
	"math"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"text/template"
	"time"
)

type order struct {
	ID       int64
	Customer *customer
	Tags     []string
	next     *order
}

type customer struct {
	Name   string
	Orders []*order
	ByID   map[int64]*order
}

// newCustomer returns a customer with n orders that refer to it.
func newCustomer(n int) *customer {
	c := &customer{Name: "customer", ByID: map[int64]*order{}}
	for i := range n {
		o := &order{ID: int64(i), Customer: c, Tags: []string{"new", fmt.Sprint("order ", i)}}
		if i > 0 {
			c.Orders[i-1].next = o
		}
		c.Orders = append(c.Orders, o)
		c.ByID[o.ID] = o
	}
	return c
}

type chain struct {
	Next *chain
	N    int
}

func chainOf(n int) (c *chain) {
	for i := range n {
		c = &chain{c, i}
	}
	return c
}

func mustKeep[T any](t *testing.T, v T) T {
	t.Helper()
	if _, err := Keep(&v, math.MaxInt64); err != nil {
		t.Fatal(err)
	}
	return v
}

// Values that refer to each other do so in the copy, and to nothing else.
func TestCyclesAreCopied(t *testing.T) {
	for name, copied := range map[string]func(*testing.T, *customer) *customer{"Keep": mustKeep[*customer], "Clone": func(_ *testing.T, c *customer) *customer { return Clone(c) }} {
		for _, n := range []int{0, 1, 30, 400, 100_000} {
			was := newCustomer(n)
			is := copied(t, was)
			if is == was || is.Name != was.Name || len(is.Orders) != n || len(is.ByID) != n {
				t.Fatalf("%s of %d orders: got %d, %d", name, n, len(is.Orders), len(is.ByID))
			}
			for i, o := range is.Orders {
				if o == was.Orders[i] || o.Customer != is || is.ByID[o.ID] != o || i > 0 && is.Orders[i-1].next != o || !slices.Equal(o.Tags, was.Orders[i].Tags) || &o.Tags[0] == &was.Orders[i].Tags[0] {
					t.Fatalf("%s: order %d of %d is wrong", name, i, n)
				}
			}
		}
	}
}

func TestLongChains(t *testing.T) {
	const n = 200_000
	c := mustKeep(t, chainOf(n))
	for i := n - 1; i >= 0; i-- {
		if c.N != i {
			t.Fatalf("element %d is %d", i, c.N)
		}
		c = c.Next
	}
	var boxed any
	for range n / 10 {
		boxed = [1]any{boxed}
	}
	depth := 0
	for v := mustKeep(t, boxed); v != nil; v = v.([1]any)[0] {
		depth++
	}
	if depth != n/10 {
		t.Errorf("depth %d", depth)
	}
}

// The work grows with the value, not with the number of paths to it.
func TestManyWaysToAValue(t *testing.T) {
	type pair [2]any
	var boxed any = 1
	for range 100 {
		boxed = pair{boxed, boxed}
	}
	size, err := Keep(&boxed, math.MaxInt64)
	if err != nil || size > 10_000 {
		t.Errorf("size %d, %v", size, err)
	}
	long := make([]int, 10_000)
	suffixes := make([][]int, len(long))
	for i := range suffixes {
		suffixes[i] = long[i:]
	}
	shared := struct {
		All    any
		Suffix [][]int
	}{suffixes, suffixes}
	size, err = Keep(&shared, 1<<20)
	if err != nil || size > 400_000 {
		t.Errorf("size of suffixes %d, %v", size, err)
	}
	text := strings.Repeat("x", 100_000)
	texts := make([]any, 10_000)
	for i := range texts {
		texts[i] = text
	}
	size, err = Keep(&texts, 1<<20)
	if err != nil || size > 500_000 {
		t.Errorf("size of one text %d, %v", size, err)
	}
}

// Pointers into a value point to the same place in its copy.
func TestPointersIntoValues(t *testing.T) {
	type node struct {
		A, B  int
		P     *int
		Self  *node
		Words []string
		Last  *string
		Part  []string
	}
	n := &node{A: 1, B: 2, Words: []string{"a", "b", "c"}}
	n.P, n.Self, n.Last, n.Part = &n.B, n, &n.Words[2], n.Words[1:2]
	c := mustKeep(t, n)
	if c.P != &c.B || c.Self != c || c.Last != &c.Words[2] || &c.Part[0] != &c.Words[1] || c == n {
		t.Errorf("got %+v", c)
	}
	l := list.New()
	for i := range 10 {
		l.PushBack(i)
	}
	copied := mustKeep(t, l)
	i := 0
	for e := copied.Front(); e != nil; e = e.Next() {
		if e.Value != i {
			t.Errorf("element %d is %v", i, e.Value)
		}
		i++
	}
	if i != 10 || copied == l {
		t.Errorf("%d elements", i)
	}
	var b strings.Builder
	b.WriteString("text")
	if s := mustKeep(t, &b); s.String() != "text" {
		t.Errorf("got %q", s.String())
	}
}

func TestRoomIsCutOff(t *testing.T) {
	v := mustKeep(t, [][]int{make([]int, 2, 100)[:1], {1}, nil, {}})
	if cap(v[0]) != 1 || v[2] != nil || v[3] == nil {
		t.Errorf("got %#v", v)
	}
	v[0] = append(v[0], 9)
	if v[1][0] != 1 {
		t.Error("appending to one slice reached the next")
	}
	c := Clone([]*[]int{{1}, {2}})
	*c[0] = append(*c[0], 9)
	if (*c[1])[0] != 2 {
		t.Error("appending to one slice of a clone reached the next")
	}
}

func TestWhatCannotBeCopied(t *testing.T) {
	type hook struct {
		Name string
		run  func()
	}
	type guarded struct {
		mu sync.Mutex
		n  int
	}
	_ = []any{hook{}.run, new(guarded).mu.TryLock, new(guarded).n}
	for want, typ := range map[string]reflect.Type{
		"hook.run is a func()": reflect.TypeFor[*hook](), "[].run is": reflect.TypeFor[[]hook](), "chan int": reflect.TypeFor[map[string]chan int](),
		"sync.Mutex": reflect.TypeFor[guarded](), "atomic.Int64": reflect.TypeFor[struct{ N atomic.Int64 }](), "template.Template": reflect.TypeFor[*template.Template](),
	} {
		if err := Check(typ); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: got %v, want %q", typ, err, want)
		}
	}
	locked := &sync.Mutex{}
	locked.Lock()
	for want, v := range map[string]any{
		"func": []any{1, func() {}}, "chan": map[string]any{"a": make(chan int)}, "error": struct{ Err error }{io.EOF}, "sync": []any{locked},
	} {
		was := v
		if _, err := Keep(&v, math.MaxInt64); err == nil || !strings.Contains(err.Error(), want) || reflect.ValueOf(v).Kind() != reflect.ValueOf(was).Kind() {
			t.Errorf("%T: got %v, want %q", was, err, want)
		}
	}
	if v := mustKeep(t, []hook{{Name: "no function"}}); v[0].Name != "no function" {
		t.Errorf("got %v", v)
	}
	for _, typ := range []reflect.Type{reflect.TypeFor[any](), reflect.TypeFor[*customer](), reflect.TypeFor[[]time.Time](), reflect.TypeFor[reflect.Type](), reflect.TypeFor[error]()} {
		if err := Check(typ); err != nil {
			t.Errorf("%v: %v", typ, err)
		}
	}
	if v := mustKeep(t, any(reflect.TypeFor[int]())); v != any(reflect.TypeFor[int]()) {
		t.Error("a type is another one in the copy")
	}
}

func TestTooBig(t *testing.T) {
	v := newCustomer(1000)
	was := v
	if _, err := Keep(&v, 10_000); !errors.Is(err, ErrTooBig) || v != was {
		t.Errorf("got %v", err)
	}
	b := make([]byte, 101)
	if size, err := Keep(&b, 100); !errors.Is(err, ErrTooBig) {
		t.Errorf("got %d, %v", size, err)
	}
}

// Locations with equal rules become one, others stay distinct.
func TestLocations(t *testing.T) {
	at := func(name string, offset int) time.Time { return time.Unix(0, 0).In(time.FixedZone(name, offset)) }
	v := mustKeep(t, []time.Time{at("one", 1800), at("one", 1800), at("one", 900), at("two", 1800), time.Unix(0, 0), time.Unix(0, 0).UTC()})
	if v[0].Location() != v[1].Location() || v[0].Location() == v[2].Location() || v[0].Location() == v[3].Location() || v[4].Location() != time.Local || v[5].Location() != time.UTC {
		t.Errorf("got %v", v)
	}
	if !v[2].Equal(time.Unix(0, 0)) || v[2].Format(time.RFC3339) != "1970-01-01T00:15:00Z"[:19]+"+00:15" {
		t.Errorf("got %v", v[2])
	}
}

func TestCopiesAtOnce(t *testing.T) {
	v := newCustomer(50)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 50 {
				if c := mustKeep(t, v); len(c.Orders) != 50 {
					t.Error("wrong copy")
				}
			}
		})
	}
	wg.Wait()
}
