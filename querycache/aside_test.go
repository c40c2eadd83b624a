package querycache

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/headrace/headrace/internal/changes"
)

func newCache(t testing.TB, opts *Options) *Cache {
	t.Helper()
	c, err := New(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func newAside[K comparable, V any](t testing.TB, c *Cache, opts AsideOptions[K, V]) *Aside[K, V] {
	t.Helper()
	a, err := NewAside(c, opts)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestAsideStoresValuesAndNoRows(t *testing.T) {
	ctx := context.Background()
	loads := 0
	a := newAside(t, newCache(t, nil), AsideOptions[int, string]{Name: "names", Policy: forever, Load: func(_ context.Context, id int) (string, error) {
		loads++
		if id == 0 {
			return "", fmt.Errorf("city %d: %w", id, pgx.ErrNoRows)
		}
		return fmt.Sprint("city ", id, " ", loads), nil
	}})
	for range 2 {
		if v, err := a.Get(ctx, 1); v != "city 1 1" || err != nil {
			t.Errorf("got %q, %v", v, err)
		}
	}
	for range 2 {
		if _, err := a.Get(ctx, 0); !errors.Is(err, pgx.ErrNoRows) || !strings.Contains(err.Error(), "city 0") {
			t.Errorf("got %v", err)
		}
	}
	if loads != 2 {
		t.Errorf("%d loads, want 2: absence is stored too", loads)
	}
	a.Delete(ctx, 1)
	if v, _ := a.Get(ctx, 1); v != "city 1 3" {
		t.Errorf("after Delete: %q", v)
	}
	a.Set(ctx, 1, "set")
	if v, _ := a.Get(ctx, 1); v != "set" {
		t.Errorf("after Set: %q", v)
	}
	failed := errors.New("write failed")
	if err := a.Update(ctx, 1, func(context.Context) error { return failed }); err != failed {
		t.Errorf("Update returned %v", err)
	}
	if v, _ := a.Get(ctx, 1); v != "city 1 4" {
		t.Errorf("after Update: %q", v)
	}
	if v, _ := a.Get(Bypass(ctx), 1); v != "city 1 5" {
		t.Errorf("bypassing: %q", v)
	}
	a.cache.InvalidateStatements("names")
	if v, _ := a.Get(ctx, 1); v != "city 1 6" {
		t.Errorf("after dropping by name: %q", v)
	}
}

// A load that reads before the write of Update is not stored after it.
func TestAsideUpdateInvalidatesLoads(t *testing.T) {
	ctx := context.Background()
	var stored atomic.Int64
	read, goOn := make(chan bool), make(chan bool)
	var began atomic.Bool
	a := newAside(t, newCache(t, nil), AsideOptions[int, int64]{Policy: forever, Load: func(context.Context, int) (int64, error) {
		v := stored.Load()
		if began.CompareAndSwap(false, true) {
			close(read)
			<-goOn
		}
		return v, nil
	}})
	done := make(chan bool)
	go func() { a.Get(ctx, 1); close(done) }()
	<-read
	if err := a.Update(ctx, 1, func(context.Context) error { stored.Store(1); return nil }); err != nil {
		t.Fatal(err)
	}
	if v, _ := a.Get(ctx, 1); v != 1 {
		t.Errorf("read %d right after the update: an old load was joined", v)
	}
	close(goOn)
	<-done
	if v, _ := a.Get(ctx, 1); v != 1 {
		t.Errorf("read %d: an old load was stored", v)
	}
}

func TestAsideGetMany(t *testing.T) {
	ctx := context.Background()
	var asked [][]int
	a := newAside(t, newCache(t, nil), AsideOptions[int, string]{Policy: forever, LoadMany: func(_ context.Context, ids []int) (map[int]string, error) {
		asked = append(asked, slices.Clone(ids))
		out := map[int]string{}
		for _, id := range ids {
			if id > 0 {
				out[id] = fmt.Sprint("city ", id)
			}
		}
		return out, nil
	}})
	if v, err := a.Get(ctx, 2); v != "city 2" || err != nil {
		t.Fatal(v, err)
	}
	for range 2 {
		got, err := a.GetMany(ctx, []int{1, 2, 3, 0, 3})
		if err != nil || len(got) != 3 || got[3] != "city 3" {
			t.Fatal(got, err)
		}
	}
	if len(asked) != 2 || !slices.Equal(asked[1], []int{1, 3, 0}) {
		t.Errorf("asked for %v", asked)
	}
	if _, err := a.Get(ctx, 0); !errors.Is(err, pgx.ErrNoRows) {
		t.Errorf("got %v for a key without a value", err)
	}
	if got, err := a.GetMany(Bypass(ctx), []int{1, 0}); err != nil || len(got) != 1 || len(asked) != 3 {
		t.Errorf("bypassing: %v, %v after %v", got, err, asked)
	}
	if s := a.cache.Stats(); s.Lookups[Hit] != 6 || s.Lookups[MissCold] != 4 || s.Lookups[Bypassed] != 2 {
		t.Errorf("lookups %v", s.Lookups)
	}
}

func TestAsideGetManyCoalescesLoads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := context.Background()
		var loads atomic.Int64
		c := newCache(t, nil)
		a := newAside(t, c, AsideOptions[int, int]{Policy: forever, LoadMany: func(ctx context.Context, ids []int) (map[int]int, error) {
			loads.Add(int64(len(ids)))
			out := map[int]int{}
			for _, id := range ids {
				out[id] = id
			}
			select {
			case <-time.After(time.Second):
				return out, nil
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		}})
		short, cancel := context.WithTimeout(ctx, time.Millisecond)
		defer cancel()
		var wg sync.WaitGroup
		wg.Go(func() {
			if _, err := a.GetMany(short, []int{1, 2, 3}); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("got %v", err)
			}
		})
		synctest.Wait()
		wg.Go(func() {
			if got, err := a.GetMany(ctx, []int{2, 3, 4}); err != nil || len(got) != 3 {
				t.Errorf("got %v, %v", got, err)
			}
		})
		wg.Wait()
		if n := loads.Load(); n != 4 {
			t.Errorf("%d keys were loaded, want 4", n)
		}
		c.Close()
	})
}

func TestAsideGetManyReturnsErrors(t *testing.T) {
	ctx := context.Background()
	failed := errors.New("no luck")
	fail := true
	a := newAside(t, newCache(t, nil), AsideOptions[int, int]{Name: "n", Policy: forever, LoadMany: func(context.Context, []int) (map[int]int, error) {
		switch {
		case fail:
			return nil, failed
		}
		panic("boom")
	}})
	if got, err := a.GetMany(ctx, []int{1, 2}); !errors.Is(err, failed) || got != nil {
		t.Errorf("got %v, %v", got, err)
	}
	fail = false
	var p *PanicError
	if _, err := a.GetMany(ctx, []int{1, 2}); !errors.As(err, &p) {
		t.Errorf("got %v", err)
	}
	if s := a.cache.Stats(); s.Total() != 4 || s.Lookups[MissFailed] != 4 || s.Flights != 0 {
		t.Errorf("lookups %v, %d flights", s.Lookups, s.Flights)
	}
}

// Policy.StaleFor and StaleIfError apply to many keys as to one.
func TestAsideGetManyServesStaleValues(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		c := newCache(t, nil)
		var fail error
		var asked [][]int
		n := 0
		a := newAside(t, c, AsideOptions[int, int]{
			Policy: Policy{TTL: time.Second, StaleFor: time.Second, StaleIfError: time.Minute},
			LoadMany: func(_ context.Context, ids []int) (map[int]int, error) {
				asked = append(asked, ids)
				n++
				out := map[int]int{}
				for _, id := range ids {
					out[id] = n
				}
				return out, fail
			},
		})
		want := func(v int) {
			t.Helper()
			got, err := a.GetMany(ctx, []int{1, 2, 1})
			if err != nil || len(got) != 2 || got[1] != v || got[2] != v {
				t.Errorf("got %v, %v; want %d", got, err, v)
			}
			synctest.Wait()
		}
		want(1)
		time.Sleep(1500 * time.Millisecond)
		want(1) // stale, and refreshed in the background
		want(2)
		if len(asked) != 2 || len(asked[1]) != 2 {
			t.Errorf("asked for %v", asked)
		}
		fail = errors.New("down")
		time.Sleep(1500 * time.Millisecond)
		want(2)
		time.Sleep(time.Second) // beyond StaleFor
		want(2)
		time.Sleep(time.Minute)
		if got, err := a.GetMany(ctx, []int{1, 2}); !errors.Is(err, fail) {
			t.Errorf("got %v, %v", got, err)
		}
		if s := c.Stats(); s.Total() != 12 || s.Lookups[HitStale] != 4 || s.Lookups[Hit] != 2 || s.Lookups[HitOnError] != 2 || s.Lookups[MissFailed] != 2 || s.Flights != 0 {
			t.Errorf("lookups %v, %d flights", s.Lookups, s.Flights)
		}
		c.Close()
	})
}

func TestAsideDependsOnPolicyTables(t *testing.T) {
	ctx := context.Background()
	o := newOffline(t, nil, forever)
	n := 0
	a := newAside(t, o.cache, AsideOptions[int, int]{Policy: Policy{TTL: -1, Tables: []string{"cities"}}, Source: o.reads.pg,
		Load: func(context.Context, int) (int, error) { n++; return n, nil }})
	a.Get(ctx, 1)
	o.change(changes.Committed)
	if v, _ := a.Get(ctx, 1); v != 2 {
		t.Errorf("got %d after a change", v)
	}
	o.cache.InvalidateTables("rivers")
	if v, _ := a.Get(ctx, 1); v != 2 {
		t.Errorf("got %d after another table's change", v)
	}
}

func TestAsideCopies(t *testing.T) {
	ctx := context.Background()
	a := newAside(t, newCache(t, nil), AsideOptions[string, []int]{Policy: forever, Clone: slices.Clone[[]int],
		Load: func(context.Context, string) ([]int, error) { return []int{1}, nil }})
	for range 3 {
		v, _ := a.Get(ctx, "k")
		if v[0] != 1 {
			t.Fatal("a caller sees what another did to its value")
		}
		v[0] = 2
	}
	own := []int{1}
	a.Set(ctx, "k", own)
	own[0] = 3
	if v, _ := a.Get(ctx, "k"); v[0] != 1 {
		t.Error("the value that was set changed with the caller's")
	}
}

func TestAsideScope(t *testing.T) {
	type tenant struct{}
	c := newCache(t, &Options{Scope: func(ctx context.Context) (string, bool) { s, ok := ctx.Value(tenant{}).(string); return s, ok }})
	a := newAside(t, c, AsideOptions[int, string]{Policy: forever, Load: func(ctx context.Context, _ int) (string, error) {
		s, _ := ctx.Value(tenant{}).(string)
		return s, nil
	}})
	for range 2 {
		for _, name := range []string{"alice", "bob"} {
			if got, _ := a.Get(context.WithValue(context.Background(), tenant{}, name), 1); got != name {
				t.Errorf("%s got %s", name, got)
			}
		}
	}
	a.Get(context.Background(), 1)
	if s := c.Stats(); s.Lookups[Hit] != 2 || s.Lookups[RefusedScope] != 1 {
		t.Errorf("lookups %v", s.Lookups)
	}
}

func TestNewAsideRejectsOptions(t *testing.T) {
	c := newCache(t, nil)
	load := func(context.Context, int) (int, error) { return 0, nil }
	try := func(what string, err error) {
		if err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("want an error about %s, got %v", what, err)
		}
	}
	_, err := NewAside(c, AsideOptions[int, int]{Policy: forever})
	try("LoadMany", err)
	_, err = NewAside(c, AsideOptions[int, int]{Load: load})
	try("TTL", err)
	_, err = NewAside(c, AsideOptions[int, int]{Load: load, Policy: Policy{TTL: -5}})
	try("TTL", err)
	_, err = NewAside(c, AsideOptions[int, int]{Load: load, Policy: Policy{TTL: 1, Tables: []string{"x"}}})
	try("Source", err)
	_, err = NewAside(c, AsideOptions[int, []int]{Policy: forever, Load: func(context.Context, int) ([]int, error) { return nil, nil }})
	try("Clone", err)
	_, err = NewAside(c, AsideOptions[*int, int]{Policy: forever, Load: func(context.Context, *int) (int, error) { return 0, nil }})
	try("key", err)
	_, err = NewAside(c, AsideOptions[chan int, int]{Policy: forever, Load: func(context.Context, chan int) (int, error) { return 0, nil }})
	try("key", err)
	c.Close()
	_, err = NewAside(c, AsideOptions[int, int]{Load: load, Policy: forever})
	if !errors.Is(err, ErrClosed) {
		t.Errorf("a closed cache: %v", err)
	}
}

func TestMemoize(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCache(t, nil)
		calls := 0
		double, err := Memoize(c, "double", Policy{TTL: time.Second}, func(_ context.Context, n int) (int, error) {
			calls++
			if n < 0 {
				return 0, pgx.ErrNoRows
			}
			return 2 * n, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			if v, err := double(t.Context(), 21); v != 42 || err != nil {
				t.Error(v, err)
			}
		}
		for range 2 {
			if _, err := double(t.Context(), -1); !errors.Is(err, pgx.ErrNoRows) {
				t.Error(err)
			}
		}
		if calls != 3 {
			t.Errorf("%d calls, want 3: one, and two that failed", calls)
		}
		time.Sleep(time.Second)
		double(t.Context(), 21)
		if calls != 4 {
			t.Errorf("%d calls after the TTL, want 4", calls)
		}
		c.Close()
	})
}

func TestAsideHitsDoNotAllocate(t *testing.T) {
	ctx := context.Background()
	type key struct {
		ID     int
		Region string
	}
	a := newAside(t, newCache(t, nil), AsideOptions[key, city]{Policy: forever, Load: func(context.Context, key) (city, error) { return city{ID: 1}, nil }})
	b := newAside(t, newCache(t, nil), AsideOptions[int, city]{Policy: forever, Load: func(context.Context, int) (city, error) { return city{ID: 1}, nil }})
	k := key{len(t.Name()), "de"}
	a.Get(ctx, k)
	b.Get(ctx, k.ID)
	if n := testing.AllocsPerRun(100, func() { a.Get(ctx, k) }); n != 0 {
		t.Errorf("%v allocations by a struct", n)
	}
	if n := testing.AllocsPerRun(100, func() { b.Get(ctx, k.ID) }); n != 0 {
		t.Errorf("%v allocations by an int", n)
	}
}
