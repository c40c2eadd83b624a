package db

import (
	"context"
	"errors"

	"github.com/headrace/headrace/internal/changes"
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

	// Unchanged ends an InDoubt: the change did not happen. If a transaction had
	// committed and only its tables were unknown, the same call first reports
	// these tables as Committed. Other commits made meanwhile have no InDoubt of
	// their own; their tables are reported before Unchanged.
	Unchanged
)

// ErrUnobserved is returned by OnChange for a handle from New, which does not
// see the statements that run on its pool.
var ErrUnobserved = errors.New("db: the handle adopted its pool, so it does not see the pool's statements; make it with Open or OpenConfig")

// OnChange calls fn after each commit that changed tables, or may have changed
// them, with all of its changes, until stop is called. fn runs on the goroutine
// of the committing call, before that call returns: when the program continues
// after a write, fn has been called for it. fn should be quick, must not use
// the handle, and may be called from many goroutines at once. ctx carries the
// values of the committing call's context, but not its cancellation.
//
// OnChange sees what runs through pgx's methods on the connections of the
// handle's pool: statements of the handle, transactions, batches, COPY and Pool
// itself. It does not see what is sent through a bare pgconn.PgConn (CopyRaw
// reports itself), nor what other programs do. Work that is rolled back, to a
// savepoint too, is not reported. Where the effects of a statement are
// uncertain, fn receives All. A statement whose command tag counts no row
// (UPDATE 0) is not reported, unless it may have other effects, for example
// through a trigger or a function that writes.
//
// fn is called when the committing statement has ended, which for rows means
// that they have been read to their end or closed. An UPDATE ... RETURNING may
// have committed on the server while the program still loops over its rows; fn
// is called after the loop. In a batch a COMMIT ends when its result is read;
// statements outside of a transaction block commit together, when the batch is
// closed. A procedure that commits while it runs, and a multi-statement text,
// are reported when they have ended.
//
// A statement is examined on the server when one of its fingerprint first runs.
// A commit waits a few milliseconds for the result. If the examination takes
// longer, fn first receives All with InDoubt. Later, on another goroutine, it
// receives the changed tables as Committed followed by All with Unchanged, or
// All with Resolved if the tables could not be determined. Commits that need an
// examination meanwhile share that doubt and do not wait. While fn is registered, each new connection
// is asked which database it leads to, and compiled statements are examined in
// the background.
//
// OnChange returns ErrUnobserved for a handle from New.
func (d *DB) OnChange(fn func(ctx context.Context, changes []Change)) (stop func(), err error) {
	if !d.observed {
		return nil, ErrUnobserved
	}
	return d.tracker.OnChange(func(ctx context.Context, changes []changes.Change) {
		list := make([]Change, len(changes))
		for i, c := range changes {
			list[i] = Change{Table: Table(c.Table), All: c.All, State: ChangeState(c.State), Inherited: c.Inherited, Cause: c.Cause}
		}
		fn(ctx, list)
	}), nil
}
