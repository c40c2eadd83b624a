package export

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

const (
	// cancelTimeout bounds the cancellation of a statement, which normally
	// takes milliseconds.
	cancelTimeout = 3 * time.Second
	// cancelInterval is the time between two requests: one that arrives between
	// two statements has no effect.
	cancelInterval = 100 * time.Millisecond
)

// readOnly runs fn in a new transaction, or in r if it is one, and then undoes
// the effects of fn, its settings and a failure included. Nothing is committed,
// so that no change is reported, not even for a query that is not known to be
// read-only.
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

// beginReadOnly returns a transaction and the function that undoes what follows
// in it. In the caller's transaction that is a savepoint, which undo also
// releases: pgx does not release a savepoint after its rollback, so that each
// export would nest deeper.
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

// cancelable runs fn, which uses conn with the context that it gets. When ctx
// ends, the server is requested to cancel the statement; fn's context ends only
// if that has no effect. By default, pgx closes the connection when a context
// ends or a writer fails, and so ends the caller's transaction.
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
			<-asked // a late request would cancel the next statement
		}
	}()
	return fn(lasting)
}

// requestCancel requests cancellation until the statement has ended, or calls
// giveUp after cancelTimeout.
func requestCancel(ctx context.Context, conn *pgconn.PgConn, ended <-chan struct{}, giveUp func()) {
	ctx, cancel := context.WithTimeout(ctx, cancelTimeout)
	defer cancel()
	for {
		_ = conn.CancelRequest(ctx) // ended tells whether it had an effect
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
