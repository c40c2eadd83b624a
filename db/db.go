package db

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/headrace/headrace/internal/changes"
	"github.com/headrace/headrace/internal/connecterror"
	"github.com/headrace/headrace/internal/pgxrows"
	"github.com/headrace/headrace/internal/profile"
	"github.com/headrace/headrace/internal/stmtstats"
)

// A DB is a handle to one PostgreSQL server. It holds a pool of connections,
// what is known about the statements that ran on them, and the functions to
// notify of changes. It has the methods of [pgxpool.Pool] that programs call,
// with the same signatures, so that it can replace a pool.
//
// A DB is safe for concurrent use.
type DB struct {
	pool     *pgxpool.Pool
	opts     Options
	observed bool             // whether the pool's connections have the tracker
	tracker  *changes.Tracker // tracks the pool's connections

	contextHooks bool                   // see hasContextHooks
	serverID     atomic.Pointer[string] // the server that TxOptions.Resolve asks; nil until first needed
	waits        stmtstats.Waits
	usage        usage
	spans        spanRing
	closed       atomic.Bool
}

func newDB(opts Options) *DB {
	d := &DB{opts: opts, tracker: changes.New(opts.Logger, opts.SlowQuery)}
	d.spans.logger, d.spans.logged = opts.Logger, make(map[loggedRepeat]time.Duration)
	d.tracker.Record(&d.spans)
	return d
}

// Querier runs a statement that returns rows. *DB, pgx.Tx, *pgxpool.Pool,
// *pgxpool.Conn, *pgx.Conn and the cached handle of package querycache
// implement it.
type Querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// Execer runs a statement for its effect. Every type listed at Querier
// implements it.
type Execer interface {
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
}

// Pool returns the pool under the handle. On a handle from Open or OpenConfig,
// OnChange and Stats also see statements that run on the pool directly.
func (d *DB) Pool() *pgxpool.Pool { return d.pool }

// Exec runs sql for its effect, as [pgxpool.Pool.Exec] does.
func (d *DB) Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	for tries := 0; ; tries++ {
		conn, _, err := d.take(ctx, sql)
		if err != nil {
			return pgconn.CommandTag{}, err
		}
		tag, another, err := d.execAndRelease(ctx, conn, tries, sql, args)
		if !another {
			return tag, err
		}
		profile.From(ctx).Retry()
	}
}

// execAndRelease runs sql on conn and releases it, also if a method of an
// argument panics. It reports whether the call is to be tried on another
// connection.
func (d *DB) execAndRelease(ctx context.Context, conn *pgxpool.Conn, tries int, sql string, args []any) (tag pgconn.CommandTag, another bool, err error) {
	defer release(conn)
	tag, err = d.execOn(ctx, conn, sql, args)
	another = d.tryAnother(ctx, conn, tries, err) && d.tracker.ReadOnly(sql)
	return tag, another, err
}

func (d *DB) execOn(ctx context.Context, conn *pgxpool.Conn, sql string, args []any) (pgconn.CommandTag, error) {
	for attempts := 1; ; attempts++ {
		tag, err := conn.Exec(ctx, sql, args...)
		next, ok := retryArgs(ctx, d, conn.Conn(), attempts, err, args)
		if !ok {
			return tag, err
		}
		args = next
	}
}

// Query runs sql and returns its rows, as [pgxpool.Pool.Query] does. The caller
// must close the rows or read them to their end; until then they hold a
// connection. Closing rows with many left asks the server to stop, unless the
// statement may change something.
func (d *DB) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	r, err := d.query(ctx, sql, args)
	if err != nil {
		return pgxrows.Failed{Cause: err}, err
	}
	return r, nil
}

func (d *DB) query(ctx context.Context, sql string, args []any) (*rows, error) {
	for tries := 0; ; tries++ {
		conn, s, err := d.take(ctx, sql)
		if err != nil {
			return nil, err
		}
		r := s.newRows()
		r.conn = conn
		err = r.startOrRelease(ctx, d, sql, args)
		if err == nil {
			return r, nil
		}
		another := d.tryAnother(ctx, conn, tries, err) && d.tracker.ReadOnly(sql)
		if !another && r.ahead && !connecterror.NeverSent(err) {
			return r, nil // Err returns the error
		}
		r.release()
		if !another {
			return nil, err
		}
		profile.From(ctx).Retry()
	}
}

// QueryRow runs sql and reads at most one row, as [pgxpool.Pool.QueryRow] does.
// Scan returns the errors.
func (d *DB) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	r, err := d.query(ctx, sql, args)
	if err != nil {
		return pgxrows.Failed{Cause: err}
	}
	return (*row)(r)
}

// SendBatch sends all statements of b in one round trip, as
// [pgxpool.Pool.SendBatch] does. The caller must close the results. They hold a
// connection until then, or until the end of a transaction that b began. A
// batch that failed because of how it was prepared is not sent again, since the
// caller may have read results; Gather retries such reads.
func (d *DB) SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults {
	conn, err := d.Acquire(ctx)
	if err != nil {
		return pgx.FailedBatchResults(b, err)
	}
	results := &pooledResults{BatchResults: sendOrRelease(ctx, conn, b), conn: conn}
	if tx := results.BatchResults.Tx(); tx != nil {
		results.tx = &pooledTx{tx, conn}
	}
	return results
}

// sendOrRelease sends b on conn, and releases conn if a method of an argument
// panics.
func sendOrRelease(ctx context.Context, conn *pgxpool.Conn, b *pgx.Batch) pgx.BatchResults {
	sent := false
	defer func() {
		if !sent {
			release(conn)
		}
	}()
	results := conn.SendBatch(ctx, b)
	sent = true
	return results
}

// CopyFrom writes rows by the COPY protocol, as [pgxpool.Pool.CopyFrom] does.
// Package batchinsert writes typed rows at a fraction of the cost.
func (d *DB) CopyFrom(ctx context.Context, table pgx.Identifier, columns []string, src pgx.CopyFromSource) (int64, error) {
	conn, err := d.Acquire(ctx)
	if err != nil {
		return 0, err
	}
	defer release(conn)
	return conn.CopyFrom(ctx, table, columns, src)
}

// Begin starts a transaction. The caller must end it; until then it holds a
// connection. InTx begins, ends and retries a transaction.
func (d *DB) Begin(ctx context.Context) (pgx.Tx, error) { return d.BeginTx(ctx, pgx.TxOptions{}) }

// BeginTx starts a transaction with the given options.
func (d *DB) BeginTx(ctx context.Context, opts pgx.TxOptions) (pgx.Tx, error) {
	conn, tx, _, err := d.begin(ctx, TxOptions{TxOptions: opts})
	if err != nil {
		return nil, err
	}
	return &pooledTx{tx, conn}, nil
}

// Ping takes a connection and sends the server an empty statement.
func (d *DB) Ping(ctx context.Context) error {
	for tries := 0; ; tries++ {
		conn, wait, err := d.acquire(ctx)
		if err != nil {
			return err
		}
		if s := stateOf(conn.Conn()); s != nil {
			s.tracked.Begin(wait.to)
		}
		err = conn.Ping(ctx)
		another := d.tryAnother(ctx, conn, tries, err)
		release(conn)
		if !another {
			return err
		}
	}
}

// Stat returns the pool's statistics.
func (d *DB) Stat() *pgxpool.Stat { return d.pool.Stat() }

// Close closes the handle: it waits until every connection is released, closes
// them and the pool, and stops the background work. It may be called more than
// once.
func (d *DB) Close() {
	if d.closed.Swap(true) {
		return
	}
	d.tracker.Closing()
	d.closePool()
	d.tracker.Close()
}
