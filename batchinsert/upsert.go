package batchinsert

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/headrace/headrace/internal/progress"
	"github.com/headrace/headrace/internal/target"
)

// Upsert inserts rows whose key is not in the table, and updates rows whose key
// is there with other values. on names the key, which needs a unique index. Rows
// that the table has with the same values are not written: their triggers do not
// fire, and nothing is written to the write-ahead log. Values are compared by
// their bytes: an interval of one month replaces one of 30 days, and 1.00
// replaces 1.0. Keys are compared by the equality of their type, and are not
// updated unless OnConflict.Update names them.
//
// A row that a BEFORE trigger suppresses is no error: see [Counts].
//
// Rows are written in the order of their keys, so that two Upserts on the same
// index do not deadlock. After a deadlock, which is possible over another index,
// Upsert is retried up to three times, if the transaction is its own and rows
// are a slice.
//
// Errors have the same information as those of [Table.Insert], and wrap
// [ErrOutcomeUnknown] if the rows may have been written.
//
// Fewer than 5,000 rows of a slice are one statement, if they take no more than
// 16 MiB. More rows, and all rows of an iterator, go by COPY through a temporary
// table, which the role must be allowed to create.
func (t *Table[T]) Upsert(ctx context.Context, w Writer, rows Source[T], on OnConflict) (Counts, error) {
	t, err := t.metered()
	if err != nil {
		return Counts{}, err
	}
	var counts target.Counts
	by, err := on.internal()
	if err != nil {
		return Counts{}, err
	}
	err = target.Retry(ctx, w, rows.seq == nil, func() (err error) {
		if rows.fewerThan(minStagedUpsert) {
			if counts, err = t.upsertArrays(ctx, w, rows.rows, by); !errors.Is(err, errTooLarge) {
				return err
			}
		}
		return target.WriteTx(ctx, w, func(tx pgx.Tx) error {
			counts, err = t.upsertStaged(ctx, tx, rows, by)
			return err
		})
	})
	if err != nil {
		return Counts{}, fmt.Errorf("upsert into %s: %w", t.name, withCause(ctx, err))
	}
	t.meter.End()
	return Counts(counts), nil
}

// upsertArrays writes rows by one statement with one array per column.
func (t *Table[T]) upsertArrays(ctx context.Context, w Writer, rows []T, on target.OnConflict) (counts target.Counts, err error) {
	if len(rows) == 0 {
		return target.Counts{}, nil
	}
	err = withConn(ctx, w, func(q target.Statements, conn *pgx.Conn) error {
		key := sessionOf(conn).database
		known := t.cache.get(key)
		counts, err = t.upsertKnown(ctx, q, conn, known, rows, on)
		if err == nil || errors.Is(err, errTooLarge) {
			return err
		}
		t.cache.drop(key)
		if known == nil || !mayBeStale(err) || conn.PgConn().TxStatus() == 'E' {
			return err
		}
		counts, err = t.upsertKnown(ctx, q, conn, nil, rows, on)
		return err
	})
	if err == nil {
		t.meter.At(progress.State{Rows: int64(len(rows))})
	}
	return counts, err
}

func (t *Table[T]) upsertKnown(ctx context.Context, q target.Statements, conn *pgx.Conn, s *target.Schema, rows []T, on target.OnConflict) (target.Counts, error) {
	s, err := t.schemaOf(ctx, q, conn, s)
	if err != nil {
		return target.Counts{}, err
	}
	m, c, err := t.matchConflict(ctx, q, s, on)
	if err != nil {
		return target.Counts{}, err
	}
	g, err := arraysOf(conn, m, rows)
	if err != nil {
		return target.Counts{}, err
	}
	u := target.Upsert{Conflict: c, Match: m, Into: t.quoted, Relation: g}
	if !u.CountsBySetting() && !u.WritesIdentity() {
		return u.Run(ctx, q)
	}
	// The counter is a setting of the transaction, and moving a sequence may
	// fail after the rows are written.
	var w Writer = conn
	if tx, ok := q.(pgx.Tx); ok {
		w = tx
	} else if conn.PgConn().TxStatus() != 'I' {
		return u.Run(ctx, q) // in a transaction begun by a statement
	}
	var counts target.Counts
	err = target.WriteTx(ctx, w, func(tx pgx.Tx) error {
		counts, err = u.Run(ctx, tx)
		return err
	})
	return counts, err
}

// matchConflict pairs fields with columns, including identity columns of the
// keys, and checks on against them.
func (t *Table[T]) matchConflict(ctx context.Context, q target.Statements, s *target.Schema, on target.OnConflict) (*target.Match, *target.Conflict, error) {
	m, err := t.matchFields(s, on.Keys)
	if err != nil {
		return nil, nil, err
	}
	c, err := target.ConflictFor(ctx, q, on, m)
	return m, c, err
}

// upsertStaged sends the rows to a temporary table and upserts from there.
func (t *Table[T]) upsertStaged(ctx context.Context, tx pgx.Tx, rows Source[T], on target.OnConflict) (target.Counts, error) {
	if err := target.Lock(ctx, tx, t.quoted); err != nil {
		return target.Counts{}, err
	}
	s, err := target.ReadSchema(ctx, tx, t.quoted)
	if err != nil {
		return target.Counts{}, err
	}
	m, c, err := t.matchConflict(ctx, tx, s, on)
	if err != nil {
		return target.Counts{}, err
	}
	u := target.Upsert{Conflict: c, Match: m, Into: t.quoted}
	u.Relation, err = t.stageRows(ctx, tx, m, rows, func(g *target.Relation) []string {
		u.Relation = g
		return []string{u.Statement()}
	})
	if err != nil {
		return target.Counts{}, c.Explain(err)
	}
	counts, err := u.Run(ctx, tx)
	if err != nil {
		return target.Counts{}, err
	}
	return counts, target.DropStage(ctx, tx)
}
