package db

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// A statement that failed only because of how it was prepared has not run,
// and is run again, outside of transactions:
//
//   - 0A000 from RevalidateCachedQuery, "cached plan must not change result
//     type": a migration changed what the statement returns after this
//     connection had prepared it. pgx has forgotten the statement by the time
//     its error is out, so the next run prepares it afresh. Where one migration
//     follows the other, it may be stale again by the time it is run.
//   - 26000 and 42P05: a pooler in between moved the session to another
//     server connection, where the statement's name is unknown or taken
//     (PgBouncer in transaction mode before 1.21). The next run names none.
//
// Inside a transaction the error has aborted the transaction; InTx runs the
// whole of it again.

const (
	codeFeatureNotSupported     = "0A000"
	codeUnknownStatementName    = "26000"
	codeDuplicatePreparedStmt   = "42P05"
	routineRevalidateCachedPlan = "RevalidateCachedQuery"
)

// mostRuns is how often a statement is sent at most. The last time it goes in
// one message with its preparation, which no migration can come in between of:
// the lock that parsing takes lasts until the end. It is the last resort, since
// the server then has to guess the types of the arguments from the text alone.
const mostRuns = 4

// didNotRun reports either of the two cases above.
func didNotRun(err error) bool { return stalePlan(err) || lostStatementName(err) }

// stalePlan reports the first of the two cases above.
func stalePlan(err error) bool {
	pgErr, ok := asPgError(err)
	return ok && pgErr.Code == codeFeatureNotSupported && pgErr.Routine == routineRevalidateCachedPlan
}

// lostStatementName reports the second of the two cases above.
func lostStatementName(err error) bool {
	pgErr, ok := asPgError(err)
	return ok && (pgErr.Code == codeUnknownStatementName || pgErr.Code == codeDuplicatePreparedStmt)
}

// argsForAnotherRun tells whether a statement that failed with err, having been
// sent the given number of times, is to be run again on conn, and with which
// arguments. d is the connection's handle, if it is known.
func argsForAnotherRun(ctx context.Context, d *DB, conn *pgx.Conn, runs int, err error, args []any) ([]any, bool) {
	if err == nil || runs == mostRuns || !didNotRun(err) || !idle(conn) {
		return nil, false
	}
	if len(args) > 0 && args[0] == pgx.QueryExecModeExec {
		return nil, false // a name that the program itself gave
	}
	lost := lostStatementName(err)
	if lost && d != nil && !d.observed { // else the tracer has seen it
		d.lostNames.note(d.opts.Logger, nil)
	}
	if lost || runs == mostRuns-1 {
		args = nameless(args)
	}
	return args, d.dropStale(ctx, conn) == nil
}

// nameless returns arguments with which a statement is not given a name.
func nameless(args []any) []any { return append([]any{pgx.QueryExecModeExec}, args...) }

// idle reports whether conn can run a statement that is a transaction by itself.
func idle(conn *pgx.Conn) bool { return !conn.IsClosed() && conn.PgConn().TxStatus() == 'I' }

// runAgain runs a statement again that failed with err on q, where that is safe
// and worth it, and returns how it ended. A *DB has done so itself by then.
func runAgain[Q any](ctx context.Context, q Q, args []any, err error, run func(q Q, args []any) error) error {
	if pool, ok := any(q).(*pgxpool.Pool); ok {
		conn, acquireErr := pool.Acquire(ctx) // one for all further runs: others have prepared it as well
		if acquireErr != nil {
			return err
		}
		defer conn.Release()
		q = any(conn).(Q)
	}
	conn := connOf(q)
	if conn == nil {
		return err
	}
	for runs := 1; ; runs++ {
		again, ok := argsForAnotherRun(ctx, handleOf(conn), conn, runs, err, args)
		if !ok {
			return err
		}
		args = again
		err = run(q, args)
	}
}

// connOf returns the connection that q runs statements on, or nil where it has
// several or does not tell.
func connOf(q any) *pgx.Conn {
	switch q := q.(type) {
	case *pgx.Conn:
		return q
	case interface{ Conn() *pgx.Conn }: // *pgxpool.Conn, pgx.Tx
		return q.Conn()
	}
	return nil
}

// execAgain is e.Exec, run again where the statement did not run.
func execAgain(ctx context.Context, e Execer, sql string, args []any) (pgconn.CommandTag, error) {
	tag, err := e.Exec(ctx, sql, args...)
	if err == nil || !didNotRun(err) {
		return tag, err
	}
	return execMore(ctx, e, sql, args, err)
}

// execMore is apart so that what it captures costs no allocation before.
func execMore(ctx context.Context, e Execer, sql string, args []any, err error) (tag pgconn.CommandTag, _ error) {
	err = runAgain(ctx, e, args, err, func(e Execer, args []any) (err error) {
		tag, err = e.Exec(ctx, sql, args...)
		return err
	})
	return tag, err
}

// queryAgain runs sql on q and hands its rows to collect, and does so again
// where the statement did not run.
func queryAgain[V any](ctx context.Context, q Querier, sql string, args []any, collect func(pgx.Rows) (V, error)) (V, error) {
	value, err := queryOnce(ctx, q, sql, args, collect)
	if err == nil || !didNotRun(err) {
		return value, err
	}
	return queryMore(ctx, q, sql, args, collect, err)
}

func queryOnce[V any](ctx context.Context, q Querier, sql string, args []any, collect func(pgx.Rows) (V, error)) (V, error) {
	rows, err := q.Query(ctx, sql, args...)
	if err != nil {
		var none V
		return none, err
	}
	return collect(rows)
}

func queryMore[V any](ctx context.Context, q Querier, sql string, args []any, collect func(pgx.Rows) (V, error), err error) (value V, _ error) {
	err = runAgain(ctx, q, args, err, func(q Querier, args []any) (err error) {
		value, err = queryOnce(ctx, q, sql, args, collect)
		return err
	})
	return value, err
}
