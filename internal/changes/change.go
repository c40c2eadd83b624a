package changes

import (
	"context"
	"slices"
)

// A Table is a db.Table.
type Table struct {
	Schema, Name string
	OID          uint32
}

// A Change is a db.Change together with its database.
type Change struct {
	Table     Table
	All       bool
	State     ChangeState
	Inherited bool
	Cause     string

	// Database is the database of the change, nil for an unknown one, which may
	// be any database.
	Database *Database
}

// ChangeState is a db.ChangeState.
type ChangeState uint8

// The states, as package db documents them.
const (
	Committed ChangeState = iota
	InDoubt
	Resolved
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
