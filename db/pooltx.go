package db

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Transactions and batch results on a connection that the handle took from the
// pool, which they release at their end. pgxpool has the same types for
// connections that its pool takes itself, and does not export them.

// A pooledTx is a transaction; see [pgxpool.Tx].
type pooledTx struct {
	pgx.Tx // pgx adds methods in minor releases: embedded on purpose
	conn   *pgxpool.Conn
}

// Commit commits and releases the connection; see [pgxpool.Tx.Commit].
func (t *pooledTx) Commit(ctx context.Context) error {
	defer release(t.conn) // may be called again
	return t.Tx.Commit(ctx)
}

// Rollback rolls back and releases the connection; see [pgxpool.Tx.Rollback].
func (t *pooledTx) Rollback(ctx context.Context) error {
	defer release(t.conn)
	return t.Tx.Rollback(ctx)
}

// pooledResults are a batch's results; see [pgxpool.Pool.SendBatch].
type pooledResults struct {
	pgx.BatchResults // embedded as above
	conn             *pgxpool.Conn
	tx               *pooledTx // releases the connection where the batch began a transaction
	closed           bool
	err              error // of Close
}

// Close closes the batch and releases the connection, unless the batch began a
// transaction. Further calls return the same error and do nothing else: pgx's
// own Close would use the connection, which may have another holder by then.
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
