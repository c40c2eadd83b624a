package querycache

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/internal/changes"
)

func TestConcurrentReadsShareOneLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffline(t, nil, forever)
		var loads atomic.Int32
		slow := func(context.Context) (any, error) { loads.Add(1); time.Sleep(time.Second); return "v", nil }
		for range 10 {
			go o.want(context.Background(), "v", slow)
		}
		time.Sleep(2 * time.Second)
		if n := loads.Load(); n != 1 {
			t.Errorf("%d loads", n)
		}
		o.counted(map[Reason]uint64{MissCold: 1, HitCoalesced: 9})
		o.close()
	})
}

// Reads that begin after a change do not share a load that began before it.
func TestLoadsFromBeforeAChangeAreNotShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffline(t, nil, forever)
		ctx := context.Background()
		slowly := func(v any) func(context.Context) (any, error) {
			return func(context.Context) (any, error) { time.Sleep(time.Second); return v, nil }
		}
		go o.want(ctx, "old", slowly("old"))
		synctest.Wait()
		go o.want(ctx, "old", slowly("unasked")) // joins: no change yet
		synctest.Wait()
		o.change(changes.Committed)
		go o.want(ctx, "new", slowly("new"))
		synctest.Wait()
		go o.want(ctx, "new", slowly("unasked"))
		time.Sleep(2 * time.Second)
		o.want(ctx, "new", says("unasked"))
		o.counted(map[Reason]uint64{MissLoadInvalidated: 1, MissCold: 1, HitCoalesced: 2, Hit: 1})
		o.close()
	})
}

func TestCallersLeaveFlights(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffline(t, nil, forever)
		short, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		long, cancelLong := context.WithTimeout(context.Background(), time.Hour)
		defer cancelLong()
		load := func(ctx context.Context) (any, error) {
			if _, ok := ctx.Deadline(); ok {
				t.Error("the load has its first caller's deadline")
			}
			select {
			case <-ctx.Done():
				return nil, ctx.Err()
			case <-time.After(10 * time.Second):
				return "v", nil
			}
		}
		go func() {
			if _, err := o.ask(short, 1, load); !errors.Is(err, context.DeadlineExceeded) || time.Since(o.cache.clock.start) > 2*time.Second {
				t.Errorf("who began the flight got %v", err)
			}
		}()
		synctest.Wait()
		o.want(long, "v", load) // goes on after the first has left
		o.counted(map[Reason]uint64{MissFailed: 1, HitCoalesced: 1})
		o.close()
	})
}

func TestFlightWithoutCallersIsCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffline(t, nil, forever)
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan error, 1)
		go o.ask(ctx, 1, func(ctx context.Context) (any, error) { <-ctx.Done(); ended <- ctx.Err(); return nil, ctx.Err() })
		synctest.Wait()
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		o.want(context.Background(), "next", says("next")) // is not caught by the cancelled one
		o.close()
	})
}

// The bound of rows in a caller's context does not apply to a shared load.
func TestFlightsHaveNoRowBound(t *testing.T) {
	o := newOffline(t, nil, forever)
	bounded := db.WithMaxRows(context.Background(), 1)
	load := func(ctx context.Context) (any, error) {
		if ownMaxRows(ctx) {
			return "own", nil
		}
		return nil, db.ErrTooManyRows // by Options.MaxRows
	}
	o.want(bounded, "own", load)
	if _, err := o.ask(context.Background(), 1, load); !errors.Is(err, db.ErrTooManyRows) {
		t.Errorf("without a bound of its own: %v", err)
	}
	o.counted(map[Reason]uint64{MissTooBig: 1, MissFailed: 1})
}

func TestErrorsAreNotStored(t *testing.T) {
	o := newOffline(t, nil, forever)
	failed := errors.New("no luck")
	if _, err := o.ask(context.Background(), 1, fails(failed)); !errors.Is(err, failed) {
		t.Errorf("got %v", err)
	}
	o.want(context.Background(), "v", says("v"))
	o.counted(map[Reason]uint64{MissFailed: 1, MissCold: 1})
}

func TestPanics(t *testing.T) {
	for _, cancellable := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			o := newOffline(t, nil, forever)
			ctx := context.Background()
			if cancellable {
				var cancel func()
				ctx, cancel = context.WithCancel(ctx)
				defer cancel()
			}
			var wg sync.WaitGroup
			wg.Go(func() {
				defer func() {
					if p := recover(); p != "boom" {
						t.Errorf("who began the load recovered %v", p)
					}
				}()
				o.ask(ctx, 1, func(context.Context) (any, error) { time.Sleep(time.Second); panic("boom") })
			})
			synctest.Wait()
			wg.Go(func() {
				var p *PanicError
				if _, err := o.ask(ctx, 1, says("unasked")); !errors.As(err, &p) || p.Value != "boom" || len(p.Stack) == 0 {
					t.Errorf("who waited got %v", err)
				}
			})
			wg.Wait()
			o.want(ctx, "v", says("v"))
			o.close()
		})
	}
}

func TestCloseWaitsForLoads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffline(t, nil, Policy{TTL: time.Second, StaleFor: time.Hour})
		ctx := context.Background()
		o.want(ctx, "old", says("old"))
		time.Sleep(2 * time.Second)
		var refreshed error
		o.want(ctx, "old", func(ctx context.Context) (any, error) { <-ctx.Done(); refreshed = ctx.Err(); return nil, refreshed })
		waited, cancel := context.WithCancel(ctx)
		defer cancel()
		go o.ask(waited, 2, func(context.Context) (any, error) { time.Sleep(5 * time.Second); return "v", nil })
		synctest.Wait()
		before := time.Now()
		o.cache.Close()
		if refreshed == nil {
			t.Error("the background refresh was not cancelled")
		}
		if took := time.Since(before); took != 5*time.Second {
			t.Errorf("Close took %v, the load it had to wait for 5s", took)
		}
		o.close()
	})
}

// Different keys or statements with equal hashes have separate loads.
func TestFlightsCompareKeys(t *testing.T) {
	o := newOffline(t, nil, forever)
	rec := o.reads.record(o.reads.source.handle.Tracker.Text(citySQL), formWire)
	f, begun := o.cache.join(context.Background(), rec, 7, []byte("a"))
	if !begun {
		t.Fatal("the first did not begin")
	}
	if other, _ := o.cache.join(context.Background(), rec, 7, []byte("b")); other != nil {
		t.Error("another key joined")
	}
	if other, _ := o.cache.join(context.Background(), &record{source: rec.source}, 7, []byte("a")); other != nil {
		t.Error("another statement joined")
	}
	o.cache.land(f, outcomePrivate)
}

func TestFlightsUnderRace(t *testing.T) {
	o := newOffline(t, nil, Policy{TTL: -1, Shared: true})
	var version atomic.Int64
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for i := range 2000 {
				if i%20 == 0 {
					version.Add(1)
					o.change(changes.Committed)
				}
				least := version.Load()
				ctx, cancel := context.WithCancel(context.Background())
				v, err := o.ask(ctx, i%3, func(context.Context) (any, error) { return version.Load(), nil })
				cancel()
				if err != nil {
					t.Error(err)
				} else if v.(int64) < least-4 { // others have raised it and not reported that yet
					t.Errorf("read version %v after %d was reported", v, least)
				}
			}
		})
	}
	wg.Wait()
}
