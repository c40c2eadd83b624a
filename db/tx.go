package db

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"
)

// TxOptions configures a transaction of InTx. The zero value means the
// server's defaults.
type TxOptions struct {
	pgx.TxOptions

	// Resolve asks the server what became of the transaction where the answer to
	// its COMMIT was lost: InTx returns nil if it was committed, and runs fn again
	// if it was not, as after a deadlock. A server that is down is waited for, up
	// to 15 seconds, also beyond the end of ctx; what cannot be told then is a
	// *CommitUnknownError. The transaction gets an id from the server in the round
	// trip that begins it, also if it writes nothing. Default false: a lost answer
	// is the error of the connection, and the transaction may have taken place.
	//
	// Source: PostgreSQL manual, pg_xact_status.
	Resolve bool
}

// InTx runs fn in a transaction: it commits when fn returns nil and rolls back
// when fn returns an error, which InTx then returns, or panics, which goes on.
//
// When the server answers fn, or the commit, with a serialization failure
// (40001) or a deadlock (40P01), or with a prepared statement that a migration
// has made invalid (0A000), the transaction is rolled back and fn is run again
// in a new one, after a random wait, up to Options.MaxRetries times and while
// ctx lasts. fn must return the server's error, wrapped or not, for that; and
// it must be safe to repeat: what it does outside of tx happens each time.
//
// Source of the rule: PostgreSQL manual, "Serialization Failure Handling".
func (d *DB) InTx(ctx context.Context, opts TxOptions, fn func(tx pgx.Tx) error) error {
	for attempt := 0; ; attempt++ {
		err := d.runTx(ctx, opts, fn)
		if err == nil || !transactionRunsAgain(err) {
			return err
		}
		if attempt >= d.opts.MaxRetries {
			if attempt == 0 {
				return err
			}
			return fmt.Errorf("db: transaction failed %d times: %w", attempt+1, err)
		}
		if waitErr := sleep(ctx, backoff(attempt)); waitErr != nil {
			return fmt.Errorf("db: transaction not run again: %w", errors.Join(waitErr, err))
		}
	}
}

func (d *DB) runTx(ctx context.Context, opts TxOptions, fn func(tx pgx.Tx) error) error {
	if opts.Resolve {
		return d.inKnownTx(ctx, opts.TxOptions, fn)
	}
	return pgx.BeginTxFunc(ctx, d, opts.TxOptions, fn)
}

// InTxOn runs fn within tx under a savepoint: when fn returns an error, what
// it did is undone and tx can go on. Nothing is run again here: retries belong
// to the outermost transaction.
func InTxOn(ctx context.Context, tx pgx.Tx, fn func(tx pgx.Tx) error) error {
	return pgx.BeginFunc(ctx, tx, fn)
}

// transactionRunsAgain reports whether a transaction that failed with err,
// and has been rolled back, may succeed when it is run again as a whole.
func transactionRunsAgain(err error) bool {
	if _, undone := errors.AsType[*undoneError](err); undone {
		return true
	}
	pgErr, ok := asPgError(err)
	if !ok {
		return false
	}
	switch pgErr.Code {
	case codeSerializationFailure, codeDeadlockDetected:
		return true
	}
	return stalePlan(err)
}

const (
	firstBackoff   = 5 * time.Millisecond
	longestBackoff = time.Second
)

// backoff returns a random wait of up to twice the last attempt's ("full
// jitter": M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog
// 2015), so that those who collided do not collide again.
func backoff(attempt int) time.Duration {
	most := longestBackoff
	if attempt < 8 {
		most = min(most, firstBackoff<<attempt)
	}
	return rand.N(most + 1)
}

// sleep waits for d, or until ctx ends, whose error it then returns.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
