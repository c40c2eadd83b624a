package querycache

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/headrace/headrace/internal/cacheapi"
	"github.com/headrace/headrace/internal/catalog"
	"github.com/headrace/headrace/internal/changes"
	"github.com/headrace/headrace/internal/sqltext"
)

// tells makes the server report the given refusals for every statement.
func (o *offline) tells(version int64, reasons ...catalog.Reason) {
	eff := catalog.Effects{Reads: []catalog.Relation{citiesTable}, ReadsKnown: len(reasons) == 0, Version: version, Cacheable: len(reasons) == 0}
	for _, r := range reasons {
		eff.Refusals = append(eff.Refusals, catalog.Refusal{Reason: r, Object: "f()"})
	}
	o.reads.source.effects = inOne(func(context.Context, *sqltext.Statement) (catalog.Effects, error) { return eff, nil })
}

// A statement that may write runs once for each caller, whatever its policy.
func TestWritersAreNeitherKeptNorShared(t *testing.T) {
	for _, reason := range []catalog.Reason{catalog.VolatileFunction, catalog.LocksRows, catalog.NotRead, catalog.TemporaryTable, catalog.Unexamined} {
		synctest.Test(t, func(t *testing.T) {
			o := newOffline(t, nil, Policy{TTL: time.Hour, Tables: []string{"cities"}})
			o.tells(1, reason, catalog.UnknownFunction)
			var runs atomic.Int64
			var wg sync.WaitGroup
			for range 3 {
				wg.Go(func() {
					o.want(context.Background(), "done", func(context.Context) (any, error) {
						time.Sleep(time.Second)
						runs.Add(1)
						return "done", nil
					})
				})
			}
			wg.Wait()
			o.want(context.Background(), "again", says("again"))
			if runs.Load() != 3 {
				t.Errorf("%v: 3 calls ran %d times", reason, runs.Load())
			}
			o.counted(map[Reason]uint64{RefusedStatement: 4})
			o.close()
		})
	}
}

// A function becomes volatile while callers wait for its load: only the caller
// that began the load gets its result.
func TestVolatileResultIsNotShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffline(t, nil, Policy{TTL: time.Hour})
		var asked atomic.Int64
		o.reads.source.effects = inOne(func(context.Context, *sqltext.Statement) (catalog.Effects, error) {
			eff := catalog.Effects{Reads: []catalog.Relation{citiesTable}, ReadsKnown: true, Version: 1, Cacheable: true}
			if asked.Add(1) > 1 { // the flight itself
				time.Sleep(time.Second)
				eff = catalog.Effects{Version: 2, Refusals: []catalog.Refusal{{Reason: catalog.VolatileFunction}}}
			}
			return eff, nil
		})
		var runs atomic.Int64
		load := func(context.Context) (any, error) { return runs.Add(1), nil }
		got := make(chan any, 3)
		for range 3 {
			go func() {
				v, err := o.ask(context.Background(), 1, load)
				if err != nil {
					t.Error(err)
				}
				got <- v
			}()
		}
		seen := map[any]bool{<-got: true, <-got: true, <-got: true}
		if len(seen) != 3 {
			t.Errorf("3 callers got %v", seen)
		}
		o.counted(map[Reason]uint64{RefusedStatement: 3})
		o.close()
	})
}

// If a statement cannot be examined again, its old dependencies stay but
// nothing is stored with them.
func TestFailedExaminationStoresNothing(t *testing.T) {
	o := newOffline(t, nil, forever)
	ctx := context.Background()
	o.want(ctx, "first", says("first"))
	o.change(changes.Committed)
	o.reads.source.effects = inOne(func(context.Context, *sqltext.Statement) (catalog.Effects, error) {
		return catalog.Effects{}, catalog.ErrLocked
	})
	o.want(ctx, "second", says("second"))
	o.want(ctx, "third", says("third"))
}

// Results for arguments such as 'today' are not stored without a TTL.
func TestRelativeTimesAsArguments(t *testing.T) {
	const sql = "SELECT name FROM cities WHERE seen > $1 AND name <> $2"
	long := "today" + strings.Repeat(" ", 92) // its length looks like a letter in the key
	for _, c := range []struct {
		policy Policy
		typ    uint32
		args   []any
		want   Reason
	}{
		{forever, 1184, []any{"now", "x"}, RefusedArguments},
		{forever, 1082, []any{" Today", "x"}, RefusedArguments},
		{forever, 1082, []any{long, "x"}, RefusedArguments},
		{forever, 1185, []any{[]string{"2024-01-01", "yesterday"}, "x"}, RefusedArguments},
		{forever, 1185, []any{`{"to\day"}`, "x"}, RefusedArguments},
		{forever, 1184, []any{"2024-01-01", "x"}, Hit},
		{forever, 1184, []any{"2024-01-01", "Knowles"}, Hit},
		{forever, 25, []any{"today", "x"}, Hit},
		{Policy{TTL: time.Hour}, 1184, []any{"now", "x"}, Hit},
		{forever, 1184, []any{make(chan int), "x"}, RefusedArguments},
	} {
		o := newOffline(t, nil, c.policy)
		o.reads.source.effects = inOne(func(context.Context, *sqltext.Statement) (catalog.Effects, error) {
			return catalog.Effects{Reads: []catalog.Relation{citiesTable}, ReadsKnown: true, Cacheable: true, TakesTime: c.typ != 25}, nil
		})
		for range 2 {
			read := cacheapi.NewRead(o.reads.source.handle.Tracker.Text(sql), formWire, c.args)
			if _, _, ok := o.reads.Cached(t.Context(), read); !ok {
				if _, _, err := o.reads.Load(t.Context(), read, func(context.Context, cacheapi.Querier) (any, int64, error) { return 1, 8, nil }); err != nil {
					t.Fatal(err)
				}
			}
			read.Release()
		}
		if l := o.cache.Stats().Lookups; l[c.want] == 0 || c.want != Hit && l[Hit] > 0 {
			t.Errorf("%v, type %d, TTL %v: lookups %v", c.args, c.typ, c.policy.TTL, l)
		}
	}
}

// Explain describes what limits entries that a policy tolerates.
func TestExplainDescribesLimits(t *testing.T) {
	hour := Policy{TTL: time.Hour}
	for _, c := range []struct {
		opts    *Options
		policy  Policy
		reasons []catalog.Reason
		want    string
	}{
		{nil, hour, nil, ""},
		{nil, hour, []catalog.Reason{catalog.TimeFunction}, "until the TTL"},
		{nil, hour, []catalog.Reason{catalog.UnloggedTable, catalog.CatalogRows}, "catalog"},
		{nil, hour, []catalog.Reason{catalog.UnknownFunction}, "every observed change"},
		{nil, hour, []catalog.Reason{catalog.UnloggedTable}, "after a server crash"},
		{nil, hour, []catalog.Reason{catalog.MaterializedRows}, "REFRESH"},
		{nil, hour, []catalog.Reason{catalog.ForeignRows}, "writes to the foreign table"},
		{nil, Policy{TTL: -1, Tables: []string{"cities"}}, []catalog.Reason{catalog.UnknownFunction}, "Policy.Tables"},
		{&Options{Scope: scopeOf}, hour, []catalog.Reason{catalog.RowSecurity}, "Options.Scope"},
	} {
		o := newOffline(t, c.opts, c.policy)
		o.tells(1, c.reasons...)
		e := o.reads.Explain(t.Context(), citySQL)
		if !e.Cacheable || !strings.Contains(e.Detail, c.want) || c.want == "" && e.Detail != "" {
			t.Errorf("%v: explained as %+v", c.reasons, e)
		}
		o.reads.source.followers = 0
		if e := o.reads.Explain(t.Context(), citySQL); !strings.Contains(e.Detail, "Follow") {
			t.Errorf("not followed: %q", e.Detail)
		}
	}
}
