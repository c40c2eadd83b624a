package target

import (
	"context"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// An Upsert is the statement that writes the given rows.
type Upsert struct {
	*Conflict
	*Match
	Relation *Relation
	Into     string
}

// Run writes the rows. q has to be a transaction where that takes several
// statements.
func (u *Upsert) Run(ctx context.Context, q Statements) (Counts, error) {
	if u.Refuse != nil { // before any is written: q may be no transaction
		first, second, err := u.Relation.duplicates(ctx, q, u.by())
		if err == nil && first > 0 {
			err = u.Refuse(first, second)
		}
		if err != nil {
			return Counts{}, err
		}
	}
	if u.CountsBySetting() {
		if _, err := q.Exec(ctx, "SELECT set_config('"+counter+"', '0', true)"); err != nil {
			return Counts{}, err
		}
	}
	rows, err := q.Query(ctx, u.Statement(), u.Relation.Args...)
	if err != nil {
		return Counts{}, u.Explain(err)
	}
	var distinct, inserted, updated, unchanged int64
	_, err = pgx.ForEachRow(rows, []any{&distinct, &inserted, &updated, &unchanged}, func() error { return nil })
	if err != nil {
		return Counts{}, u.Explain(err)
	}
	if inserted > 0 && u.WritesIdentity() {
		if err := MoveSequences(ctx, q, u.Into, u.Match); err != nil {
			return Counts{}, err
		}
	}
	rest := distinct - inserted - updated
	if !u.mayBeSuppressed() {
		unchanged = rest
	}
	return Counts{
		Inserted: inserted, Updated: updated, Unchanged: unchanged, Suppressed: rest - unchanged,
		Duplicates: u.Relation.Count - distinct,
	}, nil
}

// by is what makes rows the same.
func (u *Upsert) by() []string {
	by := slices.Clone(u.keys)
	if u.exempt != "" {
		by = append(by, "CASE WHEN "+u.exempt+" THEN "+u.Relation.OrderName()+" END")
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
func (u *Upsert) byXmax() bool { return u.Schema.Kind == 'r' }

// mayBeSuppressed reports whether a trigger or rule may keep rows from being
// written. The condition of DO UPDATE then counts the unchanged ones, since not
// every row that RETURNING leaves out is unchanged.
func (u *Upsert) mayBeSuppressed() bool { return len(u.update) > 0 && u.Schema.MaySuppress }

func (u *Upsert) CountsBySetting() bool {
	return len(u.update) > 0 && (!u.byXmax() || u.Schema.MaySuppress)
}

// count is SQL that counts a row, and is not NULL.
const count = "set_config('" + counter + "', (current_setting('" + counter + "')::bigint + 1)::text, true)"

func (u *Upsert) Statement() string {
	return `WITH source AS (
    ` + u.Relation.Distinct(u.by(), u.KeepFirst) + `
), written AS (
    INSERT INTO ` + u.Into + ` AS target (` + u.List("") + `)` + u.Overriding() + `
    SELECT ` + u.values() + ` FROM source
    ON CONFLICT ` + u.action() + `
    RETURNING ` + u.returning() + ` AS inserted
)
SELECT (SELECT count(*) FROM source), ` + u.counts() + ` FROM written`
}

func (u *Upsert) action() string {
	if len(u.update) == 0 {
		return u.target() + " DO NOTHING"
	}
	set, where := Assignments(u.update, "excluded")
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

// Assignments returns what sets columns of target to those of source, and the
// condition that this changes any: not what the types' = says, to which an
// interval of 30 days is one of a month, and numeric 1.0 is 1.00, but whether the
// bytes differ.
func Assignments(columns []*Column, source string) (set, differ string) {
	sets, have, want := make([]string, len(columns)), make([]string, len(columns)), make([]string, len(columns))
	for i, c := range columns {
		name := Quote(c.Name)
		sets[i] = name + " = " + source + "." + name
		have[i], want[i] = "target."+name+"::"+c.FullType, source+"."+name+"::"+c.FullType
	}
	return strings.Join(sets, ", "),
		"pg_catalog.record_image_ne(ROW(" + strings.Join(have, ", ") + "), ROW(" + strings.Join(want, ", ") + "))"
}

func (u *Upsert) returning() string {
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
func (u *Upsert) values() string {
	if u.byXmax() || !u.mayBeSuppressed() {
		return u.List("")
	}
	first := Quote(u.Columns[0].Name)
	return "CASE WHEN set_config('" + met + "', '', true) = '' THEN " + first + " END" + strings.TrimPrefix(u.List(""), first)
}

// counts are how many rows were inserted, updated and, of a statement that counts
// them, unchanged.
func (u *Upsert) counts() string {
	const counted = "current_setting('" + counter + "')::bigint"
	const told = "count(*) FILTER (WHERE inserted), count(*) FILTER (WHERE NOT inserted), "
	switch {
	case u.mayBeSuppressed():
		return told + counted
	case u.CountsBySetting():
		return "count(*) - " + counted + ", " + counted + ", 0::bigint"
	}
	return told + "0::bigint"
}
