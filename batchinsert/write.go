package batchinsert

import (
	"context"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// An upsert is the statement that writes the given rows.
type upsert struct {
	*conflict
	*match
	given *given
	into  string
}

// run writes the rows. q has to be a transaction where that takes several
// statements.
func (u *upsert) run(ctx context.Context, q statements) (writeCounts, error) {
	if u.Refuse != nil { // before any is written: q may be no transaction
		first, second, err := u.given.duplicates(ctx, q, u.by())
		if err == nil && first > 0 {
			err = u.Refuse(first, second)
		}
		if err != nil {
			return writeCounts{}, err
		}
	}
	if u.countsBySetting() {
		if _, err := q.Exec(ctx, "SELECT set_config('"+counter+"', '0', true)"); err != nil {
			return writeCounts{}, err
		}
	}
	rows, err := q.Query(ctx, u.statement(), u.given.args...)
	if err != nil {
		return writeCounts{}, u.explain(err)
	}
	var distinct, inserted, updated, unchanged int64
	_, err = pgx.ForEachRow(rows, []any{&distinct, &inserted, &updated, &unchanged}, func() error { return nil })
	if err != nil {
		return writeCounts{}, u.explain(err)
	}
	if inserted > 0 && u.writesIdentity() {
		if err := moveSequences(ctx, q, u.into, u.match); err != nil {
			return writeCounts{}, err
		}
	}
	rest := distinct - inserted - updated
	if !u.mayBeSuppressed() {
		unchanged = rest
	}
	return writeCounts{
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
    ` + u.given.distinct(u.by(), u.KeepFirst) + `
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
