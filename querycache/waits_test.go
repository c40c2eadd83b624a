package querycache

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/headrace/headrace/internal/cacheapi"
)

// An asker asks for the value of a key by one of the ways there are.
type asker func(ctx context.Context, key int) (int, error)

// ring makes an Aside for each name. Each loads its values
// by asking the next one for the same key.
func ring(t *testing.T, caches []*Cache, ask func(*Aside[int, int]) asker, names ...string) []asker {
	askers := make([]asker, len(names))
	for i, name := range names {
		askers[i] = ask(newAside(t, caches[i%len(caches)], AsideOptions[int, int]{Name: name, Policy: forever,
			Load: func(ctx context.Context, key int) (int, error) {
				time.Sleep(time.Second) // so that all are under way
				return askers[(i+1)%len(names)](ctx, key)
			}}))
	}
	return askers
}

func byGet(a *Aside[int, int]) asker { return a.Get }

func byGetMany(a *Aside[int, int]) asker {
	return func(ctx context.Context, key int) (int, error) {
		got, err := a.GetMany(ctx, []int{key, key%100 + 100})
		return got[key], err
	}
}

// byMany asks for several keys on goroutines of its own.
func byMany(a *Aside[int, int]) asker {
	return func(ctx context.Context, key int) (int, error) {
		var wg sync.WaitGroup
		errs := make([]error, 4)
		for i := range errs {
			wg.Go(func() { _, errs[i] = a.Get(ctx, key%100+i*100) })
		}
		wg.Wait()
		return 0, errors.Join(errs...)
	}
}

func TestCyclesOfLoads(t *testing.T) {
	for ways, ask := range map[string]func(*Aside[int, int]) asker{"Get": byGet, "GetMany": byGetMany, "goroutines": byMany} {
		for _, names := range [][]string{{"a"}, {"a", "b"}, {"a", "b", "c", "d"}} {
			for _, callers := range []int{1, len(names)} {
				for _, caches := range []int{1, 2} {
					name := fmt.Sprintf("%s/%v/%d callers/%d caches", ways, names, callers, caches)
					t.Run(name, func(t *testing.T) {
						synctest.Test(t, func(t *testing.T) { endsCycle(t, ask, names, callers, caches) })
					})
				}
			}
		}
	}
}

// endsCycle begins a ring at several places at once.
func endsCycle(t *testing.T, ask func(*Aside[int, int]) asker, names []string, callers, caches int) {
	cs := make([]*Cache, caches)
	for i := range cs {
		cs[i] = newCache(t, nil)
		defer cs[i].Close()
	}
	askers := ring(t, cs, ask, names...)
	var wg sync.WaitGroup
	for i := range callers {
		wg.Go(func() {
			_, err := askers[i](context.Background(), 1)
			if !errors.Is(err, ErrCycle) || !strings.Contains(err.Error(), names[0]+" -> ") || !strings.Contains(err.Error(), " -> "+names[len(names)-1]) {
				t.Errorf("caller %d got %v", i, err)
			}
		})
	}
	wg.Wait()
	synctest.Wait()
	for _, c := range cs {
		if n := c.Stats().Flights; n != 0 {
			t.Errorf("%d flights are left", n)
		}
	}
}

// Loads may read other keys, and a key that another load waits for.
func TestLoadsSharingAKeyAreNoCycle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCache(t, nil)
		defer c.Close()
		var fib *Aside[int, int]
		fib = newAside(t, c, AsideOptions[int, int]{Name: "fib", Policy: forever, Load: func(ctx context.Context, n int) (int, error) {
			time.Sleep(time.Second)
			if n < 2 {
				return n, nil
			}
			var wg sync.WaitGroup
			var x, y int
			var err1, err2 error
			wg.Go(func() { x, err1 = fib.Get(ctx, n-1) })
			wg.Go(func() { y, err2 = fib.Get(ctx, n-2) })
			wg.Wait()
			return x + y, errors.Join(err1, err2)
		}})
		if v, err := fib.Get(context.Background(), 40); v != 102334155 || err != nil {
			t.Errorf("got %d, %v", v, err)
		}
	})
}

// Equal keys form a cycle only within one scope.
func TestCyclesByScope(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		type tenant struct{}
		c := newCache(t, &Options{Scope: func(ctx context.Context) (string, bool) { s, _ := ctx.Value(tenant{}).(string); return s, true }})
		defer c.Close()
		var a *Aside[int, string]
		a = newAside(t, c, AsideOptions[int, string]{Name: "config", Policy: forever, Load: func(ctx context.Context, key int) (string, error) {
			switch s := ctx.Value(tenant{}); s {
			case "base":
				return "value", nil
			case "own":
				return a.Get(context.WithValue(ctx, tenant{}, "base"), key)
			default:
				return a.Get(ctx, key)
			}
		}})
		if v, err := a.Get(context.WithValue(t.Context(), tenant{}, "own"), 1); v != "value" || err != nil {
			t.Errorf("by another scope: %q, %v", v, err)
		}
		if _, err := a.Get(context.WithValue(t.Context(), tenant{}, "other"), 1); !errors.Is(err, ErrCycle) {
			t.Errorf("in its own scope: %v", err)
		}
	})
}

// A load that invalidates its own key and reads it would begin endless loads.
func TestCyclesOfInvalidatedKeys(t *testing.T) {
	c := newCache(t, nil)
	var a *Aside[int, int]
	a = newAside(t, c, AsideOptions[int, int]{Name: "a", Policy: forever, Load: func(ctx context.Context, key int) (int, error) {
		a.Delete(ctx, key)
		return a.Get(ctx, key)
	}})
	if _, err := a.Get(t.Context(), 1); !errors.Is(err, ErrCycle) || !strings.Contains(err.Error(), "a -> a") {
		t.Errorf("got %v", err)
	}
}

// Loads that bypass the cache can form cycles too.
func TestCyclesOfBypassingReads(t *testing.T) {
	type unscoped struct{}
	closed := func(c *Cache) { c.Close() }
	none := func(*Cache) {}
	plain := func(ctx context.Context) context.Context { return ctx }
	for name, tt := range map[string]struct {
		prepare func(*Cache)
		in      func(context.Context) context.Context
	}{
		"closed":    {closed, plain},
		"suspended": {func(c *Cache) { c.Suspend() }, plain},
		"bypass":    {none, Bypass},
		"no scope":  {none, func(ctx context.Context) context.Context { return context.WithValue(ctx, unscoped{}, true) }},
	} {
		for way, ask := range map[string]func(*Aside[int, int]) asker{"Get": byGet, "GetMany": byGetMany} {
			t.Run(name+"/"+way, func(t *testing.T) {
				c := newCache(t, &Options{Scope: func(ctx context.Context) (string, bool) { return "", ctx.Value(unscoped{}) == nil }})
				askers := make([]asker, 2)
				for i, name := range []string{"a", "b"} {
					askers[i] = ask(newAside(t, c, AsideOptions[int, int]{Name: name, Policy: forever, Load: func(ctx context.Context, key int) (int, error) {
						return askers[1-i](ctx, key)
					}}))
				}
				tt.prepare(c)
				if _, err := askers[0](tt.in(t.Context()), 1); !errors.Is(err, ErrCycle) || !strings.Contains(err.Error(), "a -> a") {
					t.Errorf("got %v", err)
				}
			})
		}
	}
}

// A goroutine may use the context of a load after the load has ended.
func TestContextsOfEndedLoads(t *testing.T) {
	c := newCache(t, nil)
	var kept context.Context
	a := newAside(t, c, AsideOptions[int, int]{Policy: forever, Load: func(ctx context.Context, _ int) (int, error) { kept = ctx; return 1, nil }})
	a.Get(t.Context(), 1)
	a.Delete(t.Context(), 1)
	if v, err := a.Get(context.WithoutCancel(kept), 1); v != 1 || err != nil {
		t.Errorf("got %d, %v", v, err)
	}
}

// Cycles are detected through typed reads too.
func TestCyclesWithTypedReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffline(t, nil, forever)
		defer o.close()
		var a *Aside[int, city]
		typed := func(ctx context.Context, id int) (city, error) {
			return cityByID.One(ctx, loads{o.reads, func(ctx context.Context) (any, int64, error) {
				time.Sleep(time.Second)
				v, err := a.Get(ctx, id)
				return &v, 48, err
			}}, id, "DE")
		}
		a = newAside(t, o.cache, AsideOptions[int, city]{Name: "cities", Policy: forever, Load: func(ctx context.Context, id int) (city, error) {
			time.Sleep(time.Second)
			return typed(ctx, id)
		}})
		var wg sync.WaitGroup
		for i, ask := range []func(context.Context, int) (city, error){typed, a.Get} {
			wg.Go(func() {
				if _, err := ask(context.Background(), 1); !errors.Is(err, ErrCycle) || !strings.Contains(err.Error(), "cities") || !strings.Contains(err.Error(), "SELECT") && !strings.Contains(err.Error(), "select") {
					t.Errorf("caller %d got %v", i, err)
				}
			})
		}
		wg.Wait()
	})
}

// loads is a cached handle whose loads are a function of the test's.
type loads struct {
	*ReadThrough
	load func(context.Context) (any, int64, error)
}

func (l loads) Load(ctx context.Context, r *cacheapi.Read, _ func(context.Context, cacheapi.Querier) (any, int64, error)) (any, bool, error) {
	return l.ReadThrough.Load(ctx, r, func(ctx context.Context, q cacheapi.Querier) (any, int64, error) { return l.load(ctx) })
}

// Close ends loads that wait for their context, and releases waiting callers.
func TestCloseEndsLoads(t *testing.T) {
	waits := func(ctx context.Context) error { <-ctx.Done(); return context.Cause(ctx) }
	never := func(context.Context) error { time.Sleep(time.Hour); return nil }
	for name, c := range map[string]struct {
		load func(context.Context) error
		took time.Duration
	}{"waits for its context": {waits, 0}, "takes no notice": {never, closeTime}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cache := newCache(t, nil)
				a := newAside(t, cache, AsideOptions[int, int]{Name: "slow", Policy: forever, Load: func(ctx context.Context, _ int) (int, error) { return 1, c.load(ctx) }})
				var wg sync.WaitGroup
				begun := time.Now()
				ended := func(err error) {
					if !errors.Is(err, ErrClosed) || errors.Is(err, pgx.ErrNoRows) || time.Since(begun) > 0 {
						t.Errorf("a caller got %v after %v", err, time.Since(begun))
					}
				}
				cancellable, cancel := context.WithCancel(context.Background())
				defer cancel()
				for _, ctx := range []context.Context{context.Background(), cancellable} {
					for range 2 {
						wg.Go(func() { _, err := a.Get(ctx, 1); ended(err) })
						wg.Go(func() { _, err := a.GetMany(ctx, []int{1, 2, 3}); ended(err) })
					}
				}
				synctest.Wait()
				cache.Close()
				if took := time.Since(begun); took != c.took {
					t.Errorf("Close took %v, want %v", took, c.took)
				}
				wg.Wait()
				time.Sleep(time.Hour)
				if s := cache.Stats(); s.Flights != 0 || s.Entries != 0 {
					t.Errorf("%d flights, %d entries", s.Flights, s.Entries)
				}
			})
		})
	}
}

// A load may close its cache.
func TestCloseFromALoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCache(t, nil)
		a := newAside(t, c, AsideOptions[int, int]{Policy: forever, Load: func(context.Context, int) (int, error) { c.Close(); return 1, nil }})
		if _, err := a.Get(t.Context(), 1); !errors.Is(err, ErrClosed) {
			t.Errorf("got %v", err)
		}
		time.Sleep(closeTime)
	})
}
