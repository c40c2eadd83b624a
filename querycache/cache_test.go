package querycache

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/headrace/headrace/internal/catalog"
	"github.com/headrace/headrace/internal/changes"
	"github.com/headrace/headrace/internal/s3fifo"
	"github.com/headrace/headrace/internal/sqltext"
)

var forever = Policy{TTL: -1}

func TestTTL(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffline(t, nil, Policy{TTL: time.Second})
		ctx := context.Background()
		o.want(ctx, "old", says("old"))
		time.Sleep(time.Second - time.Nanosecond)
		o.want(ctx, "old", says("new"))
		time.Sleep(time.Nanosecond)
		o.want(ctx, "new", says("new"))
		o.counted(map[Reason]uint64{MissCold: 1, Hit: 1, MissExpired: 1})
		o.close()
	})
}

// The age of an entry counts from the beginning of its load.
func TestTTLCountsTheLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffline(t, nil, Policy{TTL: time.Second})
		ctx := context.Background()
		o.want(ctx, "old", func(context.Context) (any, error) { time.Sleep(900 * time.Millisecond); return "old", nil })
		time.Sleep(100 * time.Millisecond)
		o.want(ctx, "new", says("new"))
		o.close()
	})
}

func TestJitterSpreadsExpiry(t *testing.T) {
	p := Policy{TTL: time.Second, Jitter: 500 * time.Millisecond}
	least, most := int64(never), int64(0)
	for range 1000 {
		e := p.expiry(0, false)
		least, most = min(least, e), max(most, e)
	}
	if least < int64(500*time.Millisecond) || most > int64(time.Second) || most-least < int64(300*time.Millisecond) {
		t.Errorf("expiries from %v to %v", time.Duration(least), time.Duration(most))
	}
}

func TestStaleFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffline(t, nil, Policy{TTL: time.Second, StaleFor: time.Second})
		ctx := context.Background()
		o.want(ctx, "old", says("old"))
		time.Sleep(1500 * time.Millisecond)
		refreshes := 0
		slow := func(context.Context) (any, error) { refreshes++; time.Sleep(100 * time.Millisecond); return "new", nil }
		o.want(ctx, "old", slow)
		o.want(ctx, "old", slow)
		time.Sleep(200 * time.Millisecond)
		o.want(ctx, "new", says("never asked"))
		if refreshes != 1 {
			t.Errorf("%d refreshes, want one", refreshes)
		}
		time.Sleep(2 * time.Second) // beyond StaleFor: callers wait
		o.want(ctx, "newer", says("newer"))
		o.counted(map[Reason]uint64{MissCold: 1, HitStale: 2, Hit: 1, MissExpired: 1})

		time.Sleep(1500 * time.Millisecond)
		o.change(changes.Committed) // invalidated entries are never returned
		o.want(ctx, "changed", says("changed"))
		o.close()
	})
}

func TestStaleIfError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffline(t, nil, Policy{TTL: time.Second, StaleIfError: time.Second})
		ctx := context.Background()
		o.want(ctx, "old", says("old"))
		time.Sleep(1500 * time.Millisecond)
		o.want(ctx, "old", fails(io.ErrUnexpectedEOF))
		o.want(ctx, "old", fails(&pgconn.PgError{Code: "57P01"}))
		for _, err := range []error{&pgconn.PgError{Code: "42P01"}, errors.New("cannot decode")} {
			if v, got := o.ask(ctx, 1, fails(err)); !errors.Is(got, err) {
				t.Errorf("%v: read returned %v, %v", err, v, got)
			}
		}
		time.Sleep(600 * time.Millisecond)
		if v, err := o.ask(ctx, 1, fails(io.EOF)); err == nil {
			t.Errorf("read returned %v after StaleIfError had passed", v)
		}
		o.counted(map[Reason]uint64{MissCold: 1, HitOnError: 2, MissFailed: 3})
		o.close()
	})
}

// TestChangesAndLoads checks the freshness rule for each order of change, load
// and store.
func TestChangesAndLoads(t *testing.T) {
	ctx := context.Background()
	t.Run("change before the load", func(t *testing.T) {
		o := newOffline(t, nil, forever)
		o.want(ctx, "old", says("old"))
		o.change(changes.Committed)
		o.want(ctx, "new", says("new"))
		o.want(ctx, "new", says("unasked"))
		o.counted(map[Reason]uint64{MissCold: 1, MissInvalidated: 1, Hit: 1})
	})
	t.Run("change during the load", func(t *testing.T) {
		o := newOffline(t, nil, forever)
		o.want(ctx, "old", func(context.Context) (any, error) { o.change(changes.Committed); return "old", nil })
		o.want(ctx, "new", says("new"))
		o.counted(map[Reason]uint64{MissLoadInvalidated: 1, MissCold: 1})
	})
	t.Run("change between the load and the store", func(t *testing.T) {
		o := newOffline(t, nil, forever)
		o.reads.choose = forever
		rec := o.reads.record(o.reads.source.handle.Tracker.Text(citySQL), formWire)
		rec.examine(ctx)
		f, _ := o.cache.join(ctx, rec, 7, []byte("k"))
		f.value = "old"
		o.change(changes.Committed)
		// A change may occur between the check of insert and the store.
		e, _ := s3fifo.NewEntry(&rec.Group, "k", cached{"old", f.stamp, never}, 0)
		o.cache.store.Put(7, e)
		if e := o.cache.hit(7, &rec.ID, []byte("k")); e != nil {
			t.Error("an entry from before the change is returned")
		}
		if o.cache.insert(f, 0) != MissLoadInvalidated {
			t.Error("a result from before the change is stored")
		}
		o.cache.land(f, outcomePrivate)
	})
	t.Run("in doubt", func(t *testing.T) {
		o := newOffline(t, nil, forever)
		o.want(ctx, "old", says("old"))
		o.change(changes.InDoubt)
		o.want(ctx, "old", says("old")) // the server is asked each time
		o.want(ctx, "new", says("new"))
		o.change(changes.Committed) // by another transaction
		o.want(ctx, "newer", says("newer"))
		o.change(changes.Resolved)
		o.want(ctx, "resolved", says("resolved"))
		o.want(ctx, "resolved", says("unasked"))
	})
	t.Run("two doubts", func(t *testing.T) {
		o := newOffline(t, nil, forever)
		o.change(changes.InDoubt)
		o.change(changes.InDoubt)
		o.change(changes.Resolved)
		o.want(ctx, 1, says(1))
		o.want(ctx, 2, says(2))
		o.change(changes.Resolved)
		o.want(ctx, 3, says(3))
		o.want(ctx, 3, says(4))
	})
	t.Run("any table", func(t *testing.T) {
		o := newOffline(t, nil, forever)
		o.want(ctx, "old", says("old"))
		o.reads.source.handleChanges(ctx, []changes.Change{{All: true}})
		o.want(ctx, "new", says("new"))
	})
	t.Run("another table", func(t *testing.T) {
		o := newOffline(t, nil, forever)
		o.want(ctx, "old", says("old"))
		o.reads.source.handleChanges(ctx, []changes.Change{{Table: changes.Table{Schema: "public", Name: "rivers", OID: 2}}})
		o.want(ctx, "old", says("unasked"))
	})
}

// A statement with unknown reads depends on all tables.
func TestUnknownReadsDependOnAllTables(t *testing.T) {
	ctx := context.Background()
	o := newOffline(t, nil, Policy{TTL: time.Hour})
	o.reads.source.effects = inOne(func(context.Context, *sqltext.Statement) (catalog.Effects, error) {
		return catalog.Effects{Refusals: []catalog.Refusal{{Reason: catalog.UnknownFunction, Object: "f()"}}}, nil
	})
	o.want(ctx, "old", says("old"))
	o.want(ctx, "old", says("unasked"))
	o.reads.source.handleChanges(ctx, []changes.Change{{Table: changes.Table{Schema: "public", Name: "rivers", OID: 2}}})
	o.want(ctx, "new", says("new"))

	declared := newOffline(t, nil, Policy{TTL: -1, Tables: []string{"cities", "s.lakes"}})
	declared.reads.source.effects = inOne(func(ctx context.Context, text *sqltext.Statement) (catalog.Effects, error) {
		switch {
		case strings.Contains(text.Normalized, "lakes"):
			return catalog.Effects{Reads: []catalog.Relation{{OID: 3, Schema: "s", Name: "lakes"}}, ReadsKnown: true, Cacheable: true}, nil
		case !strings.Contains(text.Normalized, "$1"):
			return catalog.Effects{Reads: []catalog.Relation{citiesTable}, ReadsKnown: true, Cacheable: true}, nil
		}
		eff, err := o.reads.source.effects(ctx, text)
		return eff.Effects, err
	})
	declared.want(ctx, "old", says("old"))
	declared.reads.source.handleChanges(ctx, []changes.Change{{Table: changes.Table{Schema: "public", Name: "rivers", OID: 2}}})
	declared.want(ctx, "old", says("unasked"))
	declared.change(changes.Committed)
	declared.want(ctx, "new", says("new"))
	declared.reads.source.handleChanges(ctx, []changes.Change{{Table: changes.Table{Schema: "s", Name: "lakes", OID: 3}}})
	declared.want(ctx, "newer", says("newer"))
	declared.cache.InvalidateTables("lakes")
	declared.want(ctx, "newest", says("newest"))
}

func TestRefusals(t *testing.T) {
	ctx := context.Background()
	refuse := func(reason catalog.Reason) func(context.Context, *sqltext.Statement) (catalog.Effects, error) {
		return func(context.Context, *sqltext.Statement) (catalog.Effects, error) {
			return catalog.Effects{Reads: []catalog.Relation{citiesTable}, ReadsKnown: true, Refusals: []catalog.Refusal{{Reason: reason}}}, nil
		}
	}
	scope := func(context.Context) (string, bool) { return "s", true }
	for _, c := range []struct {
		reason catalog.Reason
		opts   *Options
		policy Policy
		kept   bool
	}{
		{catalog.VolatileFunction, nil, Policy{TTL: time.Hour}, false},
		{catalog.NotRead, nil, Policy{TTL: time.Hour}, false},
		{catalog.LocksRows, nil, Policy{TTL: time.Hour}, false},
		{catalog.TemporaryTable, &Options{Scope: scope}, Policy{TTL: time.Hour}, false},
		{catalog.RowSecurity, nil, Policy{TTL: time.Hour}, false},
		{catalog.RowSecurity, &Options{Scope: scope}, Policy{TTL: time.Hour}, true},
		{catalog.SessionFunction, &Options{Scope: scope}, forever, true},
		{catalog.TimeFunction, nil, Policy{TTL: time.Hour}, true},
		{catalog.TimeFunction, nil, forever, false},
		{catalog.UnknownFunction, nil, forever, false},
	} {
		o := newOffline(t, c.opts, c.policy)
		o.reads.source.effects = inOne(refuse(c.reason))
		o.want(ctx, 1, says(1))
		want := 2
		if c.kept {
			want = 1
		}
		o.want(ctx, want, says(2))
		if !c.kept {
			o.counted(map[Reason]uint64{RefusedStatement: 2})
			if why := o.reads.Explain(ctx, citySQL); why.Cacheable || why.Reason != RefusedStatement || why.Detail == "" {
				t.Errorf("%v: explained as %+v", c.reason, why)
			}
		}
	}
	o := newOffline(t, nil, forever)
	o.reads.source.effects = inOne(func(context.Context, *sqltext.Statement) (catalog.Effects, error) { return catalog.Effects{}, io.EOF })
	o.want(ctx, 1, says(1))
	o.want(ctx, 2, says(2))
	o.counted(map[Reason]uint64{RefusedStatement: 2})
}

func TestBypassSuspendAndClose(t *testing.T) {
	ctx := context.Background()
	o := newOffline(t, nil, forever)
	o.want(ctx, 1, says(1))
	o.want(Bypass(ctx), 2, says(2))
	o.want(ctx, 1, says(3))
	o.cache.Suspend()
	o.want(ctx, 4, says(4))
	o.want(ctx, 5, says(5))
	o.cache.Resume()
	o.want(ctx, 6, says(6))
	o.want(ctx, 6, says(7))
	o.reads.Invalidate(ctx, citySQL, 1)
	o.want(ctx, 8, says(8))
	o.reads.Invalidate(ctx, citySQL, 2)
	o.want(ctx, 8, says(9))
	o.cache.Close()
	o.cache.Close()
	o.want(ctx, 10, says(10))
	o.counted(map[Reason]uint64{MissCold: 3, Hit: 3, Bypassed: 1, Suspended: 2, RefusedClosed: 1})
	if u := o.cache.store.Usage(); u.Entries != 0 || u.Bytes != 0 {
		t.Errorf("a closed cache holds %+v", u)
	}
	if _, err := o.cache.ReadThrough(o.reads.pg, forever); !errors.Is(err, ErrClosed) {
		t.Errorf("ReadThrough of a closed cache: %v", err)
	}
}

// A result that is invalidated during its load is not stored.
func TestInvalidationDuringLoad(t *testing.T) {
	ctx := context.Background()
	for what, drop := range map[string]func(o *offline){
		"Invalidate":           func(o *offline) { o.reads.Invalidate(ctx, citySQL, 1) },
		"InvalidateTables":     func(o *offline) { o.cache.InvalidateTables("cities") },
		"InvalidateStatements": func(o *offline) { o.cache.InvalidateStatements("CityByID") },
		"InvalidateAll":        func(o *offline) { o.cache.InvalidateAll() },
		"Suspend":              func(o *offline) { o.cache.Suspend(); o.cache.Resume() },
	} {
		o := newOffline(t, nil, forever)
		o.want(ctx, "old", func(context.Context) (any, error) { drop(o); return "old", nil })
		got, _ := o.ask(ctx, 1, says("new"))
		if got != "new" {
			t.Errorf("after %s during the load: %v", what, got)
		}
	}
}

func TestMaxRowsAndMaxBytes(t *testing.T) {
	ctx := context.Background()
	o := newOffline(t, nil, Policy{TTL: -1, MaxRows: 2})
	o.want(ctx, 1, says(1))
	rows := func(n int) any { return make([]int, n) }
	for i, n := range []int{2, 2, 3, 3} {
		if _, err := o.ask(ctx, 10+n, says(rows(n))); err != nil {
			t.Fatal(i, err)
		}
	}
	o.counted(map[Reason]uint64{MissCold: 2, Hit: 1, MissTooBig: 2})
	small := newOffline(t, nil, Policy{TTL: -1, MaxBytes: 15})
	small.want(ctx, 1, says(1)) // ask says 16 bytes
	small.want(ctx, 2, says(2))
	small.counted(map[Reason]uint64{MissTooBig: 2})
}

func TestInvalidPoliciesAreRejected(t *testing.T) {
	for _, c := range []struct {
		p    Policy
		want string
	}{
		{Policy{TTL: -2}, "TTL"}, {Policy{TTL: 20 * longest}, "TTL"}, {Policy{TTL: 1, Jitter: 2}, "Jitter"}, {Policy{TTL: 1, Jitter: -1}, "Jitter"},
		{Policy{StaleFor: 1}, "StaleFor"}, {Policy{TTL: -1, StaleFor: 1}, "StaleFor"}, {Policy{TTL: -1, StaleIfError: 1}, "StaleIfError"},
		{Policy{StaleFor: -1}, "StaleFor"}, {Policy{StaleIfError: -1}, "StaleIfError"}, {Policy{MaxRows: -1}, "MaxRows"},
		{Policy{MaxBytes: -1}, "MaxBytes"}, {Policy{Tables: []string{""}}, "Tables"},
	} {
		if err := c.p.validate(); err == nil || !strings.Contains(err.Error(), "Policy."+c.want+": ") {
			t.Errorf("%+v: %v", c.p, err)
		}
		o := newOffline(t, nil, forever)
		if _, err := o.cache.ReadThrough(o.reads.pg, ByName{"x": c.p}); err == nil || !strings.Contains(err.Error(), `"x"`) {
			t.Errorf("ByName with %+v: %v", c.p, err)
		}
	}
	if _, err := New(&Options{MaxBytes: 1}); err == nil || !strings.Contains(err.Error(), "MaxBytes") {
		t.Errorf("MaxBytes 1: %v", err)
	}
}

func TestByName(t *testing.T) {
	ctx := context.Background()
	o := newOffline(t, nil, ByName{"CityByID": forever})
	o.want(ctx, 1, says(1))
	o.want(ctx, 1, says(2))
	if p, ok := (ByName{"": forever}).Choose(Statement{SQL: "SELECT 1"}); !ok || p.TTL != -1 {
		t.Error("the policy for all others is not chosen")
	}
	if _, ok := (ByName{"x": forever}).Choose(Statement{SQL: "SELECT 1"}); ok {
		t.Error("a statement without a policy got one")
	}
}

func TestReasonsAddUp(t *testing.T) {
	o := newOffline(t, nil, forever)
	var seen int
	var mu sync.Mutex
	o.cache.opts.OnLookup = func(_ context.Context, l Lookup) {
		mu.Lock()
		defer mu.Unlock()
		seen++
		if l.Name != "CityByID" || l.Reason == none || l.Reason >= reasons {
			t.Errorf("lookup %+v", l)
		}
	}
	var wg sync.WaitGroup
	const each = 3000
	for range 4 {
		wg.Go(func() {
			for i := range each {
				if _, err := o.ask(context.Background(), i%50, says(i)); err != nil {
					t.Error(err)
				}
				if i%100 == 0 {
					o.change(changes.Committed)
				}
			}
		})
	}
	wg.Wait()
	if s := o.cache.Stats(); s.Total() != 4*each || seen != 4*each {
		t.Errorf("%d lookups counted and %d reported, want %d: %v", s.Total(), seen, 4*each, s.Lookups)
	}
}

func TestRecordsAreBounded(t *testing.T) {
	rs := newRecords(1<<30, func(int64) {})
	for i := range uint64(mostRecords + 100) {
		r := rs.add(new(record).withID(identity{Digest: i}))
		r.counts.add(Hit, 0)
	}
	if n := len(rs.all()); n != mostRecords {
		t.Errorf("%d records are remembered", n)
	}
	if n := rs.totals()[Hit]; n != mostRecords+100 {
		t.Errorf("%d lookups are counted", n)
	}
}

func TestClockCountsSleep(t *testing.T) {
	var c clock
	c.start = time.Now()
	wall := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	c.notice(wall, wall) // no monotonic reading: nothing missed
	before := time.Now()
	c.notice(before, before.Add(time.Hour)) // both clocks moved
	if c.ahead.Load() != 0 {
		t.Errorf("moved ahead by %v without a sleep", time.Duration(c.ahead.Load()))
	}
}

func TestNextBudget(t *testing.T) {
	const limit = 1000
	for _, c := range []struct{ most, budget, used, live, want int64 }{
		{500, 500, 400, 500, 500}, // room
		{500, 500, 400, 900, 200}, // 200 over the aim: give them back
		{500, 500, 400, 790, 500}, // tight, not too tight
		{640, 200, 200, 600, 280}, // grows by an eighth of most
		{640, 200, 200, 680, 220}, // by what there is
		{640, 640, 300, 5000, 10}, // never below a part
	} {
		if got := nextBudget(c.most, c.budget, c.used, c.live, limit); got != c.want {
			t.Errorf("%+v: %d", c, got)
		}
	}
}
