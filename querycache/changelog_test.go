package querycache

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/headrace/headrace/internal/catalog"
	"github.com/headrace/headrace/internal/changes"
	"github.com/headrace/headrace/internal/sqltext"
)

// sibling is another handle of the same cache, to a database.
func (o *offline) sibling(at *changes.Database) *offline {
	s := newOffline(o.TB, nil, o.reads.choose)
	s.cache.Close()
	other := *s
	other.cache = o.cache
	other.reads = newReadThrough(o.cache, newSource(o.cache, s.reads.pg), o.reads.choose)
	other.reads.observed = true
	other.lead(at)
	other.reads.source.followers = 1
	o.cache.mu.Lock()
	o.cache.sources[s.reads.pg] = other.reads.source
	o.cache.mu.Unlock()
	return &other
}

// lead makes the handle lead to a database.
func (o *offline) lead(at *changes.Database) {
	s := o.reads.source
	s.current = func() *changes.Database { return at }
	s.identify = func(context.Context) (*changes.Database, error) { return at, nil }
	s.effects = func(context.Context, *sqltext.Statement) (*changes.Effects, error) {
		return &changes.Effects{Effects: catalog.Effects{Reads: []catalog.Relation{citiesTable}, ReadsKnown: true, Cacheable: true}, Database: at}, nil
	}
}

// A change affects all handles of its database, whichever handle reports it.
func TestChangesReachEveryHandleOfTheirDatabase(t *testing.T) {
	ctx := context.Background()
	o := newOffline(t, nil, forever)
	same, other := o.sibling(one), o.sibling(two)
	for _, h := range []*offline{o, same, other} {
		h.want(ctx, "old", says("old"))
	}
	same.change(changes.Committed)
	o.want(ctx, "new", says("new"))
	same.want(ctx, "new", says("new"))
	other.want(ctx, "old", says("new"))
	same.change(changes.InDoubt)
	o.want(ctx, "doubtful", says("doubtful"))
	o.want(ctx, "doubtful again", says("doubtful again"))
	same.change(changes.Resolved)
	o.want(ctx, "resolved", says("resolved"))
	o.want(ctx, "resolved", says("unasked"))
	if !o.cache.InvalidateTables("cities") || o.cache.InvalidateTables("rivers") {
		t.Error("a known table is not reported")
	}
}

// A restarted server may have lost commits, and another server may have its
// address. Once the handle leads to it, earlier entries are not returned.
func TestLeavingADatabaseInvalidatesItsEntries(t *testing.T) {
	ctx := context.Background()
	o := newOffline(t, nil, forever)
	o.want(ctx, "first", says("first"))
	o.want(ctx, "first", says("unasked"))
	o.lead(two)
	o.reads.source.invalidateDatabase(one)
	for range 2 { // the load that detects another database is not stored
		o.want(ctx, "second", says("second"))
	}
	o.want(ctx, "second", says("unasked"))
}

// The result of a connection to another or an unknown database is not stored.
func TestLoadsFromOtherDatabasesAreNotStored(t *testing.T) {
	ctx := context.Background()
	o := newOffline(t, nil, forever)
	for _, at := range []*changes.Database{two, nil} {
		o.reads.source.current = func() *changes.Database { return at }
		o.want(ctx, "elsewhere", says("elsewhere"))
		o.want(ctx, "again", says("again"))
	}
	o.reads.source.current = func() *changes.Database { return one }
	o.want(ctx, "here", says("here"))
	o.want(ctx, "here", says("unasked"))
}

// A doubt that is resolved as unchanged makes earlier entries fresh again.
// Results of loads during the doubt are not stored.
func TestDoubtResolvedAsUnchanged(t *testing.T) {
	ctx := context.Background()
	o := newOffline(t, nil, forever)
	o.want(ctx, "stored", says("stored"))
	everything := func(state changes.ChangeState) {
		o.reads.source.handleChanges(ctx, []changes.Change{{All: true, State: state, Database: one}})
	}
	everything(changes.InDoubt)
	everything(changes.InDoubt)
	o.want(ctx, "doubtful", says("doubtful"))
	everything(changes.Unchanged)
	o.want(ctx, "doubtful still", says("doubtful still"))
	everything(changes.Unchanged)
	o.want(ctx, "stored", says("unasked"))
	everything(changes.InDoubt)
	o.change(changes.Committed)
	everything(changes.Unchanged)
	o.want(ctx, "changed", says("changed"))
	o.want(ctx, "changed", says("unasked"))
}

// A change in doubt also applies to a database that is identified during it.
func TestNewDatabaseIsInDoubt(t *testing.T) {
	ctx := context.Background()
	o := newOffline(t, nil, forever)
	o.reads.source.handleChanges(ctx, []changes.Change{{All: true, State: changes.InDoubt}})
	o.want(ctx, "doubtful", says("doubtful"))
	o.want(ctx, "again", says("again"))
	o.reads.source.handleChanges(ctx, []changes.Change{{All: true, State: changes.Resolved}})
	o.want(ctx, "resolved", says("resolved"))
	o.want(ctx, "resolved", says("unasked"))
}

// A doubt about the rows of inheriting tables does not affect FROM ONLY reads.
func TestInheritedDoubtsSpareOnlyReads(t *testing.T) {
	ctx := context.Background()
	o := newOffline(t, nil, forever)
	var only []catalog.Relation
	o.reads.source.effects = inOne(func(context.Context, *sqltext.Statement) (catalog.Effects, error) {
		return catalog.Effects{Reads: []catalog.Relation{citiesTable}, Only: only, ReadsKnown: true, Cacheable: true}, nil
	})
	hear := func(state changes.ChangeState, inherited bool) {
		o.reads.source.handleChanges(ctx, []changes.Change{{Table: changes.Table{Schema: "public", Name: "cities", OID: 1}, Inherited: inherited, State: state, Database: one}})
	}
	o.want(ctx, "all", says("all"))
	hear(changes.InDoubt, true)
	hear(changes.InDoubt, false)
	o.want(ctx, "doubtful", says("doubtful"))
	hear(changes.Unchanged, false)
	o.want(ctx, "doubtful still", says("doubtful still"))
	hear(changes.Unchanged, true)
	o.want(ctx, "all", says("unasked"))

	only = []catalog.Relation{citiesTable}
	o.reads.source.cache.InvalidateAll()
	o.want(ctx, "examined", says("examined"))
	o.want(ctx, "own", says("own"))
	hear(changes.InDoubt, true)
	o.want(ctx, "own", says("unasked"))
	hear(changes.InDoubt, false)
	o.want(ctx, "doubtful", says("doubtful"))
	hear(changes.Resolved, true)
	o.want(ctx, "doubtful still", says("doubtful still"))
	hear(changes.Resolved, false)
	o.want(ctx, "resolved", says("resolved"))
	hear(changes.Committed, true)
	o.want(ctx, "resolved", says("unasked"))

	writer := o.sibling(one)
	for _, change := range []changes.Change{{State: changes.InDoubt}, {State: changes.InDoubt, Inherited: true}, {State: changes.Resolved, Inherited: true}} {
		change.Table, change.Database = changes.Table{Schema: "public", Name: "cities", OID: 1}, one
		writer.reads.source.handleChanges(ctx, []changes.Change{change})
	}
	o.want(ctx, "doubtful", says("doubtful"))
	writer.reads.source.close()
	o.want(ctx, "closed", says("closed"))
	o.want(ctx, "closed", says("unasked"))
}

// A change in doubt when Follow is stopped stays in doubt until it is resolved.
func TestStopWaitsForDoubts(t *testing.T) {
	o := newOffline(t, nil, forever)
	ctx := context.Background()
	s := o.reads.source
	stopped := 0
	s.stop = func() { stopped++ }
	o.change(changes.InDoubt)
	s.unfollow()
	o.want(ctx, "doubtful", says("doubtful"))
	o.want(ctx, "again", says("again"))
	if stopped != 0 {
		t.Error("the subscription ended before the doubt was resolved")
	}
	s.handleChanges(ctx, []changes.Change{{Table: changes.Table{Schema: "public", Name: "cities", OID: 1}, State: changes.Resolved}})
	o.want(ctx, "resolved", says("resolved"))
	o.want(ctx, "resolved", says("unasked"))
	if stopped != 1 {
		t.Errorf("the subscription ended %d times", stopped)
	}
}

// InvalidateTables of a table in doubt leaves the table in doubt.
func TestInvalidateTablesWhileInDoubt(t *testing.T) {
	o := newOffline(t, nil, forever)
	ctx := context.Background()
	o.change(changes.InDoubt)
	a := newAside(t, o.cache, AsideOptions[int, string]{Policy: Policy{TTL: -1, Tables: []string{"cities"}}, Source: o.reads.pg,
		Load: func(context.Context, int) (string, error) { return "v", nil }})
	for range 3 {
		a.Get(ctx, 1)
	}
	if n := o.cache.Stats().Lookups[Hit]; n != 0 {
		t.Errorf("%d hits while the table is in doubt", n)
	}
	o.change(changes.Resolved)
	for range 3 {
		a.Get(ctx, 1)
	}
	if n := o.cache.Stats().Lookups[Hit]; n != 2 {
		t.Errorf("%d hits after the doubt was resolved, want 2", n)
	}
}

func TestClosedHandlesAreRemoved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffline(t, nil, forever)
		other := o.sibling(two)
		o.want(t.Context(), "v", says("v"))
		other.want(t.Context(), "v", says("v"))
		other.reads.pg.Close()
		time.Sleep(2 * watchEvery)
		o.cache.mu.Lock()
		sources, logs := len(o.cache.sources), len(o.cache.changelogs)
		o.cache.mu.Unlock()
		if records := len(o.cache.records.all()); sources != 1 || logs != 1 || records != 1 {
			t.Errorf("%d sources, %d changelogs, %d statements are remembered", sources, logs, records)
		}
		o.want(t.Context(), "v", says("unasked"))
		o.close()
	})
}
