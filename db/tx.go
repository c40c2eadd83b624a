package db

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/headrace/headrace/internal/connecterror"
	"github.com/headrace/headrace/internal/retry"
	"github.com/headrace/headrace/internal/sqltext"
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
// (40001) or a deadlock (40P01), or the connection breaks before a statement
// is sent, the transaction is rolled back and fn is run again in a new
// one, after a random wait, up to Options.MaxRetries times and while ctx lasts.
// It is run again at once, on the same connection, when a migration has made a
// prepared statement invalid (0A000) or the server does not know it by its name
// (26000, 42P05). fn must return the error, wrapped or not, for that; and it must
// be safe to repeat: what it does outside of tx happens each time.
//
// Source of the rule: PostgreSQL manual, "Serialization Failure Handling".
func (d *DB) InTx(ctx context.Context, opts TxOptions, fn func(tx pgx.Tx) error) error {
	p := retry.Policy{Attempts: d.opts.MaxRetries + 1, First: firstBackoff, Longest: longestBackoff}
	attempts, err := p.Do(ctx, transactionRunsAgain, func() error { return d.runTx(ctx, opts, fn) })
	switch {
	case err == nil || !transactionRunsAgain(err), attempts == 1 && d.opts.MaxRetries == 0:
		return err
	case attempts <= d.opts.MaxRetries:
		return fmt.Errorf("db: transaction not run again: %w", errors.Join(ctx.Err(), err))
	}
	return fmt.Errorf("db: transaction failed %d times: %w", attempts, err)
}

// runTx runs fn in one transaction, and in another on the same connection while
// statements did not run because of how they were prepared there.
func (d *DB) runTx(ctx context.Context, opts TxOptions, fn func(tx pgx.Tx) error) error {
	conn, tx, id, err := d.begin(ctx, opts)
	if err != nil {
		return err
	}
	defer release(conn)
	var unfit *sqltext.Statement
	for runs := 1; ; runs++ {
		err = d.endTx(ctx, conn, tx, opts, id, fn)
		if err == nil || runs == mostRuns || d.opts.MaxRetries == 0 || !d.fits(ctx, conn.Conn(), err, &unfit) {
			return err
		}
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

// begin begins a transaction on a connection that it takes from the pool. BEGIN
// changes nothing, so that it is tried on another connection whenever one was
// broken, sent or not.
func (d *DB) begin(ctx context.Context, opts TxOptions) (conn *pgxpool.Conn, tx pgx.Tx, id txID, err error) {
	for tries := 0; ; tries++ {
		if conn, err = d.Acquire(ctx); err != nil {
			return nil, nil, id, fmt.Errorf("db: begin a transaction: %w", withoutLabel(err))
		}
		if tx, id, err = d.beginOn(ctx, conn, opts); err == nil {
			return conn, tx, id, nil
		}
		another := d.triesAnother(ctx, conn, tries, err)
		if opts.BeginQuery == "" && !another {
			another = conn.Conn().IsClosed() && !isFinal(err) && ctx.Err() == nil && tries <= int(d.pool.Stat().MaxConns())
		}
		release(conn)
		if !another {
			return nil, nil, id, fmt.Errorf("db: begin a transaction: %w", err)
		}
	}
}

// beginOn begins a transaction on conn. Its id is asked for where it may be
// needed.
func (d *DB) beginOn(ctx context.Context, conn *pgxpool.Conn, opts TxOptions) (pgx.Tx, txID, error) {
	if opts.Resolve {
		return d.beginKnown(ctx, conn, opts.TxOptions)
	}
	tx, err := conn.BeginTx(ctx, opts.TxOptions)
	return tx, txID{}, err
}

// fits makes a connection fit for another run of a transaction in which a
// statement failed with err because of how it was prepared, and reports whether
// it did. pgx prepares a stale statement afresh: where the same one fails again,
// something in the transaction itself changes what it means, and always will.
// Names that the server does not know are all dropped, once.
func (d *DB) fits(ctx context.Context, conn *pgx.Conn, err error, unfit **sqltext.Statement) bool {
	if !connecterror.NotRun(err) || !idle(conn) {
		return false
	}
	last := unknownStatement // where no tracker sits
	if s := stateOf(conn); s != nil && s.tracked.Unfit() != nil {
		last = s.tracked.Unfit()
	}
	if last == *unfit {
		return false
	}
	*unfit = last
	if connecterror.LostStatementName(err) {
		return conn.DeallocateAll(ctx) == nil
	}
	return d.dropStale(ctx, conn) == nil
}

// unknownStatement stands for one of which nothing is known.
var unknownStatement = new(sqltext.Statement)

// transactionRunsAgain reports whether a transaction that failed with err,
// and has been rolled back, may succeed when it is run again as a whole.
func transactionRunsAgain(err error) bool {
	if _, undone := errors.AsType[*undoneError](err); undone {
		return true
	}
	return retry.SerializationFailure(err)
}

const (
	firstBackoff   = 5 * time.Millisecond
	longestBackoff = time.Second
)
