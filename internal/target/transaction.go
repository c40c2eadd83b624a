package target

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

// savepointPatience bounds how long the end of a savepoint takes once the call's
// context has ended.
const savepointPatience = 5 * time.Second

// InTx runs fn in a transaction of its own, or, where w is the caller's
// transaction, between a savepoint and its release: after an error nothing of fn
// stays in either, and the caller's goes on.
func InTx(ctx context.Context, w Beginner, fn func(tx pgx.Tx) error) error {
	outer, callers := w.(pgx.Tx)
	if !callers {
		return pgx.BeginFunc(ctx, w, fn)
	}
	tx, err := outer.Begin(ctx)
	if err != nil {
		return err
	}
	// The savepoint ends although ctx may have: rows of a failed call would be
	// committed with the caller's otherwise.
	end := func(fn func(context.Context) error) error {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), savepointPatience)
		defer cancel()
		return fn(ctx)
	}
	done := false
	defer func() {
		if !done {
			_ = end(tx.Rollback) // its error is the connection's, which the caller meets at its COMMIT
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
