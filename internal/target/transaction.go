package target

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

// savepointTimeout bounds the release or rollback of a savepoint after the
// call's context has ended.
const savepointTimeout = 5 * time.Second

// InTx runs fn in a new transaction, or under a savepoint where w is a
// transaction of the caller. An error of fn undoes what fn did and leaves the
// caller's transaction usable.
func InTx(ctx context.Context, w Beginner, fn func(tx pgx.Tx) error) error {
	outer, callers := w.(pgx.Tx)
	if !callers {
		return pgx.BeginFunc(ctx, w, fn)
	}
	tx, err := outer.Begin(ctx)
	if err != nil {
		return err
	}
	// The savepoint is ended even if ctx has ended: otherwise the caller would
	// commit rows of a failed call.
	end := func(fn func(context.Context) error) error {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), savepointTimeout)
		defer cancel()
		return fn(ctx)
	}
	done := false
	defer func() {
		if !done {
			_ = end(tx.Rollback) // if it fails, the connection is broken, and so the caller's COMMIT fails
		}
	}()
	if err := fn(tx); err != nil {
		return err
	}
	done = true
	return end(tx.Commit)
}

// A Beginner begins transactions: see batchinsert.Writer.
type Beginner interface {
	Begin(ctx context.Context) (pgx.Tx, error)
}
