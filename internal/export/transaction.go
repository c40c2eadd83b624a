package export

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

const (
	// cancelTimeout is how long the server has to stop what it is at, which it
	// does in milliseconds where nothing is wrong.
	cancelTimeout = 3 * time.Second
	// cancelInterval is when it is asked once more: a request that arrives between
	// two statements does nothing.
	cancelInterval = 100 * time.Millisecond
)

// readOnly runs fn in a transaction of its own, or in the one that r is, and
// then undoes what fn did there, its settings and its failure included. Nothing
// is committed, and so nothing announced, also of a query of which it cannot be
// told that it only reads.
func readOnly(ctx context.Context, r Reader, fn func(tx pgx.Tx) error) (err error) {
	if ctx.Err() != nil {
		return context.Cause(ctx) // pgx would close the connection
	}
	tx, undo, err := beginReadOnly(ctx, r)
	if err != nil {
		return err
	}
	defer func() {
		within, cancel := context.WithTimeout(context.WithoutCancel(ctx), cancelTimeout)
		defer cancel()
		if undoErr := undo(within); undoErr != nil && err == nil {
			err = fmt.Errorf("end the transaction: %w", undoErr)
		}
	}()
	return fn(tx)
}

// beginReadOnly returns how to undo what is done in tx from now on. In the
// caller's transaction that is a savepoint which is gone afterwards: pgx's own
// stays when it is rolled back to, and each export would nest deeper.
func beginReadOnly(ctx context.Context, r Reader) (tx pgx.Tx, undo func(context.Context) error, err error) {
	tx, callers := r.(pgx.Tx)
	if !callers {
		if tx, err = r.Begin(ctx); err != nil {
			return nil, nil, err
		}
		return tx, tx.Rollback, nil
	}
	if _, err = tx.Exec(ctx, "SAVEPOINT headrace_export"); err != nil {
		return nil, nil, err
	}
	return tx, func(ctx context.Context) error {
		_, err := tx.Exec(ctx, "ROLLBACK TO SAVEPOINT headrace_export")
		if err == nil {
			_, err = tx.Exec(ctx, "RELEASE SAVEPOINT headrace_export")
		}
		return err
	}, nil
}

// cancelable runs fn, which uses conn by the context that it is given. When ctx
// ends, the server is asked to cancel what it is at, and fn's context ends only
// if that does not help: to pgx the end of a context, as the error of a writer,
// is by default a reason to close the connection, and with it the caller's
// transaction.
func cancelable(ctx context.Context, conn *pgconn.PgConn, fn func(ctx context.Context) error) error {
	lasting, giveUp := context.WithCancel(context.WithoutCancel(ctx))
	defer giveUp()
	ended, asked := make(chan struct{}), make(chan struct{})
	forget := context.AfterFunc(ctx, func() {
		defer close(asked)
		requestCancel(lasting, conn, ended, giveUp)
	})
	defer func() {
		close(ended)
		if !forget() {
			<-asked // a request still on its way would cancel the next statement
		}
	}()
	return fn(lasting)
}

// requestCancel asks until what conn is at has ended, or gives up.
func requestCancel(ctx context.Context, conn *pgconn.PgConn, ended <-chan struct{}, giveUp func()) {
	ctx, cancel := context.WithTimeout(ctx, cancelTimeout)
	defer cancel()
	for {
		_ = conn.CancelRequest(ctx) // failed or not, what counts is whether it helped
		select {
		case <-ended:
			return
		case <-ctx.Done():
			giveUp()
			return
		case <-time.After(cancelInterval):
		}
	}
}
