package changes

import (
	"context"
	"slices"
)

// A Table names a relation of the server.
type Table struct {
	Schema, Name string
	OID          uint32
}

// String returns the schema-qualified name.
func (t Table) String() string { return t.Schema + "." + t.Name }

// A Change reports that a transaction changed a table, or may have changed it.
type Change struct {
	Table Table // zero where All is set
	All   bool  // the changed tables are unknown: any table may have changed
	State ChangeState

	// Inherited reports that none of the table's own rows changed, but rows of
	// a partition or of another table that inherits from it. Reads FROM ONLY
	// the table are still valid.
	Inherited bool

	// Cause labels the statement whose changes could not be determined. Set
	// only together with All.
	Cause string

	// Database is the database of the change, nil for an unknown one, which may
	// be any database.
	Database *Database
}

// ChangeState is the state of the transaction that made a change.
type ChangeState uint8

const (
	// Committed means that the transaction has committed: reads that begin from
	// now on see the change.
	Committed ChangeState = iota

	// InDoubt means that the response to the commit, or to a statement that
	// commits by itself, was lost. The change may have happened, may never
	// happen, or may happen later. With All it may also mean that a transaction
	// has committed and its changed tables are not determined yet: a commit
	// waits for that for a few milliseconds only. Exactly one Resolved or
	// Unchanged follows each InDoubt, with the same Table, Inherited and All.
	InDoubt

	// Resolved ends an InDoubt: the server's session has ended, and reads that
	// begin from now on see its changes if it made any.
	Resolved

	// Unchanged ends an InDoubt: the change did not happen. Where the doubt was
	// about the changed tables of a committed transaction, these precede it in
	// the same call, as Committed. Commits made during such a doubt share it,
	// and each reports its tables before the doubt ends.
	Unchanged
)

// OnChange calls fn after each commit that changed tables, or may have changed
// them, until stop is called; see db.DB.OnChange. fn must not modify the list.
func (t *Tracker) OnChange(fn func(ctx context.Context, changes []Change)) (stop func()) {
	untrack := t.track(&placeTracker{})
	first := t.listeners.none()
	remove := t.listeners.add(&listener{fn})
	if first {
		t.examineCompiled()
	}
	return func() { remove(); untrack() }
}

// listeners are the functions to notify of changes.
type listeners struct{ subscribers[listener] }

type listener struct {
	fn func(context.Context, []Change)
}

func (l *listeners) notify(ctx context.Context, changes []Change) {
	if len(changes) == 0 {
		return
	}
	for _, one := range l.current() {
		one.fn(ctx, changes)
	}
}

// withDatabase returns changes with their database set.
func withDatabase(at *Database, changes []Change) []Change {
	for i := range changes {
		changes[i].Database = at
	}
	return changes
}

// withState returns changes with their state set.
func withState(changes []Change, state ChangeState) []Change {
	out := slices.Clone(changes)
	for i := range out {
		out[i].State = state
	}
	return out
}
