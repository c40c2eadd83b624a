package changes

import (
	"fmt"
	"slices"
	"testing"

	"github.com/headrace/headrace/internal/sqltext"
)

// named makes runs of n different statements.
func named(n int) []run {
	all := make([]run, n)
	for i := range all {
		all[i] = run{statement: &statement{Statement: sqltext.Analyze(fmt.Sprintf("DELETE FROM t%d", i))}}
	}
	return all
}

func TestPendingFollowsSavepoints(t *testing.T) {
	st := named(4)
	var p pending
	p.add(st[0])
	p.setSavepoint("s")
	p.add(st[1])
	p.setSavepoint("s") // hides the first one
	p.add(st[2])
	p.add(st[0]) // noted already: outlives both rollbacks
	p.rollbackTo("s")
	if want := st[:2]; !slices.Equal(p.by, want) {
		t.Fatalf("after the inner rollback: %d statements, want %d", len(p.by), len(want))
	}
	p.release("s")
	p.rollbackTo("s")
	if want := st[:1]; !slices.Equal(p.by, want) {
		t.Fatalf("after the outer rollback: %d statements, want %d", len(p.by), len(want))
	}
	p.add(st[3])
	p.rollbackTo("no such savepoint")
	if w := p.take(); len(w.by) != 2 || w.all {
		t.Errorf("a rollback to an unknown savepoint undid something: %d left", len(w.by))
	}
	if !p.none() || len(p.savepoints) != 0 {
		t.Error("something is left after take")
	}
}

func TestPendingIsBounded(t *testing.T) {
	var p pending
	p.add(named(1)[0])
	p.setSavepoint("s")
	for _, st := range named(mostPending + 10) {
		p.add(st)
	}
	if len(p.by) != mostPending || !p.all {
		t.Errorf("%d statements noted, all %t; want %d and all", len(p.by), p.all, mostPending)
	}
	p.rollbackTo("s")
	if len(p.by) != 1 || p.all {
		t.Errorf("after the rollback %d statements, all %t; want 1 and not all", len(p.by), p.all)
	}
}

// A savepoint that may have been hidden by one of its name undoes nothing.
func TestLoosePendingUndoesNothing(t *testing.T) {
	var p pending
	st := named(2)
	p.setSavepoint("s")
	p.add(st[0])
	p.loose = true
	p.rollbackTo("s")
	if len(p.by) != 1 {
		t.Errorf("%d statements are left, want 1", len(p.by))
	}
	p.take()
	p.setSavepoint("s")
	p.add(st[1])
	if p.rollbackTo("s"); !p.none() {
		t.Error("the next transaction is loose as well")
	}
}

// A run that changed rows is noted after one that changed none, and a rollback
// takes back what came after its savepoint.
func TestPendingTellsRunsApart(t *testing.T) {
	changed := named(1)[0]
	idle := run{changed.statement, true}
	var p pending
	p.add(idle)
	p.setSavepoint("s")
	p.add(changed)
	p.add(idle)
	if want := []run{idle, changed}; !slices.Equal(p.by, want) {
		t.Fatalf("noted %v, want %v", p.by, want)
	}
	p.rollbackTo("s")
	var w writes
	w.merge(p.take())
	w.merge(writes{by: []run{changed}})
	w.merge(writes{by: []run{idle}})
	if want := []run{idle, changed}; !slices.Equal(w.by, want) {
		t.Errorf("merged %v, want %v", w.by, want)
	}
}
