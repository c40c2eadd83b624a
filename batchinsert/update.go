package batchinsert

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/headrace/headrace/internal/target"
)

// UpdateMany updates the rows of the table with the same values of the key
// columns as the given rows to the values of T's other fields. Columns without a
// field keep their value: a struct of the keys and one field updates one column.
// Rows that have the values already are not written, as by [Table.Upsert]. Rows
// that a BEFORE trigger suppresses are counted as [Counts].Suppressed. Of
// several rows with the same keys the last one is used.
//
// The rows are locked in the order of their keys before any is written, so that
// two calls, or a call and an Upsert, do not deadlock; UPDATE ... FROM alone
// locks in the order of a hash table. For other deadlocks see [Table.Upsert].
//
// Fewer than 1,000 rows of a slice are arguments of two statements, if they take
// no more than 16 MiB. More rows, and all rows of an iterator, go by COPY
// through a temporary table, which the role must be allowed to create.
//
// After an error no row was changed, unless it wraps [ErrOutcomeUnknown].
func (t *Table[T]) UpdateMany(ctx context.Context, w Writer, rows Source[T], keys ...string) (Counts, error) {
	t, err := t.metered()
	if err != nil {
		return Counts{}, err
	}
	var counts target.Counts
	err = t.writeByKey(ctx, w, rows, keys, false, (*keyedWrite).updateText, func(tx pgx.Tx, c *keyedWrite) (err error) {
		counts, err = c.update(ctx, tx)
		return err
	})
	if err != nil {
		return Counts{}, fmt.Errorf("update %s: %w", t.name, withCause(ctx, err))
	}
	t.meter.End()
	return Counts(counts), nil
}

// DeleteMany deletes the rows of the table with the same values of the key
// columns as the given rows, and returns their number. T's other fields are
// ignored. Rows are sent and locked, and errors mean the same, as by
// [Table.UpdateMany].
func (t *Table[T]) DeleteMany(ctx context.Context, w Writer, rows Source[T], keys ...string) (int64, error) {
	t, err := t.metered()
	if err != nil {
		return 0, err
	}
	var n int64
	err = t.writeByKey(ctx, w, rows, keys, true, (*keyedWrite).deleteText, func(tx pgx.Tx, c *keyedWrite) (err error) {
		n, err = c.delete(ctx, tx)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("delete from %s: %w", t.name, withCause(ctx, err))
	}
	t.meter.End()
	return n, nil
}

// A keyedWrite is an update or a delete of the rows that have given keys.
type keyedWrite struct {
	into     string
	keys     []*target.Column
	rest     []*target.Column // columns other than the keys
	relation *target.Relation
	only     string // the condition that restricts the given rows to the locked ones
}

// writeByKey runs fn, which runs the statement of text, in a transaction, with
// the relation of the rows, or, with keysAlone, of their keys.
func (t *Table[T]) writeByKey(ctx context.Context, w Writer, rows Source[T], keys []string, keysAlone bool, text func(*keyedWrite) string, fn func(pgx.Tx, *keyedWrite) error) error {
	return target.Retry(ctx, w, rows.seq == nil, func() error {
		return target.WriteTx(ctx, w, func(tx pgx.Tx) error {
			if err := target.Lock(ctx, tx, t.quoted); err != nil {
				return err
			}
			s, err := target.ReadSchema(ctx, tx, t.quoted)
			if err != nil {
				return err
			}
			m, err := t.pairFields(s, keys)
			if err != nil {
				return err
			}
			columns, err := m.KeyColumns(keys)
			if err != nil {
				return err
			}
			if keysAlone {
				m = m.Only(columns)
			}
			rest := slices.DeleteFunc(slices.Clone(m.Columns), func(c *target.Column) bool { return slices.Contains(columns, c) })
			if len(rest) == 0 && !keysAlone {
				return errors.New("all columns with a field are keys: there is nothing to update")
			}
			c := &keyedWrite{into: t.quoted, keys: columns, rest: rest}
			toCome := func(g *target.Relation) []string {
				c.relation = g
				return []string{c.source() + c.locked(), text(c)}
			}
			return t.withRelation(ctx, tx, m, rows, toCome, func(g *target.Relation) error {
				c.relation = g
				return fn(tx, c)
			})
		})
	})
}

// lockRows locks the rows with the keys, in the order of the keys, and counts
// them. It restricts the given rows to those found: a row that another
// transaction inserts afterwards is not locked, and the next statement, which
// would see it, must not write it out of order.
func (c *keyedWrite) lockRows(ctx context.Context, tx pgx.Tx) (l lockedRows, err error) {
	if c.relation.From == target.Stage {
		return c.lockStaged(ctx, tx)
	}
	var rows []int64
	sql := c.source() + `
SELECT coalesce(array_agg(` + c.relation.OrderName() + `), '{}'), count(*) FILTER (WHERE differs), (SELECT count(*) FROM ` + c.sourceName() + `) FROM (` + c.locked() + `) AS locked`
	r, err := tx.Query(ctx, sql, c.relation.Args...)
	if err != nil {
		return lockedRows{}, err
	}
	if _, err = pgx.ForEachRow(r, []any{&rows, &l.differ, &l.distinct}, func() error { return nil }); err != nil {
		return lockedRows{}, err
	}
	c.relation.Args = append(c.relation.Args, rows)
	c.only = fmt.Sprintf("WHERE %s = ANY($%d::bigint[])", c.relation.OrderName(), len(c.relation.Match.Columns)+1)
	l.found = int64(len(rows))
	return l, nil
}

// lockedRows counts rows that were locked before an update.
type lockedRows struct {
	found    int64 // rows of the table with a given key
	differ   int64 // found rows that would change; 0 if they are not counted
	distinct int64 // distinct keys given
}

// lockStaged is lockRows for a temporary table, from which it deletes the rows
// not found.
func (c *keyedWrite) lockStaged(ctx context.Context, tx pgx.Tx) (l lockedRows, err error) {
	r, err := tx.Query(ctx, c.source()+`, locked AS MATERIALIZED (
    `+c.locked()+`
), gone AS (
    DELETE FROM `+target.Stage+` AS s WHERE NOT EXISTS (SELECT FROM locked WHERE locked.`+c.relation.OrderName()+` = s.ctid)
)
SELECT count(*), count(*) FILTER (WHERE differs), (SELECT count(*) FROM `+c.sourceName()+`) FROM locked`)
	if err != nil {
		return lockedRows{}, err
	}
	_, err = pgx.ForEachRow(r, []any{&l.found, &l.differ, &l.distinct}, func() error { return nil })
	return l, err
}

// locked returns the query that locks.
func (c *keyedWrite) locked() string {
	differs := "true"
	if c.mayBeSuppressed() {
		differs = c.differ()
	}
	return `SELECT source.` + c.relation.OrderName() + `, ` + differs + ` AS differs FROM ` + c.sourceName() + ` AS source JOIN ` + c.into + ` AS target ON ` + c.same() + `
    ORDER BY ` + strings.Join(c.keyNames("source."), ", ") + ` FOR UPDATE OF target`
}

// mayBeSuppressed reports whether a trigger or rule may keep a row from being
// updated, so that a row that was not updated may not have had the values.
func (c *keyedWrite) mayBeSuppressed() bool {
	return len(c.rest) > 0 && c.relation.Match.Schema.MaySuppress
}

func (c *keyedWrite) update(ctx context.Context, tx pgx.Tx) (target.Counts, error) {
	locked, err := c.lockRows(ctx, tx)
	if err != nil {
		return target.Counts{}, err
	}
	tag, err := tx.Exec(ctx, c.updateText(), c.relation.Args...)
	if err != nil {
		return target.Counts{}, err
	}
	updated := tag.RowsAffected()
	if !c.mayBeSuppressed() {
		locked.differ = updated
	}
	return target.Counts{
		Updated: updated, Unchanged: locked.found - locked.differ, Suppressed: max(0, locked.differ-updated),
		Missing: max(0, locked.distinct-locked.found), Duplicates: c.relation.Count - locked.distinct,
	}, nil
}

func (c *keyedWrite) updateText() string {
	set, _ := target.Assignments(c.rest, "source")
	return c.source() + `
UPDATE ` + c.into + ` AS target SET ` + set + `
FROM ` + c.sourceName() + ` AS source
WHERE ` + c.same() + ` AND ` + c.differ()
}

// differ returns the condition that a given row changes the one in the table.
func (c *keyedWrite) differ() string {
	_, differ := target.Assignments(c.rest, "source")
	for _, col := range c.rest {
		if col.FullType != col.TypeName { // the comparison truncates to the length; the assignment fails
			name := target.Quote(col.Name)
			differ += " OR target." + name + " IS DISTINCT FROM source." + name
		}
	}
	return "(" + differ + ")"
}

func (c *keyedWrite) delete(ctx context.Context, tx pgx.Tx) (int64, error) {
	if _, err := c.lockRows(ctx, tx); err != nil {
		return 0, err
	}
	tag, err := tx.Exec(ctx, c.deleteText(), c.relation.Args...)
	return tag.RowsAffected(), err
}

func (c *keyedWrite) deleteText() string {
	return c.source() + `
DELETE FROM ` + c.into + ` AS target USING ` + c.sourceName() + ` AS source
WHERE ` + c.same()
}

// source returns the WITH clause of a statement, with one given row for each
// key.
func (c *keyedWrite) source() string {
	return "WITH " + c.sourceName() + " AS (\n    SELECT * FROM (" + c.relation.Distinct(c.keyNames(""), false) + ") AS last " + c.only + "\n)"
}

// sourceName returns the name of the given rows in a statement. It must not hide
// the table.
func (c *keyedWrite) sourceName() string { return c.relation.Match.Schema.UnusedName("source") }

func (c *keyedWrite) keyNames(prefix string) []string {
	names := make([]string, len(c.keys))
	for i, k := range c.keys {
		names[i] = prefix + target.Quote(k.Name)
	}
	return names
}

func (c *keyedWrite) same() string {
	same := make([]string, len(c.keys))
	for i, k := range c.keys {
		name := target.Quote(k.Name)
		same[i] = "target." + name + " = source." + name
	}
	return strings.Join(same, " AND ")
}
