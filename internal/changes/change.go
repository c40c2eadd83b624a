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

// String returns the table's name with its schema.
func (t Table) String() string { return t.Schema + "." + t.Name }

// A Change says that a transaction changed a table, or may have.
type Change struct {
	Table Table // zero where All is set
	All   bool  // which tables were changed cannot be told: any may have been
	State ChangeState

	// Inherited is true where none of the table's own rows was changed, but rows
	// of a partition or another table that inherits from it: what was read FROM
	// ONLY the table is still right.
	Inherited bool

	// Cause is how messages call the statement of which it cannot be told what
	// it changed. Only where All is set.
	Cause string

	// Database is where the change was made, nil where that is not known: it
	// may be any database then.
	Database *Database
}

// ChangeState tells what is known of the transaction that made a change.
type ChangeState uint8

const (
	// Committed means that the transaction has committed, and reads that begin from now
	// on see what it did.
	Committed ChangeState = iota

	// InDoubt means that the answer to the commit, or to a statement that commits by
	// itself, was lost. The change may be there, may never come, or may come
	// later. With All it may also mean that a transaction has committed and
	// the server is still being asked which tables it changed: a commit waits
	// for that for a few milliseconds only. For each InDoubt there follows one
	// Resolved or one Unchanged, with the same Table, Inherited and All.
	InDoubt

	// Resolved ends an InDoubt: the server's session is gone, and what it did
	// or did not do is visible to reads that begin from now on.
	Resolved

	// Unchanged ends an InDoubt: the change did not take place. Where the
	// question was which tables a transaction had changed, those precede it in
	// the same call, as Committed. Commits that are made while it is asked
	// share the doubt of the first, and each tells its tables before the doubt
	// ends.
	Unchanged
)

// OnChange calls fn after each commit that changed tables, or may have, until
// stop is called; see db.DB.OnChange. fn must not change the list.
func (t *Tracker) OnChange(fn func(ctx context.Context, changes []Change)) (stop func()) {
	untrack := t.track(&placeTracker{})
	first := t.listeners.none()
	remove := t.listeners.add(&listener{fn})
	if first {
		t.examineCompiled()
	}
	return func() { remove(); untrack() }
}

// listeners are the functions that are notified of changes.
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
