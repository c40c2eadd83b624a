package profile

import (
	"context"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

type text string

func (t text) FingerprintText() string { return string(t) }

// run records a statement of the given duration.
func run(ctx context.Context, fingerprint, args uint64, took time.Duration) {
	s := From(ctx)
	q := &Query{Fingerprint: fingerprint, Source: text("select"), Args: args, Repeatable: true}
	at := s.began
	s.Begin(ctx, q, at, nil)
	s.EndStatement(q, at+took, Result{Took: took, Network: took, Rows: 1})
}

// The memory of a span does not grow with what it measures.
func TestSpanIsBounded(t *testing.T) {
	ctx, s := Start(t.Context(), "outer", true)
	measure := func(n int) uint64 {
		for i := range n {
			inner, nested := Start(ctx, "inner", false)
			run(inner, uint64(i), uint64(i+1), time.Microsecond)
			if i%2 == 0 {
				nested.End() // others never end
			}
		}
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := measure(1000)
	if after := measure(100_000); after > before+1<<20 {
		t.Errorf("the heap grew from %d to %d bytes", before, after)
	}
	got := s.Snapshot(10)
	if got.Totals.Statements != 101_000 || len(got.Statements) != MaxStatements+1 || len(got.Spans) != MaxSpans || got.Omitted != 101_000-MaxSpans {
		t.Errorf("%d statements in %d lines, %d spans and %d omitted", got.Totals.Statements, len(got.Statements), len(got.Spans), got.Omitted)
	}
	var calls int64
	for _, st := range got.Statements {
		calls += st.Calls
	}
	if calls != 101_000 {
		t.Errorf("%d calls in the lines", calls)
	}
}

// Rest is the time during which no operation was under way, however they
// overlap.
func TestRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, s := Start(t.Context(), "", false)
		_, inner := Start(ctx, "", false)
		begun := s.began
		s.Wait(begun+1*time.Second, begun+2*time.Second) // 1 s before
		q := &Query{}
		s.Begin(ctx, q, begun+3*time.Second, nil) // 1 s between
		inner.Begin(ctx, q, begun+4*time.Second, nil)
		s.EndStatement(q, begun+5*time.Second, Result{Took: 2 * time.Second})
		inner.EndStatement(q, begun+6*time.Second, Result{Took: 2 * time.Second})
		time.Sleep(10 * time.Second) // 4 s after
		s.End()
		got := s.Snapshot(10)
		if got.Rest != 6*time.Second || got.Took != 10*time.Second || got.Wait != time.Second || got.Decode != 4*time.Second {
			t.Errorf("%+v", got)
		}
	})
}

// A span may be ended twice, and used after its end.
func TestEndTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var ended recorder
		ctx, s := Start(t.Context(), "", false)
		s.Lookup(true, &ended)
		time.Sleep(time.Second)
		s.End()
		time.Sleep(time.Second)
		s.End()
		run(ctx, 1, 1, time.Second)
		s.Retry()
		_, late := Start(ctx, "late", false)
		late.End()
		got := s.Snapshot(10)
		if got.Took != time.Second || got.Totals.Statements != 0 || got.Rest != time.Second || ended != 1 {
			t.Errorf("recorded %d times: %+v", ended, got)
		}
	})
}

type recorder int

func (r *recorder) Ended(*Span) { *r++ }

// A clock that goes back makes no figure negative.
func TestClockGoesBack(t *testing.T) {
	ctx, s := Start(t.Context(), "", false)
	q := &Query{}
	s.Begin(ctx, q, s.began-time.Hour, nil)
	s.EndStatement(q, s.began-2*time.Hour, Result{})
	s.Begin(ctx, q, s.began-time.Hour, nil)
	s.EndStatement(q, s.began, Result{})
	s.End()
	if got := s.Snapshot(10); got.Rest < 0 || got.Took < 0 || got.Rest > got.Took {
		t.Errorf("%+v", got)
	}
}

func TestIdenticalArguments(t *testing.T) {
	ctx, s := Start(t.Context(), "", false)
	for i := range 30 {
		run(ctx, 1, uint64(i%3+1), time.Second)
	}
	for range 5 {
		run(ctx, 1, 0, time.Second) // unknown arguments
	}
	if got := s.Snapshot(10).Statements[0]; got.Identical != 27 || got.Calls != 35 {
		t.Errorf("%+v", got)
	}
}

func TestSpanIsSafeForConcurrentUse(t *testing.T) {
	ctx, s := Start(t.Context(), "", false)
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for j := range 200 {
				inner, nested := Start(ctx, "inner", false)
				run(inner, uint64(i), uint64(j+1), time.Second)
				nested.Wait(0, time.Second)
				nested.SetName("renamed")
				nested.End()
				s.Snapshot(10)
			}
		})
	}
	all.Wait()
	if got := s.Snapshot(10); got.Totals.Statements != 1600 || got.Wait != 1600*time.Second {
		t.Errorf("%+v", got.Totals)
	}
}

// The stacks that are recorded stand for all calls but the first ones.
func TestWeightsAddUp(t *testing.T) {
	const calls = 100 * sampledEvery
	var sum, recorded int64
	for n := int64(1); n <= calls; n++ {
		if w := weight(n, false); w > 0 {
			sum += w
			recorded++
		}
	}
	if sum != calls-unsampled || recorded > 3*sampledEvery {
		t.Errorf("%d stacks stand for %d calls of %d", recorded, sum, calls)
	}
	if weight(1, true) != 1 || weight(1000, true) != 1 {
		t.Error("with call sites, not every call counts")
	}
}
