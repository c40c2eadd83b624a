package db

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// What begins on a connection that the handle took out of the pool, and gives
// it back at its end. pgxpool has the same for connections that its pool takes
// itself, and no way to make them for others.

// A pooledTx is a transaction; see [pgxpool.Tx].
type pooledTx struct {
	pgx.Tx // pgx adds methods in minor releases: embedded on purpose
	conn   *pgxpool.Conn
}

// Commit commits and gives the connection back; see [pgxpool.Tx.Commit].
func (t *pooledTx) Commit(ctx context.Context) error {
	defer release(t.conn) // may be called again
	return t.Tx.Commit(ctx)
}

// Rollback rolls back and gives the connection back; see [pgxpool.Tx.Rollback].
func (t *pooledTx) Rollback(ctx context.Context) error {
	defer release(t.conn)
	return t.Tx.Rollback(ctx)
}

// pooledResults are a batch's results; see [pgxpool.Pool.SendBatch].
type pooledResults struct {
	pgx.BatchResults // embedded as above
	conn             *pgxpool.Conn
	tx               *pooledTx // has the connection where the batch began a transaction
	closed           bool
	err              error // of Close
}

// Close ends the batch and gives the connection back, unless a transaction
// goes on on it. Called again it repeats its error and no more: pgx's own would
// reach for the connection, which may be another's by then.
func (r *pooledResults) Close() error {
	if r.closed {
		return r.err
	}
	r.closed = true
	if r.tx == nil {
		defer release(r.conn)
	}
	r.err = r.BatchResults.Close()
	return r.err
}

// Tx returns the transaction that the batch began, or nil.
func (r *pooledResults) Tx() pgx.Tx {
	if r.tx == nil {
		return nil
	}
	return r.tx
}
