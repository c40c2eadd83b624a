package db

import (
	"context"

	"github.com/jackc/pgx/v5/pgxpool"
)

// Acquire takes a connection out of the pool. The caller must Release it.
func (d *DB) Acquire(ctx context.Context) (*pgxpool.Conn, error) {
	began := clock()
	conn, err := d.pool.Acquire(ctx)
	if err != nil {
		return nil, err
	}
	if s := stateOf(conn.Conn()); s != nil {
		s.wait = clock() - began
		d.waits.add(s.wait)
	}
	return conn, nil
}
