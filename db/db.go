package db

import (
	"context"
	"errors"
	"sync/atomic"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/headrace/headrace/internal/sqltext"
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
	observed bool // our tracer sits in each connection of the pool

	contextHooks bool // the pool was given hooks that see a caller's context

	statements  *statementTable
	unknown     *statement   // stands for a text that cannot be told
	schemaEpoch atomic.Int64 // raised when a statement of ours may have changed the schema
	shapes      shapes
	listeners   listeners
	examiner    *examiner
	doubts      doubts
	slow        slowLog
	lostNames   lostNames
	waits       waitStats
	closed      atomic.Bool
}

func newDB(opts Options) *DB {
	d := &DB{opts: opts, statements: newStatementTable()}
	d.unknown = &statement{
		Text:  &Text{&sqltext.Statement{Kind: sqltext.Unrecognized, Count: 1, Err: errRewritten}},
		stats: d.statements.prints.other,
	}
	d.slow.logger = opts.Logger
	d.slow.from = opts.SlowQuery
	return d
}

// errRewritten is why nothing can be told of a text that is not the one sent.
var errRewritten = errors.New("the text is rewritten before it is sent")

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

// Text returns what is known of a text, remembered from when it last ran
// through this handle or looked at now.
func (d *DB) Text(sql string) *Text { return d.statements.get(sql).Text }

// Pool returns the pool under the handle. Statements run on it directly are
// seen by OnChange and Stats as well, where the handle was opened by Open or
// OpenConfig.
func (d *DB) Pool() *pgxpool.Pool { return d.pool }

// Exec runs sql for its effect, as [pgxpool.Pool.Exec] does.
func (d *DB) Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	conn, err := d.Acquire(ctx)
	if err != nil {
		return pgconn.CommandTag{}, err
	}
	defer conn.Release()
	tag, err := conn.Exec(ctx, sql, args...)
	if args, ok := d.argsForAnotherRun(err, args); ok {
		if err := d.dropStale(ctx, conn.Conn()); err != nil {
			return tag, err
		}
		return conn.Exec(ctx, sql, args...)
	}
	return tag, err
}

// Query runs sql and returns its rows, as [pgxpool.Pool.Query] does. The
// caller must close the rows, or read them to their end; until then they hold
// a connection.
func (d *DB) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	r, err := d.query(ctx, sql, args)
	if err != nil {
		return failedRows{err}, err
	}
	return r, nil
}

func (d *DB) query(ctx context.Context, sql string, args []any) (*rows, error) {
	conn, err := d.Acquire(ctx)
	if err != nil {
		return nil, err
	}
	r := stateOf(conn.Conn()).newRows()
	*r = rows{conn: conn}
	if err := r.start(ctx, d, sql, args); err != nil {
		r.release()
		return nil, err
	}
	return r, nil
}

// QueryRow runs sql, of which at most one row is read, as
// [pgxpool.Pool.QueryRow] does: errors come with Scan.
func (d *DB) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	r, err := d.query(ctx, sql, args)
	if err != nil {
		return failedRows{err}
	}
	return (*row)(r)
}

// SendBatch sends all statements of b in one round trip, as
// [pgxpool.Pool.SendBatch] does. The caller must close the results.
func (d *DB) SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults {
	return d.pool.SendBatch(ctx, b)
}

// CopyFrom writes rows by the COPY protocol, as [pgxpool.Pool.CopyFrom] does.
// Package batchinsert does the same for typed rows at a fraction of the cost.
func (d *DB) CopyFrom(ctx context.Context, table pgx.Identifier, columns []string, src pgx.CopyFromSource) (int64, error) {
	return d.pool.CopyFrom(ctx, table, columns, src)
}

// Begin starts a transaction. It is pgx's own; the caller must end it.
// InTx does both, and runs again what the server asks to be run again.
func (d *DB) Begin(ctx context.Context) (pgx.Tx, error) { return d.pool.Begin(ctx) }

// BeginTx starts a transaction with the given mode.
func (d *DB) BeginTx(ctx context.Context, opts pgx.TxOptions) (pgx.Tx, error) {
	return d.pool.BeginTx(ctx, opts)
}

// Ping takes a connection and asks the server an empty question.
func (d *DB) Ping(ctx context.Context) error { return d.pool.Ping(ctx) }

// Stat returns the pool's own figures.
func (d *DB) Stat() *pgxpool.Stat { return d.pool.Stat() }

// Close ends the handle: it waits until every connection is given back, closes
// them and the pool, and stops what runs in the background. It may be called
// more than once.
func (d *DB) Close() {
	if d.closed.Swap(true) {
		return
	}
	d.pool.Close()
	d.doubts.stop()
	d.examiner.close()
}
