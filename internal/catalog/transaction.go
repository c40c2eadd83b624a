package catalog

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

const (
	lockNotAvailable    = "55P03"
	featureNotSupported = "0A000" // what a standby says to READ WRITE
)

// beginQuery takes the snapshot with its last statement, before anything of
// the examined one is looked at: a change of the schema in between is then not
// in Version, and noticed with the next one.
//
// lock_timeout keeps an examined statement from waiting for the very
// transaction on whose behalf it is examined.
const beginQuery = `
SET LOCAL lock_timeout = '100ms';
SET LOCAL check_function_bodies = off;
SAVEPOINT ` + savepoint + `;
SELECT pg_catalog.current_setting('search_path')`

// inTransaction calls fn with the session's search path in a transaction that
// it rolls back.
func inTransaction(ctx context.Context, conn *pgconn.PgConn, fn func(path string) error) (err error) {
	defer func() { err = errors.Join(err, rollback(ctx, conn)) }()
	path, err := begin(ctx, conn, "READ WRITE")
	if pgErr, ok := errors.AsType[*pgconn.PgError](err); ok && pgErr.Code == featureNotSupported {
		if err := rollback(ctx, conn); err != nil {
			return err
		}
		path, err = begin(ctx, conn, "READ ONLY")
	}
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	return fn(path)
}

func begin(ctx context.Context, conn *pgconn.PgConn, mode string) (path string, err error) {
	results, err := conn.Exec(ctx, "BEGIN ISOLATION LEVEL REPEATABLE READ, "+mode+";"+beginQuery).ReadAll()
	if err != nil {
		return "", err
	}
	return string(results[len(results)-1].Rows[0][0]), nil
}

// narrowPath has the names in all that follows in the transaction mean the
// server's own objects, also after going back to the savepoint.
func narrowPath(ctx context.Context, conn *pgconn.PgConn) error {
	_, err := conn.Exec(ctx, "SET LOCAL search_path = pg_catalog, pg_temp; SAVEPOINT "+savepoint).ReadAll()
	if err != nil {
		return fmt.Errorf("set search path: %w", err)
	}
	return nil
}

// rollback ends the transaction, also when ctx has ended.
func rollback(ctx context.Context, conn *pgconn.PgConn) error {
	if conn.IsClosed() || conn.TxStatus() == 'I' {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if _, err := conn.Exec(ctx, "ROLLBACK").ReadAll(); err != nil {
		return fmt.Errorf("roll back: %w", err)
	}
	return nil
}
