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

// ErrUnobserved is returned by OnChange for a handle that New made: nothing
// tells such a handle what happens on its pool's connections.
var ErrUnobserved = errors.New("db: the handle adopted its pool, so it does not see the pool's statements; make it with Open or OpenConfig")

// OnChange calls fn after each commit that changed tables, or may have, with
// all of its changes, until stop is called. fn runs before the call that
// committed returns to its caller, on that caller's goroutine, so that what a
// program wrote is known to fn's owner before the program goes on; fn should
// be quick, must not use the handle, and may be called from many goroutines at
// once. ctx is the committing call's own.
//
// Seen is what runs through pgx's methods on the connections of this handle's
// pool: through the handle, transactions, batches, COPY and Pool itself. Not
// seen is what is sent past them, through a bare pgconn.PgConn (CopyRaw
// reports itself), and what other programs do. Rolled back work, savepoints
// included, tells nothing; where it is not certain what a statement wrote,
// fn is told All. A statement whose command tag counts no row (UPDATE 0) tells
// nothing, where all that it might have changed comes with such rows.
//
// The program learns of a commit when the statement that committed has ended.
// For rows that is when they have been read to their end or closed: of UPDATE ...
// RETURNING the server may have committed while the program is still in its loop
// over the rows, and fn is called after it. In a batch a COMMIT has ended when its
// result is read; statements outside of a transaction block commit together, when
// the batch is closed. A procedure that commits on its way, and a text of several
// statements, count when they have ended.
//
// The server is asked what a statement changes when one of its fingerprint first
// runs. A commit waits a few milliseconds for the answer. If it takes longer, fn
// is called with All and InDoubt, and later, on another goroutine, with the
// changed tables and All, Unchanged, or with All, Resolved if the changes could
// not be determined. Commits that need an answer meanwhile share that doubt and
// do not wait. While fn is registered each new connection is asked which
// database it leads to, for Change.Database, and compiled statements are examined
// in the background.
//
// It returns ErrUnobserved for a handle made by New.
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
