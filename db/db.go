package db

import (
	"context"
	"sync/atomic"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/headrace/headrace/internal/changes"
	"github.com/headrace/headrace/internal/connecterror"
	"github.com/headrace/headrace/internal/pgxrows"
	"github.com/headrace/headrace/internal/stmtstats"
)

// A DB is a handle to one PostgreSQL server: a pool of connections, what is
// known about the statements that ran on them, and who wants to hear of
// changes. It has the methods of [pgxpool.Pool] that programs call, with
// pgxpool's signatures, so that it stands where a pool stood.
//
// A DB may be used by many goroutines at once.
type DB struct {
	pool     *pgxpool.Pool
	opts     Options
	observed bool             // the tracker sits in each connection of the pool
	tracker  *changes.Tracker // of what the pool's connections do

	contextHooks bool                   // of the program's own
	serverID     atomic.Pointer[string] // for what became of transactions; nil until asked for
	waits        stmtstats.Waits
	usage        usage
	closed       atomic.Bool
}

func newDB(opts Options) *DB {
	return &DB{opts: opts, tracker: changes.New(opts.Logger, opts.SlowQuery)}
}

// Querier runs a statement that returns rows. *DB, pgx.Tx, *pgxpool.Pool,
// *pgxpool.Conn, *pgx.Conn and the cached handle of package querycache are
// Queriers.
type Querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// Execer runs a statement for its effect. Whatever is a Querier in the list
// above is an Execer as well.
type Execer interface {
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
}

// Pool returns the pool under the handle. Statements run on it directly are
// seen by OnChange and Stats as well, where the handle was opened by Open or
// OpenConfig.
func (d *DB) Pool() *pgxpool.Pool { return d.pool }

// Exec runs sql for its effect, as [pgxpool.Pool.Exec] does.
func (d *DB) Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	for tries := 0; ; tries++ {
		conn, _, err := d.take(ctx, sql)
		if err != nil {
			return pgconn.CommandTag{}, err
		}
		tag, err := d.execOn(ctx, conn, sql, args)
		another := d.triesAnother(ctx, conn, tries, err) && d.tracker.ReadOnly(sql)
		release(conn)
		if !another {
			return tag, err
		}
	}
}

func (d *DB) execOn(ctx context.Context, conn *pgxpool.Conn, sql string, args []any) (pgconn.CommandTag, error) {
	for runs := 1; ; runs++ {
		tag, err := conn.Exec(ctx, sql, args...)
		again, ok := argsForAnotherRun(ctx, d, conn.Conn(), runs, err, args)
		if !ok {
			return tag, err
		}
		args = again
	}
}

// Query runs sql and returns its rows, as [pgxpool.Pool.Query] does. The
// caller must close the rows, or read them to their end; until then they hold
// a connection. Closing rows of which many are left asks the server to stop,
// unless the statement may change something.
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
		err = r.start(ctx, d, sql, args)
		if err == nil {
			return r, nil
		}
		another := d.triesAnother(ctx, conn, tries, err) && d.tracker.ReadOnly(sql)
		if !another && r.ahead && !connecterror.NeverSent(err) {
			return r, nil // Err returns the error
		}
		r.release()
		if !another {
			return nil, err
		}
	}
}

// QueryRow runs sql, of which at most one row is read, as
// [pgxpool.Pool.QueryRow] does: errors come with Scan.
func (d *DB) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	r, err := d.query(ctx, sql, args)
	if err != nil {
		return pgxrows.Failed{Cause: err}
	}
	return (*row)(r)
}

// SendBatch sends all statements of b in one round trip, as
// [pgxpool.Pool.SendBatch] does. The caller must close the results; until then,
// or until the end of the transaction that b began, they hold a connection. A
// batch that failed only because of how it was prepared is not sent again, since
// results may have been read; Gather does that for reads.
func (d *DB) SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults {
	conn, err := d.Acquire(ctx)
	if err != nil {
		return pgx.FailedBatchResults(b, err)
	}
	results := &pooledResults{BatchResults: conn.SendBatch(ctx, b), conn: conn}
	if tx := results.BatchResults.Tx(); tx != nil {
		results.tx = &pooledTx{tx, conn}
	}
	return results
}

// CopyFrom writes rows by the COPY protocol, as [pgxpool.Pool.CopyFrom] does.
// Package batchinsert does the same for typed rows at a fraction of the cost.
func (d *DB) CopyFrom(ctx context.Context, table pgx.Identifier, columns []string, src pgx.CopyFromSource) (int64, error) {
	conn, err := d.Acquire(ctx)
	if err != nil {
		return 0, err
	}
	defer release(conn)
	return conn.CopyFrom(ctx, table, columns, src)
}

// Begin starts a transaction. The caller must end it; until then it holds a
// connection. InTx does both, and runs again what the server asks to be run
// again.
func (d *DB) Begin(ctx context.Context) (pgx.Tx, error) { return d.BeginTx(ctx, pgx.TxOptions{}) }

// BeginTx starts a transaction with the given mode.
func (d *DB) BeginTx(ctx context.Context, opts pgx.TxOptions) (pgx.Tx, error) {
	conn, tx, _, err := d.begin(ctx, TxOptions{TxOptions: opts})
	if err != nil {
		return nil, err
	}
	return &pooledTx{tx, conn}, nil
}

// Ping takes a connection and asks the server an empty question.
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
		another := d.triesAnother(ctx, conn, tries, err)
		release(conn)
		if !another {
			return err
		}
	}
}

// Stat returns the pool's own figures.
func (d *DB) Stat() *pgxpool.Stat { return d.pool.Stat() }

// Close ends the handle: it waits until every connection is given back, closes
// them and the pool, and stops what runs in the background. It may be called
// more than once.
func (d *DB) Close() {
	if d.closed.Swap(true) {
		return
	}
	d.tracker.Closing()
	d.closePool()
	d.tracker.Close()
}
