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
		ensureState(conn.Conn()).wait = wait
	}
	return conn, nil
}

// acquire is the only way from the handle to a connection: here waits are
// measured, and errors told as Open tells them. Those who run nothing that the
// tracer sees call it, since the next statement on the connection would have
// their wait on its account.
func (d *DB) acquire(ctx context.Context) (*pgxpool.Conn, time.Duration, error) {
	began := clock()
	conn, err := d.pool.Acquire(ctx)
	wait := clock() - began
	d.waits.add(wait)
	if err != nil {
		return nil, wait, acquireError(ctx, err)
	}
	return conn, wait, nil
}

func acquireError(ctx context.Context, err error) error {
	if ended := ctx.Err(); ended != nil && errors.Is(err, ended) {
		return fmt.Errorf("wait for a connection: %w", err)
	}
	return connectError(err)
}
