package querycache

import (
	"context"
	"io"
	"strings"
	"sync"
	"testing"
	"time"
)

type customer struct {
	Name   string
	Orders []*order
}

type order struct {
	ID       int64
	Customer *customer
}

// newCustomer returns a customer with n orders that lead back to it.
func newCustomer(n int) *customer {
	c := &customer{Name: "name"}
	for i := range n {
		c.Orders = append(c.Orders, &order{int64(i), c})
	}
	return c
}

func shared[V any](t *testing.T, c *Cache, load func(i int) V) *Aside[int, V] {
	return newAside(t, c, AsideOptions[int, V]{Policy: Policy{TTL: time.Hour, Shared: true}, Load: func(_ context.Context, i int) (V, error) { return load(i), nil }})
}

// Cyclic values are stored with their size, and CheckShared detects changes.
func TestCyclicValuesAreStored(t *testing.T) {
	for _, check := range []bool{false, true} {
		c := newCache(t, &Options{MaxBytes: 1 << 30, CheckShared: check})
		a := shared(t, c, newCustomer)
		for _, n := range []int{30, 200, 400, 100_000} {
			before := c.Stats().Bytes
			first, err := a.Get(t.Context(), n)
			if err != nil {
				t.Fatal(err)
			}
			again, _ := a.Get(t.Context(), n)
			if again != first || len(again.Orders) != n || again.Orders[n-1].Customer != again {
				t.Errorf("%d orders: the stored value is wrong", n)
			}
			if size, least := c.Stats().Bytes-before, int64(24*n); size < least || size > least*3/2+2000 {
				t.Errorf("%d orders: %d bytes, want about %d", n, size, least)
			}
		}
		if s := c.Stats(); s.Lookups[Hit] != 4 {
			t.Errorf("lookups %v", s.Lookups)
		}
		if !check {
			continue
		}
		v, _ := a.Get(t.Context(), 400)
		v.Orders[399].ID++
		func() {
			defer func() {
				if recover() == nil {
					t.Error("a change was not found")
				}
			}()
			a.Get(t.Context(), 400)
		}()
	}
}

// NewAside rejects types whose values cannot be measured. Unmeasurable values
// in interfaces are not stored and are counted as RefusedType.
func TestUnmeasurableValuesAreNotStored(t *testing.T) {
	c := newCache(t, nil)
	type hooks struct{ Done func() }
	type guarded struct {
		mu sync.Mutex
		n  int
	}
	_ = new(guarded).mu.TryLock
	p := Policy{TTL: time.Hour, Shared: true}
	_, err1 := NewAside(c, AsideOptions[int, *hooks]{Policy: p, Load: func(context.Context, int) (*hooks, error) { return nil, nil }})
	_, err2 := NewAside(c, AsideOptions[int, map[string]chan int]{Policy: p, Load: func(context.Context, int) (map[string]chan int, error) { return nil, nil }})
	_, err3 := NewAside(c, AsideOptions[int, *guarded]{Policy: p, Load: func(context.Context, int) (*guarded, error) { return &guarded{n: 1}, nil }})
	_, err4 := Memoize(c, "m", p, func(context.Context, int) (*hooks, error) { return nil, nil })
	for want, err := range map[string]error{"func()": err1, "chan int": err2, "sync.Mutex": err3, "NewAside with Size": err4} {
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "Size") {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	a := shared(t, c, func(i int) any { return []any{func() {}, make(chan int), io.EOF, "text"}[i] })
	for i := range 4 {
		for range 2 {
			if v, err := a.Get(t.Context(), i); v == nil || err != nil {
				t.Errorf("got %v, %v", v, err)
			}
		}
	}
	if s := c.Stats(); s.Lookups[RefusedType] != 6 || s.Lookups[Hit] != 1 || s.Entries != 1 {
		t.Errorf("lookups %v, %d entries", s.Lookups, s.Entries)
	}
}

// The result of Size is the size of an entry.
func TestSizeIsNotVerified(t *testing.T) {
	c := newCache(t, nil)
	a := newAside(t, c, AsideOptions[int, func() int]{Policy: Policy{TTL: time.Hour, Shared: true}, Size: func(func() int) int64 { return 10_000 },
		Load: func(_ context.Context, i int) (func() int, error) { return func() int { return i }, nil }})
	for range 2 {
		if f, err := a.Get(t.Context(), 7); err != nil || f() != 7 {
			t.Fatal(err)
		}
	}
	if s := c.Stats(); s.Bytes < 10_000 || s.Bytes > 11_000 || s.Lookups[Hit] != 1 {
		t.Errorf("%d bytes, %v", s.Bytes, s.Lookups)
	}
}

// The store holds its own copy, so changes to the loaded value have no effect.
func TestStoredValuesAreCopies(t *testing.T) {
	c := newCache(t, nil)
	loaded := map[string][]int{"a": {1}}
	a := shared(t, c, func(int) map[string][]int { return loaded })
	a.Get(t.Context(), 1)
	loaded["a"][0], loaded["b"] = 2, nil
	if v, _ := a.Get(t.Context(), 1); len(v) != 1 || v["a"][0] != 1 {
		t.Errorf("the stored value is %v", v)
	}
	if v, err := a.Get(t.Context(), 2); err != nil || v["a"][0] != 2 {
		t.Errorf("got %v, %v", v, err)
	}
}
