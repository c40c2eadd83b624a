package load

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/headrace/headrace/internal/target"
)

// An index is a dropped index with the statement that creates it.
type index struct {
	name       string // quoted, with its schema
	definition string
}

// droppableQuery reads the indexes of a table that can be restored exactly.
// Unique indexes and those of constraints are needed during the load; indexes
// with properties that pg_get_indexdef omits (tablespace, comment, statistics
// targets, CLUSTER) would lose them.
const droppableQuery = `
SELECT pg_catalog.format('%I.%I', n.nspname, c.relname), pg_catalog.pg_get_indexdef(c.oid)
FROM pg_catalog.pg_index i
JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE i.indrelid = $1 AND i.indisvalid AND NOT i.indisunique AND NOT i.indisclustered
  AND NOT c.relispartition AND c.reltablespace = 0
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint k WHERE k.conindid = c.oid)
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_description d WHERE d.objoid = c.oid AND d.classoid = 'pg_catalog.pg_class'::regclass)
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_attribute a WHERE a.attrelid = c.oid AND coalesce(a.attstattarget, -1) <> -1)
ORDER BY c.relname`

// dropIndexes drops the indexes of a table that createIndexes can restore.
func dropIndexes(ctx context.Context, tx pgx.Tx, s *target.Schema) ([]index, error) {
	if s.Kind == 'p' {
		return nil, fmt.Errorf("LoadOptions.DropIndexes: %s is partitioned; load its partitions", s.RelName)
	}
	indexes, err := readIndexes(ctx, tx, s.OID)
	if err != nil {
		return nil, fmt.Errorf("ask for the indexes: %w", err)
	}
	for _, i := range indexes {
		if _, err := tx.Exec(ctx, "DROP INDEX "+i.name); err != nil {
			return nil, fmt.Errorf("drop index %s: %w", i.name, err)
		}
	}
	return indexes, nil
}

// readIndexes reads the definitions under a search path that makes them name
// every schema, and resets the search path.
func readIndexes(ctx context.Context, tx pgx.Tx, table uint32) (indexes []index, err error) {
	inner, err := tx.Begin(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, inner.Rollback(ctx)) }()
	if _, err := inner.Exec(ctx, "SET LOCAL search_path = pg_catalog"); err != nil {
		return nil, err
	}
	rows, err := inner.Query(ctx, droppableQuery, table)
	if err != nil {
		return nil, err
	}
	var i index
	_, err = pgx.ForEachRow(rows, []any{&i.name, &i.definition}, func() error {
		indexes = append(indexes, i)
		return nil
	})
	return indexes, err
}

func createIndexes(ctx context.Context, tx pgx.Tx, indexes []index) error {
	if len(indexes) == 0 {
		return nil
	}
	if _, err := tx.Exec(ctx, "SET LOCAL default_tablespace = ''"); err != nil { // the dropped indexes had none of their own
		return err
	}
	for _, i := range indexes {
		if _, err := tx.Exec(ctx, i.definition); err != nil {
			return fmt.Errorf("make index %s again: %w", i.name, err)
		}
	}
	return nil
}

// withoutIndexes runs a load in chunks with indexes dropped and recorded, if
// asked, and restores them however it ends.
func (l *Load) withoutIndexes(ctx context.Context, w target.Beginner, load func() error) (err error) {
	if l.opts.DropIndexes {
		if err := pgx.BeginFunc(ctx, w, func(tx pgx.Tx) error { return l.dropRecorded(ctx, tx) }); err != nil {
			return err
		}
	}
	defer func() {
		if err == nil || l.opts.DropIndexes {
			err = errors.Join(err, l.restoreOwn(context.WithoutCancel(ctx), w))
		}
	}()
	return load()
}

// restoreOwn restores the indexes that this load has dropped, in this call or an
// earlier one.
func (l *Load) restoreOwn(ctx context.Context, w target.Beginner) error {
	if l.opts.ID == "" || l.opts.unnamed {
		return nil
	}
	if _, err := RestoreIndexes(ctx, w, l.opts.ID); err != nil {
		return fmt.Errorf("indexes of the table may still be dropped; call batchinsert.RestoreIndexes: %w", err)
	}
	return nil
}

func (l *Load) dropRecorded(ctx context.Context, tx pgx.Tx) error {
	s, err := target.ReadSchema(ctx, tx, l.table)
	if err != nil {
		return err
	}
	indexes, err := dropIndexes(ctx, tx, s)
	if err != nil {
		return err
	}
	for _, i := range indexes {
		_, err := tx.Exec(ctx, `INSERT INTO headrace.dropped_indexes (index_name, load_id, target, definition) VALUES ($1, $2, $3, $4)`,
			i.name, l.opts.ID, l.table, i.definition)
		if err != nil {
			return fmt.Errorf("record index %s: %w", i.name, err)
		}
	}
	return nil
}

// RestoreIndexes restores the indexes that the load id has dropped, or all loads
// if id is empty, and returns their names.
func RestoreIndexes(ctx context.Context, w target.Beginner, id string) (names []string, err error) {
	err = target.InTx(ctx, w, func(tx pgx.Tx) error {
		names = nil
		if err := checkInstalled(ctx, tx); err != nil {
			return err
		}
		rows, err := tx.Query(ctx, `SELECT index_name, definition FROM headrace.dropped_indexes
WHERE load_id = $1 OR $1 = '' ORDER BY index_name FOR UPDATE`, id)
		if err != nil {
			return err
		}
		indexes, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (i index, err error) { return i, row.Scan(&i.name, &i.definition) })
		if err != nil {
			return err
		}
		for _, i := range indexes {
			if err := restore(ctx, tx, i); err != nil {
				return err
			}
			names = append(names, i.name)
		}
		return nil
	})
	return names, err
}

// restore creates an index, unless it has been created by hand.
func restore(ctx context.Context, tx pgx.Tx, i index) error {
	var there bool
	if err := tx.QueryRow(ctx, "SELECT to_regclass($1) IS NOT NULL", i.name).Scan(&there); err != nil {
		return err
	}
	if !there {
		if err := createIndexes(ctx, tx, []index{i}); err != nil {
			return err
		}
	}
	_, err := tx.Exec(ctx, "DELETE FROM headrace.dropped_indexes WHERE index_name = $1", i.name)
	return err
}
