package db

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/headrace/headrace/internal/connecterror"
	"github.com/headrace/headrace/internal/profile"
	"github.com/headrace/headrace/internal/retry"
	"github.com/headrace/headrace/internal/sqltext"
)

// TxOptions configures a transaction of InTx. The zero value means the server's
// defaults.
type TxOptions struct {
	pgx.TxOptions

	// Resolve determines the outcome of the transaction where the response to
	// its COMMIT was lost: InTx returns nil if it was committed, and retries it
	// if it was not, as after a deadlock. Resolving waits up to 15 seconds for
	// a server that is down, even beyond the end of ctx. If the outcome cannot
	// be determined in that time, InTx returns a *CommitUnknownError. The round
	// trip that begins the transaction also assigns it a transaction id, even
	// if it writes nothing. Default false: InTx returns the error of the
	// connection, and the transaction may have been committed.
	//
	// Source: PostgreSQL manual, pg_xact_status.
	Resolve bool
}

// InTx runs fn in a transaction. It commits when fn returns nil, rolls back and
// returns the error when fn returns one, and rolls back when fn panics.
//
// InTx retries the transaction as a whole when fn or the commit fails with a
// serialization failure (40001) or a deadlock (40P01), or when the connection
// breaks before a statement is sent. Each retry rolls back, waits a random time
// and runs fn in a new transaction, up to Options.MaxRetries times and while
// ctx lasts. InTx retries at once, on the same connection, when a migration has
// invalidated a prepared statement (0A000) or the server does not know its name
// (26000, 42P05). fn must return the error for that, wrapped or not. fn must be
// safe to repeat: what it does outside of tx happens on each attempt.
//
// Source of the rule: PostgreSQL manual, "Serialization Failure Handling".
func (d *DB) InTx(ctx context.Context, opts TxOptions, fn func(tx pgx.Tx) error) error {
	p := retry.Policy{Attempts: d.opts.MaxRetries + 1, First: firstBackoff, Longest: maxBackoff}
	tried := false
	attempts, err := p.Do(ctx, isRetriable, func() error {
		if tried {
			profile.From(ctx).Retry()
		}
		tried = true
		return d.runTx(ctx, opts, fn)
	})
	switch {
	case err == nil || !isRetriable(err), attempts == 1 && d.opts.MaxRetries == 0:
		return err
	case attempts <= d.opts.MaxRetries:
		return fmt.Errorf("db: transaction not retried: %w", errors.Join(ctx.Err(), err))
	}
	return fmt.Errorf("db: transaction failed %d times: %w", attempts, err)
}

// InTxValue is [DB.InTx] for a function that returns a value. After an error it
// returns the zero value.
func InTxValue[T any](ctx context.Context, d *DB, opts TxOptions, fn func(tx pgx.Tx) (T, error)) (T, error) {
	var value T
	err := d.InTx(ctx, opts, func(tx pgx.Tx) (err error) {
		value, err = fn(tx)
		return err
	})
	if err != nil {
		var none T
		return none, err
	}
	return value, nil
}

// runTx runs fn in one transaction, and again on the same connection where a
// statement failed because of how it was prepared there.
func (d *DB) runTx(ctx context.Context, opts TxOptions, fn func(tx pgx.Tx) error) error {
	conn, tx, id, err := d.begin(ctx, opts)
	if err != nil {
		return err
	}
	defer release(conn)
	var stale *sqltext.Statement
	for attempts := 1; ; attempts++ {
		err = d.endTx(ctx, conn, tx, opts, id, fn)
		if err == nil || attempts == maxAttempts || d.opts.MaxRetries == 0 || !d.reprepare(ctx, conn.Conn(), err, &stale) {
			return err
		}
		profile.From(ctx).Retry()
		if tx, id, err = d.beginOn(ctx, conn, opts); err != nil {
			return fmt.Errorf("db: begin a transaction: %w", err)
		}
	}
}

// endTx runs fn in tx and ends it.
func (d *DB) endTx(ctx context.Context, conn *pgxpool.Conn, tx pgx.Tx, opts TxOptions, id txID, fn func(tx pgx.Tx) error) error {
	defer func() { _ = tx.Rollback(ctx) }() // after Commit it does nothing
	if err := fn(tx); err != nil {
		if connecterror.NeverSent(err) && conn.Conn().IsClosed() && ctx.Err() == nil {
			return &undoneError{err}
		}
		return err
	}
	err := tx.Commit(ctx)
	switch {
	case err == nil:
		return nil
	case opts.Resolve && !errors.Is(err, pgx.ErrTxCommitRollback) && !isFinal(err):
		return d.resolve(ctx, id, err)
	}
	return fmt.Errorf("db: commit: %w", err)
}

// begin begins a transaction on a connection from the pool. BEGIN changes
// nothing, so it is tried on another connection whenever one was broken, sent
// or not.
func (d *DB) begin(ctx context.Context, opts TxOptions) (conn *pgxpool.Conn, tx pgx.Tx, id txID, err error) {
	for tries := 0; ; tries++ {
		if conn, err = d.Acquire(ctx); err != nil {
			return nil, nil, id, fmt.Errorf("db: begin a transaction: %w", withoutLabel(err))
		}
		if tx, id, err = d.beginOn(ctx, conn, opts); err == nil {
			return conn, tx, id, nil
		}
		another := d.tryAnother(ctx, conn, tries, err)
		if opts.BeginQuery == "" && !another {
			another = conn.Conn().IsClosed() && !isFinal(err) && ctx.Err() == nil && tries <= int(d.pool.Stat().MaxConns())
		}
		release(conn)
		if !another {
			return nil, nil, id, fmt.Errorf("db: begin a transaction: %w", err)
		}
	}
}

// beginOn begins a transaction on conn, and asks for its id if opts.Resolve is
// set.
func (d *DB) beginOn(ctx context.Context, conn *pgxpool.Conn, opts TxOptions) (pgx.Tx, txID, error) {
	if opts.Resolve {
		return d.beginWithID(ctx, conn, opts.TxOptions)
	}
	tx, err := conn.BeginTx(ctx, opts.TxOptions)
	return tx, txID{}, err
}

// reprepare readies a connection for another attempt at a transaction in which
// a statement failed with err because of how it was prepared, and reports
// whether it could. pgx prepares a stale statement again on the next attempt.
// Where the same statement fails again, the transaction itself invalidates it
// each time, and a further attempt is pointless. Names that the server does not
// know are all deallocated, once.
func (d *DB) reprepare(ctx context.Context, conn *pgx.Conn, err error, stale **sqltext.Statement) bool {
	if !connecterror.NotRun(err) || !idle(conn) {
		return false
	}
	last := unknownStatement // without a tracker
	if s := stateOf(conn); s != nil && s.tracked.StaleStatement() != nil {
		last = s.tracked.StaleStatement()
	}
	if last == *stale {
		return false
	}
	*stale = last
	if connecterror.LostStatementName(err) {
		return conn.DeallocateAll(ctx) == nil
	}
	return d.deallocateStale(ctx, conn) == nil
}

// unknownStatement stands for a statement that the handle knows nothing about.
var unknownStatement = new(sqltext.Statement)

// isRetriable reports whether a transaction that failed with err, and has been
// rolled back, may succeed when it is retried as a whole.
func isRetriable(err error) bool {
	if _, undone := errors.AsType[*undoneError](err); undone {
		return true
	}
	return retry.SerializationFailure(err)
}

const (
	firstBackoff = 5 * time.Millisecond
	maxBackoff   = time.Second
)
