package db

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// Acquire takes a connection out of the pool. The caller must Release it.
func (d *DB) Acquire(ctx context.Context) (*pgxpool.Conn, error) {
	conn, wait, err := d.acquire(ctx)
	if err != nil {
		return nil, err
	}
	if d.observed {
		s := ensureState(conn.Conn())
		s.wait, s.timed = wait.took(), false
	}
	return conn, nil
}

// take is Acquire for who sends a statement at once: it begins when the wait
// ends, which spares a look at the clock. The state is nil where no tracer of
// ours sits.
func (d *DB) take(ctx context.Context) (*pgxpool.Conn, *connState, error) {
	conn, wait, err := d.acquire(ctx)
	if err != nil || !d.observed {
		return conn, nil, err
	}
	s := ensureState(conn.Conn())
	s.wait, s.began, s.timed = wait.took(), wait.to, true
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
	w := wait{from: clock()}
	d.usage.begin(d)
	conn, err := d.pool.Acquire(ctx)
	d.usage.end()
	w.to = clock()
	d.waits.add(w.took())
	if err != nil {
		return nil, w, d.acquireError(ctx, err)
	}
	if s := stateOf(conn.Conn()); s != nil {
		s.usage.taken.Store(int64(w.to))
	}
	return conn, w, nil
}

func (d *DB) acquireError(ctx context.Context, err error) error {
	if ended := ctx.Err(); ended == nil || !errors.Is(err, ended) {
		return connectError(err)
	}
	if inUse := d.inUse(); inUse != "" {
		return fmt.Errorf("wait for a connection: %s: %w", inUse, err)
	}
	return fmt.Errorf("wait for a connection: %w", err)
}

// triesAnother reports whether what failed with err on conn is to be tried on
// another connection: it never reached the server, since the connection was
// broken before. So may all others be that were idle.
func (d *DB) triesAnother(ctx context.Context, conn *pgxpool.Conn, tries int, err error) bool {
	return neverSent(err) && conn.Conn().IsClosed() && ctx.Err() == nil && tries <= int(d.pool.Stat().MaxConns())
}
