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

func TestWriteSetFollowsSavepoints(t *testing.T) {
	st := named(4)
	var p writeSet
	p.add(st[0])
	p.setSavepoint("s")
	p.add(st[1])
	p.setSavepoint("s") // hides the first savepoint
	p.add(st[2])
	p.add(st[0]) // included already: survives both rollbacks
	p.rollbackTo("s")
	if want := st[:2]; !slices.Equal(p.runs, want) {
		t.Fatalf("after the inner rollback: %d statements, want %d", len(p.runs), len(want))
	}
	p.release("s")
	p.rollbackTo("s")
	if want := st[:1]; !slices.Equal(p.runs, want) {
		t.Fatalf("after the outer rollback: %d statements, want %d", len(p.runs), len(want))
	}
	p.add(st[3])
	p.rollbackTo("no such savepoint")
	if w := p.take(); len(w.runs) != 2 || w.all {
		t.Errorf("a rollback to an unknown savepoint undid something: %d left", len(w.runs))
	}
	if !p.none() || len(p.savepoints) != 0 {
		t.Error("take did not clear the write set")
	}
}

func TestWriteSetIsBounded(t *testing.T) {
	var p writeSet
	p.add(named(1)[0])
	p.setSavepoint("s")
	for _, st := range named(maxWrites + 10) {
		p.add(st)
	}
	if len(p.runs) != maxWrites || !p.all {
		t.Errorf("%d statements noted, all %t; want %d and all", len(p.runs), p.all, maxWrites)
	}
	p.rollbackTo("s")
	if len(p.runs) != 1 || p.all {
		t.Errorf("after the rollback %d statements, all %t; want 1 and not all", len(p.runs), p.all)
	}
}

// A rollback to a savepoint that may be hidden by another of the same name
// undoes nothing.
func TestWriteSetKeepsWritesWhenSavepointsAreUnknown(t *testing.T) {
	var p writeSet
	st := named(2)
	p.setSavepoint("s")
	p.add(st[0])
	p.unmatched = true
	p.rollbackTo("s")
	if len(p.runs) != 1 {
		t.Errorf("%d statements are left, want 1", len(p.runs))
	}
	p.take()
	p.setSavepoint("s")
	p.add(st[1])
	if p.rollbackTo("s"); !p.none() {
		t.Error("savepoints of the next transaction are unmatched too")
	}
}

// A run that changed rows is added after one that changed none, and a rollback
// removes it if it came after the savepoint.
func TestWriteSetDistinguishesRunsWithoutRows(t *testing.T) {
	changed := named(1)[0]
	idle := run{changed.statement, true}
	var p writeSet
	p.add(idle)
	p.setSavepoint("s")
	p.add(changed)
	p.add(idle)
	if want := []run{idle, changed}; !slices.Equal(p.runs, want) {
		t.Fatalf("noted %v, want %v", p.runs, want)
	}
	p.rollbackTo("s")
	var w writes
	w.merge(p.take())
	w.merge(writes{runs: []run{changed}})
	w.merge(writes{runs: []run{idle}})
	if want := []run{idle, changed}; !slices.Equal(w.runs, want) {
		t.Errorf("merged %v, want %v", w.runs, want)
	}
}
