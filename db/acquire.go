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
	"github.com/headrace/headrace/internal/profile"
)

// Acquire takes a connection from the pool. The caller must Release it.
func (d *DB) Acquire(ctx context.Context) (*pgxpool.Conn, error) {
	conn, wait, err := d.acquire(ctx)
	if err != nil {
		return nil, &acquireError{err: err}
	}
	if d.observed {
		wait.state.tracked.Acquired(wait.took(), 0, false)
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

// AcquireAllIdle takes all idle connections from the pool, as
// [pgxpool.Pool.AcquireAllIdle] does. The caller must Release each of them.
func (d *DB) AcquireAllIdle(ctx context.Context) []*pgxpool.Conn {
	all := d.pool.AcquireAllIdle(ctx)
	if d.observed {
		for _, conn := range all {
			d.tracker.TraceAcquireEnd(ctx, d.pool, pgxpool.TraceAcquireEndData{Conn: conn.Conn()}) // pgxpool does not
		}
	}
	return all
}

// Reset closes all connections of the pool, and those in use when they are
// released, as [pgxpool.Pool.Reset] does.
func (d *DB) Reset() { d.pool.Reset() }

// Config returns a copy of the pool's configuration, as [pgxpool.Pool.Config]
// does. The copy includes the handle's hooks and tracer: to open another
// handle, parse the connection string again.
func (d *DB) Config() *pgxpool.Config { return d.pool.Config() }

// take is Acquire for a statement that is sent at once: the statement begins
// when the wait ends, which saves a clock reading. The state is nil without a
// tracker.
func (d *DB) take(ctx context.Context, sql string) (*pgxpool.Conn, *connState, error) {
	conn, wait, err := d.acquire(ctx)
	if err != nil {
		return nil, nil, &acquireError{d.tracker.Text(sql).Label(), err}
	}
	if !d.observed {
		return conn, nil, nil
	}
	wait.state.tracked.Acquired(wait.took(), wait.to, true)
	return conn, wait.state, nil
}

// A wait is the time of a wait for a connection, by clock.Now.
type wait struct {
	from, to time.Duration
	state    *connState // of the connection; nil without a tracker
}

func (w wait) took() time.Duration { return w.to - w.from }

// acquire takes a connection from the pool, measures the wait and explains
// errors as Open does. Every acquire of the handle goes through it. Callers
// that run nothing the tracer sees call acquire directly: take and Acquire
// would charge their wait to the next statement on the connection.
func (d *DB) acquire(ctx context.Context) (*pgxpool.Conn, wait, error) {
	w := wait{from: clock.Now()}
	d.usage.begin(d)
	conn, err := d.pool.Acquire(ctx)
	d.usage.end()
	if err == nil && d.observed {
		w.state = d.ensureState(conn.Conn())
		w.to = w.state.tracked.Taken() // the tracer has read the clock
	} else {
		w.to = clock.Now()
	}
	d.waits.Add(w.took())
	profile.From(ctx).Wait(w.from, w.to)
	if err != nil {
		return nil, w, d.waitError(ctx, err)
	}
	return conn, w, nil
}

// release returns a connection to its pool. Every release of the handle goes
// through it. It may be called more than once.
func release(conn *pgxpool.Conn) { conn.Release() }

// An acquireError names the statement that got no connection.
type acquireError struct {
	label string // "" until a statement is known
	err   error
}

func (e *acquireError) Error() string {
	if e.label == "" {
		return "db: " + e.err.Error()
	}
	return "db: " + e.label + ": " + e.err.Error()
}

func (e *acquireError) Unwrap() error { return e.err }

// withoutLabel unwraps an acquireError, for callers that name the statement
// themselves, and returns any other error as it is.
func withoutLabel(err error) error {
	if e, ok := err.(*acquireError); ok { //nolint:errorlint // a wrapped one belongs to another layer
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

// tryAnother reports whether a call that failed with err on conn is to be tried
// on another connection: the connection was broken and the call never reached
// the server. All other idle connections may be broken too. A session that was
// about to end counts as well, which callers accept for reads only.
func (d *DB) tryAnother(ctx context.Context, conn *pgxpool.Conn, tries int, err error) bool {
	return (connecterror.NeverSent(err) || endedEarly(conn.Conn(), err)) &&
		conn.Conn().IsClosed() && ctx.Err() == nil && tries <= int(d.pool.Stat().MaxConns())
}

// early is how soon after a statement was sent its session has to end for the
// end to be unrelated to the statement: an operator who ends a session because
// of a long statement has seen it run for longer.
const early = time.Second

// endedEarly reports whether err says that the server ended the session so soon
// after the statement was sent that it had most likely decided to before.
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
