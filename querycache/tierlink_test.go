package querycache

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// A scriptTier is a Tier whose calls the test answers.
type scriptTier struct {
	mu     sync.Mutex
	err    error         // of each call; guarded by mu
	take   time.Duration // of each call; guarded by mu
	gets   int           // guarded by mu
	raises [][]string    // that succeeded; guarded by mu
	values map[string][]byte
	base   map[string]uint64
}

func (t *scriptTier) Name() string { return "script" }

func (t *scriptTier) call(ctx context.Context) error {
	t.mu.Lock()
	take, err := t.take, t.err
	t.mu.Unlock()
	if take > 0 {
		select {
		case <-time.After(take):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return err
}

func (t *scriptTier) Get(ctx context.Context, key string, names []string) (TierValue, error) {
	t.mu.Lock()
	t.gets++
	t.mu.Unlock()
	if err := t.call(ctx); err != nil {
		return TierValue{}, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	v := TierValue{Value: t.values[key], TTL: time.Minute}
	for _, name := range names {
		v.Versions = append(v.Versions, t.base[name]+1)
	}
	return v, nil
}

func (t *scriptTier) Set(ctx context.Context, key string, value []byte, _ time.Duration) error {
	err := t.call(ctx)
	t.mu.Lock()
	defer t.mu.Unlock()
	if err == nil {
		t.values[key] = append([]byte{}, value...)
	}
	return err
}

func (t *scriptTier) Raise(ctx context.Context, names []string) error {
	err := t.call(ctx)
	t.mu.Lock()
	defer t.mu.Unlock()
	if err == nil {
		t.raises = append(t.raises, names)
		for _, name := range names {
			t.base[name]++
		}
	}
	return err
}

func (t *scriptTier) set(err error, take time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.err, t.take = err, take
}

func (t *scriptTier) counts() (gets, raises int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.gets, len(t.raises)
}

// numbers returns an Aside of a cache with the tier, and the number that its
// loads return.
func numbers(t *testing.T, tier Tier, p Policy) (c *Cache, a *Aside[int, int], load *int) {
	t.Helper()
	c, err := New(&Options{Tiers: []Tier{tier}})
	if err != nil {
		t.Fatal(err)
	}
	load = new(int)
	a, err = NewAside(c, AsideOptions[int, int]{
		Name: "numbers", Policy: p,
		Load:   func(context.Context, int) (int, error) { return *load, nil },
		Encode: func(n int) ([]byte, error) { return []byte(strconv.Itoa(n)), nil },
		Decode: func(b []byte) (int, error) { return strconv.Atoi(string(b)) },
	})
	if err != nil {
		t.Fatal(err)
	}
	return c, a, load
}

func newScriptTier() *scriptTier {
	return &scriptTier{values: map[string][]byte{}, base: map[string]uint64{}}
}

func want(t *testing.T, a *Aside[int, int], key, value int) {
	t.Helper()
	if got, err := a.Get(context.Background(), key); err != nil || got != value {
		t.Errorf("got %d, %v, want %d", got, err, value)
	}
}

// A tier that does not answer, or answers with errors, costs its time-out once,
// and nothing more until it is back.
func TestDeadTiersCostOnce(t *testing.T) {
	for name, dead := range map[string]func(*scriptTier){
		"hangs": func(s *scriptTier) { s.set(nil, time.Hour) },
		"fails": func(s *scriptTier) { s.set(errors.New("down"), 0) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tier := newScriptTier()
				c, a, load := numbers(t, tier, Policy{TTL: time.Hour})
				defer c.Close()
				*load = 1
				dead(tier)
				begun := time.Now()
				for key := range 1000 {
					want(t, a, key, 1)
				}
				if took := time.Since(begun); took > defaultTierTimeout {
					t.Errorf("1,000 reads took %v", took)
				}
				if gets, _ := tier.counts(); gets != 1 {
					t.Errorf("%d calls of Get", gets)
				}
				if s := c.Stats().Tiers[0]; !s.Down || s.Passed != 999 || s.Errors == 0 || s.LastError == "" {
					t.Errorf("got %+v", s)
				}
				tier.set(nil, 0)
				time.Sleep(mostPause + time.Second)
				want(t, a, 1000, 1)
				if s := c.Stats().Tiers[0]; s.Down || s.Misses != 1 {
					t.Errorf("back: got %+v", s)
				}
			})
		})
	}
}

// A raise that fails is made later. Until then what depends on it passes the
// tier over.
func TestRaisesAreMadeLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tier := newScriptTier()
		c, a, load := numbers(t, tier, Policy{TTL: time.Hour})
		defer c.Close()
		*load = 1
		want(t, a, 1, 1)
		time.Sleep(time.Second) // stored
		tier.set(errors.New("down"), 0)
		begun := time.Now()
		for range 100 {
			a.Delete(t.Context(), 1)
		}
		if took := time.Since(begun); took > defaultTierTimeout {
			t.Errorf("100 deletions took %v", took)
		}
		*load = 2
		want(t, a, 1, 2)
		if s := c.Stats().Tiers[0]; s.Pending != 1 || !s.Down {
			t.Errorf("got %+v", s)
		}
		tier.set(nil, 0)
		time.Sleep(mostPause + time.Second)
		if s := c.Stats().Tiers[0]; s.Pending != 0 || s.Down {
			t.Errorf("back: got %+v", s)
		}
		other, b, load := numbers(t, tier, Policy{TTL: time.Hour})
		defer other.Close()
		*load = 3
		want(t, b, 1, 3) // neither of the earlier ones
	})
}

// Close makes a last attempt at what is pending.
func TestCloseRaisesWhatIsPending(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tier := newScriptTier()
		c, a, _ := numbers(t, tier, Policy{TTL: time.Hour})
		tier.set(errors.New("down"), 0)
		a.Delete(t.Context(), 1)
		tier.set(nil, 0)
		c.Close()
		if _, raises := tier.counts(); raises == 0 {
			t.Error("nothing was raised")
		}
	})
}

// The bookkeeping of raises stays bounded.
func TestRaisesAreBounded(t *testing.T) {
	tier := newScriptTier()
	c, a, _ := numbers(t, tier, Policy{TTL: time.Hour})
	defer c.Close()
	for key := range 10_000 {
		a.Delete(t.Context(), key)
	}
	l := c.tiers[0]
	for table := range 3 * mostRaised {
		l.raise([]string{"t/server/" + strconv.Itoa(table)})
	}
	if len(l.raised) > mostRaised+1 {
		t.Errorf("%d names are remembered", len(l.raised))
	}
	l.forgets()
	for l.stats().Pending > 0 {
		time.Sleep(time.Millisecond)
	}
	tier.mu.Lock()
	defer tier.mu.Unlock()
	if tier.base["t/server/*"] == 0 || tier.base[statementTierName("numbers")] == 0 {
		t.Error("what the names are part of was not raised again")
	}
}

// The text of an error of PostgreSQL, which quotes values, is not shown.
func TestTextOf(t *testing.T) {
	pgErr := &pgconn.PgError{Severity: "ERROR", Code: "22P02", Message: `invalid input syntax for type integer: "canary"`}
	for want, err := range map[string]error{
		"get: refused": fmt.Errorf("get: %w", errors.New("refused")),
		"get: table: the server reports SQLSTATE 22P02": fmt.Errorf("get: table: %w", pgErr),
		strings.Repeat("x", longestError) + "...":       errors.New(strings.Repeat("x", longestError+1)),
		"?": errors.New("\xff"),
	} {
		if got := textOf(err); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestTierOptions(t *testing.T) {
	tier := newScriptTier()
	for want, o := range map[string]Options{
		"querycache: Options.Tiers: two tiers have the name \"script\"": {Tiers: []Tier{tier, tier}},
		"querycache: Options.Tiers[0] is nil":                           {Tiers: []Tier{nil}},
		"querycache: Options.Tiers: 5 tiers, at most 4 are supported":   {Tiers: make([]Tier, 5)},
		"querycache: Options.TierTimeout: -1ns is negative":             {TierTimeout: -1},
	} {
		if _, err := New(&o); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

// An oddTier is a scriptTier that misbehaves.
type oddTier struct {
	*scriptTier
	get   func(v TierValue, err error) (TierValue, error)
	set   func()
	raise func()
}

func (t *oddTier) Get(ctx context.Context, key string, names []string) (TierValue, error) {
	v, err := t.scriptTier.Get(ctx, key, names)
	if t.get != nil {
		return t.get(v, err)
	}
	return v, err
}

func (t *oddTier) Set(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	if t.set != nil {
		t.set()
	}
	return t.scriptTier.Set(ctx, key, value, ttl)
}

func (t *oddTier) Raise(ctx context.Context, names []string) error {
	if t.raise != nil {
		t.raise()
	}
	return t.scriptTier.Raise(ctx, names)
}

// A Tier that panics, is late, or returns versions that are none, is down, and
// no caller notices.
func TestTiersThatMisbehave(t *testing.T) {
	for name, odd := range map[string]*oddTier{
		"panic in Get":   {get: func(TierValue, error) (TierValue, error) { panic("get") }},
		"panic in Set":   {set: func() { panic("set") }},
		"panic in Raise": {raise: func() { panic("raise") }},
		"late":           {get: func(v TierValue, err error) (TierValue, error) { time.Sleep(time.Minute); return v, err }},
		"version 0":      {get: func(v TierValue, err error) (TierValue, error) { clear(v.Versions); return v, err }},
		"no versions":    {get: func(v TierValue, err error) (TierValue, error) { v.Versions = nil; return v, err }},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				odd.scriptTier = newScriptTier()
				c, a, load := numbers(t, odd, Policy{TTL: time.Hour})
				defer c.Close()
				for n := range 3 {
					*load = n
					a.Delete(t.Context(), 1)
					want(t, a, 1, n)
					time.Sleep(time.Second)
				}
				if s := c.Stats().Tiers[0]; s.Errors == 0 || s.Hits > 0 {
					t.Errorf("got %+v", s)
				}
			})
		})
	}
}

// A value that a tier stores late, after Set has failed, is never used: its age
// is unknown.
func TestLateValuesAreNotUsed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tier := newScriptTier()
		odd := &oddTier{scriptTier: tier}
		odd.set = func() { time.Sleep(time.Minute) }
		c, a, load := numbers(t, odd, Policy{TTL: 10 * time.Minute})
		*load = 1
		want(t, a, 1, 1)
		time.Sleep(2 * time.Minute) // the tier stores the value as if it were new
		c.Close()
		if len(tier.values) != 1 {
			t.Fatalf("%d values are stored", len(tier.values))
		}
		odd.set = nil
		other, b, load := numbers(t, odd, Policy{TTL: 10 * time.Minute})
		defer other.Close()
		*load = 2
		want(t, b, 1, 2)
	})
}
