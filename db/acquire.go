package db

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/headrace/headrace/internal/clock"
	"github.com/headrace/headrace/internal/connecterror"
)

// Acquire takes a connection out of the pool. The caller must Release it.
func (d *DB) Acquire(ctx context.Context) (*pgxpool.Conn, error) {
	conn, wait, err := d.acquire(ctx)
	if err != nil {
		return nil, &acquireError{err: err}
	}
	if d.observed {
		d.ensureState(conn.Conn()).tracked.Acquired(wait.took(), 0, false)
	}
	return conn, nil
}

// AcquireFunc calls f with a connection, as [pgxpool.Pool.AcquireFunc] does.
func (d *DB) AcquireFunc(ctx context.Context, f func(*pgxpool.Conn) error) error {
	conn, err := d.Acquire(ctx)
	if err != nil {
		return err
	}
	defer release(conn)
	return f(conn)
}

// AcquireAllIdle takes all idle connections out of the pool, as
// [pgxpool.Pool.AcquireAllIdle] does. The caller must Release each.
func (d *DB) AcquireAllIdle(ctx context.Context) []*pgxpool.Conn { return d.pool.AcquireAllIdle(ctx) }

// Reset closes all connections of the pool, those in use when they are given
// back, as [pgxpool.Pool.Reset] does.
func (d *DB) Reset() { d.pool.Reset() }

// Config returns a copy of the pool's configuration, as [pgxpool.Pool.Config]
// does. It includes the handle's hooks and tracer: for another handle, parse the
// connection string again.
func (d *DB) Config() *pgxpool.Config { return d.pool.Config() }

// take is Acquire for who sends a statement at once: it begins when the wait
// ends, which spares a look at the clock. The state is nil where no tracer of
// ours sits.
func (d *DB) take(ctx context.Context, sql string) (*pgxpool.Conn, *connState, error) {
	conn, wait, err := d.acquire(ctx)
	if err != nil {
		return nil, nil, &acquireError{d.tracker.Text(sql).Label(), err}
	}
	if !d.observed {
		return conn, nil, nil
	}
	s := d.ensureState(conn.Conn())
	s.tracked.Acquired(wait.took(), wait.to, true)
	return conn, s, nil
}

// A wait is for a connection, from and to what the clock told.
type wait struct{ from, to time.Duration }

func (w wait) took() time.Duration { return w.to - w.from }

// acquire is the only way from the handle to a connection: here waits are
// measured, and errors told as Open tells them. Those who run nothing that the
// tracer sees call it, since the next statement on the connection would have
// their wait on its account.
func (d *DB) acquire(ctx context.Context) (*pgxpool.Conn, wait, error) {
	w := wait{from: clock.Now()}
	d.usage.begin(d)
	conn, err := d.pool.Acquire(ctx)
	d.usage.end()
	w.to = clock.Now()
	d.waits.Add(w.took())
	if err != nil {
		return nil, w, d.waitError(ctx, err)
	}
	if s := stateOf(conn.Conn()); s != nil {
		s.taken.Store(int64(w.to))
	}
	return conn, w, nil
}

// release gives a connection back to its pool: the only way there, as acquire is
// from it. It may be called again.
func release(conn *pgxpool.Conn) { conn.Release() }

// An acquireError says for which statement no connection was had.
type acquireError struct {
	label string // "" where there is none yet
	err   error
}

func (e *acquireError) Error() string {
	if e.label == "" {
		return "db: " + e.err.Error()
	}
	return "db: " + e.label + ": " + e.err.Error()
}

func (e *acquireError) Unwrap() error { return e.err }

// withoutLabel returns what an acquireError wraps, for those who name the
// statement themselves, and any other error as it is.
func withoutLabel(err error) error {
	if e, ok := err.(*acquireError); ok { //nolint:errorlint // one that is wrapped further is somebody else's
		return e.err
	}
	return err
}

func (d *DB) waitError(ctx context.Context, err error) error {
	if ended := ctx.Err(); ended == nil || !errors.Is(err, ended) {
		return connecterror.Connect(err)
	}
	if inUse := d.inUse(); inUse != "" {
		return fmt.Errorf("wait for a connection: %s: %w", inUse, err)
	}
	return fmt.Errorf("wait for a connection: %w", err)
}

// triesAnother reports whether what failed with err on conn is to be tried on
// another connection: it never reached the server, since the connection was
// broken before. So may all others be that were idle. What only reads is tried
// again as well where it may have reached a session that was about to end.
func (d *DB) triesAnother(ctx context.Context, conn *pgxpool.Conn, tries int, err error) bool {
	return (connecterror.NeverSent(err) || endedEarly(conn.Conn(), err)) &&
		conn.Conn().IsClosed() && ctx.Err() == nil && tries <= int(d.pool.Stat().MaxConns())
}

// early is how soon after a statement was sent a session has to end for that not
// to be meant for the statement: who stops one that runs for too long has seen it
// run.
const early = time.Second

// endedEarly reports whether the server said that it ends the session on which
// the statement was sent that failed with err, and so soon that it had most
// likely done so before.
func endedEarly(conn *pgx.Conn, err error) bool {
	pgErr, ok := connecterror.Server(err)
	if !ok {
		return false
	}
	switch pgErr.Code {
	case "57P01", "57P02", "57P05": // by an administrator or a shutdown, by a crash, by idle_session_timeout
		s := stateOf(conn)
		return s != nil && clock.Now()-s.tracked.Began() < early
	}
	return false
}
