package db

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/headrace/headrace/internal/pgxrows"
)

// rows are the rows of a statement on a connection of the pool, which they
// release when they are closed. Like all pgx.Rows they belong to one goroutine.
//
// start reads the first row: only then is it known whether the server has run
// the statement as it was prepared. If it has not (see retryArgs), the
// statement is retried before the caller has looked at the columns, which may
// differ now.
type rows struct {
	pgx.Rows  // pgx adds methods in minor releases: embedded on purpose
	conn      *pgxpool.Conn
	state     *connState // of the connection; nil where no tracer of ours sits
	ahead     bool       // start has called Next on Rows
	any       bool       // what that call returned
	cancelled bool       // the server was asked to stop
}

// start runs the statement and reads its first row. Where ahead is set, the
// caller may return the error from Err instead, as pgx does.
func (r *rows) start(ctx context.Context, d *DB, sql string, args []any) error {
	for attempts := 1; ; attempts++ {
		err := r.query(ctx, sql, args)
		if err == nil && !r.any {
			err = r.Rows.Err()
		}
		next, ok := retryArgs(ctx, d, r.conn.Conn(), attempts, err, args)
		if !ok {
			return err
		}
		args = next
	}
}

// startOrRelease is start, and releases the connection if a method of an
// argument panics.
func (r *rows) startOrRelease(ctx context.Context, d *DB, sql string, args []any) error {
	started := false
	defer func() {
		if !started {
			r.release()
		}
	}()
	err := r.start(ctx, d, sql, args)
	started = true
	return err
}

func (r *rows) query(ctx context.Context, sql string, args []any) error {
	r.ahead = false
	var err error
	if r.Rows, err = r.conn.Query(ctx, sql, args...); err != nil {
		return err
	}
	r.ahead, r.any = true, r.Rows.Next()
	return nil
}

// Next moves to the next row; see [pgx.Rows].
func (r *rows) Next() bool {
	more := r.any
	if r.ahead {
		r.ahead = false
	} else {
		more = r.Rows.Next()
	}
	if !more {
		r.release()
	}
	return more
}

// Close closes the rows and releases the connection.
func (r *rows) Close() {
	if r.conn != nil {
		r.cancelRest()
	}
	r.Rows.Close()
	r.release()
}

// Err returns the error that ended the rows; see [pgx.Rows].
func (r *rows) Err() error {
	if r.cancelled {
		return nil // the error is that of the cancel
	}
	return r.Rows.Err()
}

// Scan reads the current row; see [pgx.Rows]. pgx closes its rows when a scan
// fails, so Scan releases the connection then too.
func (r *rows) Scan(dest ...any) error {
	err := r.Rows.Scan(dest...)
	if err != nil {
		r.Close()
	}
	return err
}

// Values returns the current row's values; see [pgx.Rows].
func (r *rows) Values() ([]any, error) {
	values, err := r.Rows.Values()
	if err != nil {
		r.Close()
	}
	return values, err
}

func (r *rows) release() {
	if r.conn != nil {
		release(r.conn)
		r.conn = nil
	}
}

// A row reads the first of its rows and closes them.
type row rows

// Scan reads the row; see [pgx.Row].
func (r *row) Scan(dest ...any) error {
	all := (*rows)(r)
	defer all.Close()
	if err := pgxrows.CheckRowTargets(dest); err != nil {
		return err
	}
	if !all.Next() {
		if err := all.Err(); err != nil {
			return err
		}
		return pgx.ErrNoRows
	}
	if err := all.scanRow(dest); err != nil {
		return err
	}
	all.Close()
	return all.Err()
}

// scanRow scans the current row.
func (r *rows) scanRow(dest []any) error {
	if r.state == nil {
		return r.Rows.Scan(dest...)
	}
	return r.state.scans.Scan(r.state.tracked.Current(), r.Rows, dest)
}
