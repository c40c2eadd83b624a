package batchinsert

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// Upsert inserts the rows that the table does not have and updates those that
// it has with other values, by the unique index that on names. Rows that are
// there with the same values are not written again; neither their triggers nor
// the write-ahead log see them. Values are the same if their bytes are: an
// interval of one month replaces one of 30 days, and 1.00 replaces 1.0. Keys are
// compared by their type's own equality, and stay as the table has them unless
// OnConflict.Update names them.
//
// A row that a BEFORE trigger suppresses is no error: see [Counts].
//
// Rows are written in the order of their keys, so that two Upserts on the same
// index do not deadlock. Where a deadlock is found nevertheless (over another
// index), Upsert starts over up to three times, if the transaction is its own
// and rows are a slice.
//
// Errors tell what those of [Table.Insert] do.
//
// Fewer than 5,000 rows of a slice are one statement, if they take no more than 16
// MiB. More, and all rows of an iterator, go by COPY through a temporary table,
// which the role must be allowed to create.
func (t *Table[T]) Upsert(ctx context.Context, w Writer, rows Source[T], on OnConflict) (Counts, error) {
	t = t.metered()
	var counts Counts
	err := startOver(ctx, w, rows.seq == nil, func() (err error) {
		if rows.fewerThan(stageFrom) {
			if counts, err = t.upsertArrays(ctx, w, rows.rows, on); !errors.Is(err, errStatementBytes) {
				return err
			}
		}
		return inTx(ctx, w, func(tx pgx.Tx) error {
			counts, err = t.upsertStaged(ctx, tx, rows, on)
			return err
		})
	})
	if err != nil {
		return Counts{}, fmt.Errorf("upsert into %s: %w", t.name, withCause(ctx, err))
	}
	t.meter.end()
	return counts, nil
}

// upsertArrays is one statement with one array per column.
func (t *Table[T]) upsertArrays(ctx context.Context, w Writer, rows []T, on OnConflict) (counts Counts, err error) {
	if len(rows) == 0 {
		return Counts{}, nil
	}
	err = withConn(ctx, w, func(q statements, conn *pgx.Conn) error {
		key := sessionOf(conn).database
		known := t.cache.get(key)
		counts, err = t.upsertKnown(ctx, q, conn, known, rows, on)
		if err == nil || errors.Is(err, errStatementBytes) {
			return err
		}
		t.cache.drop(key)
		if known == nil || !maybeStale(err) || conn.PgConn().TxStatus() == 'E' {
			return err
		}
		counts, err = t.upsertKnown(ctx, q, conn, nil, rows, on)
		return err
	})
	if err == nil {
		t.meter.at(Progress{Rows: int64(len(rows))})
	}
	return counts, err
}

func (t *Table[T]) upsertKnown(ctx context.Context, q statements, conn *pgx.Conn, s *schema, rows []T, on OnConflict) (Counts, error) {
	s, err := t.schemaOf(ctx, q, conn, s)
	if err != nil {
		return Counts{}, unsent(err)
	}
	m, c, err := t.matchConflict(ctx, q, s, on)
	if err != nil {
		return Counts{}, unsent(err)
	}
	g, err := giveArrays(conn, m, rows)
	if err != nil {
		return Counts{}, unsent(err)
	}
	u := upsert{conflict: c, match: m, into: t.quoted, given: g}
	if !u.countsBySetting() && !u.writesIdentity() {
		return u.run(ctx, q)
	}
	// Its counter lives as long as the transaction, and what comes after the rows
	// takes them back where it fails.
	var w Writer = conn
	if tx, ok := q.(pgx.Tx); ok {
		w = tx
	} else if conn.PgConn().TxStatus() != 'I' {
		return u.run(ctx, q) // in a transaction that was begun by a statement
	}
	var counts Counts
	err = inTx(ctx, w, func(tx pgx.Tx) error {
		counts, err = u.run(ctx, tx)
		return err
	})
	return counts, err
}

// matchConflict pairs fields and columns, the key's identity columns among
// them, and checks on against them.
func (t *Table[T]) matchConflict(ctx context.Context, q statements, s *schema, on OnConflict) (*match, *conflict, error) {
	m, err := t.matchFields(s, on.Keys)
	if err != nil {
		return nil, nil, err
	}
	c, err := conflictFor(ctx, q, on, m)
	return m, c, err
}

// upsertStaged sends the rows to a temporary table and upserts from there.
func (t *Table[T]) upsertStaged(ctx context.Context, tx pgx.Tx, rows Source[T], on OnConflict) (Counts, error) {
	if err := lock(ctx, tx, t.quoted); err != nil {
		return Counts{}, err
	}
	s, err := readSchema(ctx, tx, t.quoted)
	if err != nil {
		return Counts{}, err
	}
	m, c, err := t.matchConflict(ctx, tx, s, on)
	if err != nil {
		return Counts{}, err
	}
	u := upsert{conflict: c, match: m, into: t.quoted}
	u.given, err = t.giveStaged(ctx, tx, m, rows, func(g *given) []string {
		u.given = g
		return []string{u.statement()}
	})
	if err != nil {
		return Counts{}, c.explain(err)
	}
	counts, err := u.run(ctx, tx)
	if err != nil {
		return Counts{}, err
	}
	return counts, dropStage(ctx, tx)
}

// An upsert is the statement that writes the given rows.
type upsert struct {
	*conflict
	*match
	given *given
	into  string
}

// run writes the rows. q has to be a transaction where that takes several
// statements.
func (u *upsert) run(ctx context.Context, q statements) (Counts, error) {
	if u.Duplicates == Refuse { // before any is written: q may be no transaction
		first, second, err := u.given.duplicates(ctx, q, u.by())
		if err == nil && first > 0 {
			err = &DuplicateError{First: first, Second: second, Keys: u.Keys}
		}
		if err != nil {
			return Counts{}, err
		}
	}
	if u.countsBySetting() {
		if _, err := q.Exec(ctx, "SELECT set_config('"+counter+"', '0', true)"); err != nil {
			return Counts{}, err
		}
	}
	rows, err := q.Query(ctx, u.statement(), u.given.args...)
	if err != nil {
		return Counts{}, u.explain(err)
	}
	var distinct, inserted, updated, unchanged int64
	_, err = pgx.ForEachRow(rows, []any{&distinct, &inserted, &updated, &unchanged}, func() error { return nil })
	if err != nil {
		return Counts{}, u.explain(err)
	}
	if inserted > 0 && u.writesIdentity() {
		if err := moveSequences(ctx, q, u.into, u.match); err != nil {
			return Counts{}, err
		}
	}
	rest := distinct - inserted - updated
	if !u.mayBeSuppressed() {
		unchanged = rest
	}
	return Counts{
		Inserted: inserted, Updated: updated, Unchanged: unchanged, Suppressed: rest - unchanged,
		Duplicates: u.given.n - distinct,
	}, nil
}

// by is what makes rows the same.
func (u *upsert) by() []string {
	by := slices.Clone(u.keys)
	if u.apart != "" {
		by = append(by, "CASE WHEN "+u.apart+" THEN "+u.given.ordName()+" END")
	}
	return by
}

// Settings of the transaction. counter counts rows that RETURNING cannot tell:
// those updated, or, where rows may be suppressed, those unchanged. met is not
// empty once the row under way has met one in the table.
const (
	counter = "headrace.counter"
	met     = "headrace.met"
)

// byXmax reports whether RETURNING can tell inserted from updated rows by xmax,
// which ON CONFLICT's lock sets. A partitioned table has no xmax there ("cannot retrieve a
// system column in this context"), nor has a view.
func (u *upsert) byXmax() bool { return u.schema.kind == 'r' }

// mayBeSuppressed reports whether a trigger or rule may keep rows from being
// written. The condition of DO UPDATE then counts the unchanged ones, since not
// every row that RETURNING leaves out is unchanged.
func (u *upsert) mayBeSuppressed() bool { return len(u.update) > 0 && u.schema.suppresses }

func (u *upsert) countsBySetting() bool {
	return len(u.update) > 0 && (!u.byXmax() || u.schema.suppresses)
}

// count is SQL that counts a row, and is not NULL.
const count = "set_config('" + counter + "', (current_setting('" + counter + "')::bigint + 1)::text, true)"

func (u *upsert) statement() string {
	return `WITH source AS (
    ` + u.given.distinct(u.by(), u.Duplicates) + `
), written AS (
    INSERT INTO ` + u.into + ` AS target (` + u.list("") + `)` + u.overriding() + `
    SELECT ` + u.values() + ` FROM source
    ON CONFLICT ` + u.action() + `
    RETURNING ` + u.returning() + ` AS inserted
)
SELECT (SELECT count(*) FROM source), ` + u.counts() + ` FROM written`
}

func (u *upsert) action() string {
	if len(u.update) == 0 {
		return u.target() + " DO NOTHING"
	}
	set, where := assignments(u.update, "excluded")
	switch noted := "CASE WHEN set_config('" + met + "', 'yes', true) IS NULL THEN false "; {
	case u.mayBeSuppressed() && u.byXmax():
		where = "CASE WHEN " + where + " THEN true ELSE " + count + " IS NULL END"
	case u.mayBeSuppressed():
		where = noted + "WHEN " + where + " THEN true ELSE " + count + " IS NULL END"
	case !u.byXmax():
		where = "CASE WHEN " + where + " THEN " + count + " IS NOT NULL ELSE false END"
	}
	return u.target() + " DO UPDATE SET " + set + "\n    WHERE " + where
}

// assignments returns what sets columns of target to those of source, and the
// condition that this changes any: not what the types' = says, to which an
// interval of 30 days is one of a month, and numeric 1.0 is 1.00, but whether the
// bytes differ.
func assignments(columns []*tableColumn, source string) (set, differ string) {
	sets, have, want := make([]string, len(columns)), make([]string, len(columns)), make([]string, len(columns))
	for i, c := range columns {
		name := quote(c.name)
		sets[i] = name + " = " + source + "." + name
		have[i], want[i] = "target."+name+"::"+c.fullType, source+"."+name+"::"+c.fullType
	}
	return strings.Join(sets, ", "),
		"pg_catalog.record_image_ne(ROW(" + strings.Join(have, ", ") + "), ROW(" + strings.Join(want, ", ") + "))"
}

func (u *upsert) returning() string {
	switch {
	case len(u.update) > 0 && u.byXmax():
		return "(xmax = 0)"
	case u.mayBeSuppressed():
		return "(current_setting('" + met + "') = '')"
	}
	return "true"
}

// values are the columns of a row. Where RETURNING looks at met, the first of them
// empties it: a row is read, met with those in the table, and returned before the
// next is read.
func (u *upsert) values() string {
	if u.byXmax() || !u.mayBeSuppressed() {
		return u.list("")
	}
	first := quote(u.columns[0].name)
	return "CASE WHEN set_config('" + met + "', '', true) = '' THEN " + first + " END" + strings.TrimPrefix(u.list(""), first)
}

// counts are how many rows were inserted, updated and, of a statement that counts
// them, unchanged.
func (u *upsert) counts() string {
	const counted = "current_setting('" + counter + "')::bigint"
	const told = "count(*) FILTER (WHERE inserted), count(*) FILTER (WHERE NOT inserted), "
	switch {
	case u.mayBeSuppressed():
		return told + counted
	case u.countsBySetting():
		return "count(*) - " + counted + ", " + counted + ", 0::bigint"
	}
	return told + "0::bigint"
}
