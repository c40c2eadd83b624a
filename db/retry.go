package db

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/headrace/headrace/internal/connecterror"
	"github.com/headrace/headrace/internal/profile"
)

// A statement that failed because of how it was prepared has not run, and is
// retried, outside of transactions:
//
//   - 0A000 from RevalidateCachedQuery, "cached plan must not change result
//     type": a migration changed the result of the statement after this
//     connection had prepared it. pgx drops its prepared form before it returns
//     the error, so that the next attempt prepares it again. Where one
//     migration follows another, it may be stale again by then.
//   - 26000 and 42P05: a pooler moved the session to another server connection,
//     where the statement's name is unknown or taken (PgBouncer in transaction
//     mode before 1.21). The next attempt uses no name.
//
// Inside a transaction the error has aborted the transaction; InTx retries it
// as a whole.

// maxAttempts bounds how often a statement is sent. The last attempt prepares
// and runs it in one message, and no migration can come in between: the lock
// that parsing takes lasts until the end. It is the last resort, since the
// server then has to infer the types of the arguments from the text alone.
const maxAttempts = 4

// retryArgs reports whether a statement that failed with err after the given
// number of attempts is to be sent again on conn, and returns the arguments for
// that. d is the connection's handle, or nil if unknown.
func retryArgs(ctx context.Context, d *DB, conn *pgx.Conn, attempts int, err error, args []any) ([]any, bool) {
	if err == nil || attempts == maxAttempts || !connecterror.NotRun(err) || !idle(conn) {
		return nil, false
	}
	if len(args) > 0 && args[0] == pgx.QueryExecModeExec {
		return nil, false // sql is a name that the program gave
	}
	lost := connecterror.LostStatementName(err)
	if lost && d != nil && !d.observed { // otherwise the tracer has counted it
		d.tracker.CountUnknownName(nil)
	}
	if lost || attempts == maxAttempts-1 {
		args = unnamed(args)
	}
	profile.From(ctx).Retry()
	return args, d.deallocateStale(ctx, conn) == nil
}

// unnamed returns args for a statement that is sent without a name.
func unnamed(args []any) []any { return append([]any{pgx.QueryExecModeExec}, args...) }

// idle reports whether conn is open and outside of a transaction block.
func idle(conn *pgx.Conn) bool { return !conn.IsClosed() && conn.PgConn().TxStatus() == 'I' }

// retryOn retries a statement that failed with err on q, where that is safe and
// useful, and returns its last error. A *DB has already retried by itself.
func retryOn[Q any](ctx context.Context, q Q, args []any, err error, run func(q Q, args []any) error) error {
	if pool, ok := any(q).(*pgxpool.Pool); ok {
		conn, acquireErr := pool.Acquire(ctx) // one for all further attempts: other connections have prepared it too
		if acquireErr != nil {
			return err
		}
		defer release(conn)
		q = any(conn).(Q)
	}
	conn := connOf(q)
	if conn == nil {
		return err
	}
	for attempts := 1; ; attempts++ {
		next, ok := retryArgs(ctx, handleOf(conn), conn, attempts, err, args)
		if !ok {
			return err
		}
		args = next
		err = run(q, args)
	}
}

// connOf returns the connection that q runs statements on, or nil where q has
// several or does not expose it.
func connOf(q any) *pgx.Conn {
	switch q := q.(type) {
	case *pgx.Conn:
		return q
	case interface{ Conn() *pgx.Conn }: // *pgxpool.Conn, pgx.Tx
		return q.Conn()
	}
	return nil
}

// execRetrying is e.Exec, retried where the statement did not run.
func execRetrying(ctx context.Context, e Execer, sql string, args []any) (pgconn.CommandTag, error) {
	tag, err := e.Exec(ctx, sql, args...)
	if err == nil || !connecterror.NotRun(err) {
		return tag, err
	}
	return execRetry(ctx, e, sql, args, err)
}

// execRetry is a separate function so that its closure costs execRetrying no
// allocation.
func execRetry(ctx context.Context, e Execer, sql string, args []any, err error) (tag pgconn.CommandTag, _ error) {
	err = retryOn(ctx, e, args, err, func(e Execer, args []any) (err error) {
		tag, err = e.Exec(ctx, sql, args...)
		return err
	})
	return tag, err
}

// queryRetrying runs sql on q and passes its rows to collect, and retries both
// where the statement did not run.
func queryRetrying[V any](ctx context.Context, q Querier, sql string, args []any, collect func(pgx.Rows) (V, error)) (V, error) {
	value, err := queryOnce(ctx, q, sql, args, collect)
	if err == nil || !connecterror.NotRun(err) {
		return value, err
	}
	return queryRetry(ctx, q, sql, args, collect, err)
}

func queryOnce[V any](ctx context.Context, q Querier, sql string, args []any, collect func(pgx.Rows) (V, error)) (V, error) {
	rows, err := q.Query(ctx, sql, args...)
	if err != nil {
		var none V
		return none, err
	}
	return collect(rows)
}

func queryRetry[V any](ctx context.Context, q Querier, sql string, args []any, collect func(pgx.Rows) (V, error), err error) (value V, _ error) {
	err = retryOn(ctx, q, args, err, func(q Querier, args []any) (err error) {
		value, err = queryOnce(ctx, q, sql, args, collect)
		return err
	})
	return value, err
}
