package migrations

import (
	"context"
	"embed"
	"fmt"
	"io/fs"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

//go:embed schema/*.sql
var ownSchema embed.FS

// ownHistory is separate from the program's: its versions are the library's.
var ownHistory = history{table: "headrace.goose_db_version", lockID: installLock}

// Install creates or updates the tables that headrace keeps for itself in the
// schema "headrace": loads and load_chunks, the ledger of resumable loads;
// quarantine, the rows that a load could not insert; and cache_entries and
// cache_versions, the results of package tablecache. It may be called at every
// start, by many processes at once, and does nothing if the tables are current.
// It leaves a database unchanged that a newer headrace has installed.
//
// Creating the schema needs CREATE on the database, once: a role without it may
// call Install after a role that has it. Nothing in headrace calls Install
// unasked; errors about missing tables name this function.
func Install(ctx context.Context, pool Pool) error {
	under, err := poolOf(pool)
	if err != nil {
		return err
	}
	if err := ensureSchema(ctx, under); err != nil {
		return packageError(fmt.Errorf("install: %w", err))
	}
	files, err := fs.Sub(ownSchema, "schema")
	if err != nil {
		return packageError(fmt.Errorf("install: %w", err))
	}
	if _, err := up(ctx, under, files, ownHistory); err != nil {
		return packageError(fmt.Errorf("install: %w", err))
	}
	return nil
}

// ensureSchema creates the schema, which must exist before the first migration
// because it contains the table of versions. CREATE SCHEMA IF NOT EXISTS is not
// enough: it needs CREATE on the database even if the schema exists, and two
// concurrent calls collide on the catalog's unique index.
func ensureSchema(ctx context.Context, pool *pgxpool.Pool) error {
	if missing, err := lacksSchema(ctx, pool); err != nil || !missing {
		return err
	}
	return pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		// Not installLock: behind a pooler another process may hold that.
		if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock($1)`, installLock+1); err != nil {
			return err
		}
		if missing, err := lacksSchema(ctx, tx); err != nil || !missing {
			return err
		}
		_, err := tx.Exec(ctx, `CREATE SCHEMA headrace`)
		return err
	})
}

// lacksSchema reads the catalog itself: to_regnamespace and IF NOT EXISTS may
// use what the session cached before it waited for a lock.
func lacksSchema(ctx context.Context, q interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}) (missing bool, err error) {
	const query = `SELECT NOT EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = 'headrace')`
	err = q.QueryRow(ctx, query).Scan(&missing)
	return missing, err
}
