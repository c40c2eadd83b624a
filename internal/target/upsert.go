package target

import (
	"context"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// An Upsert writes the rows of a Relation by INSERT ... ON CONFLICT.
type Upsert struct {
	*Conflict
	*Match
	Relation *Relation
	Into     string
}

// Run writes the rows. q must be a transaction where CountsBySetting is true.
func (u *Upsert) Run(ctx context.Context, q Statements) (Counts, error) {
	if u.Refuse != nil { // first, since q may not be a transaction
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
	var distinct, inserted, updated, unchanged int64
	err := Write(q, func() error {
		rows, err := q.Query(ctx, u.Statement(), u.Relation.Args...)
		if err == nil {
			_, err = pgx.ForEachRow(rows, []any{&distinct, &inserted, &updated, &unchanged}, func() error { return nil })
		}
		return err
	})
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

// by returns the expressions by which rows are duplicates.
func (u *Upsert) by() []string {
	by := slices.Clone(u.keys)
	if u.exempt != "" {
		by = append(by, "CASE WHEN "+u.exempt+" THEN "+u.Relation.OrderName()+" END")
	}
	return by
}

// Settings of the transaction that pass figures from one clause to another.
// counter counts the rows that RETURNING cannot identify: the updated ones, or,
// where rows may be suppressed, the unchanged ones. met is not empty once the
// current row has conflicted with one in the table.
const (
	counter = "headrace.counter"
	met     = "headrace.met"
)

// byXmax reports whether RETURNING can distinguish inserted from updated rows by
// xmax, which ON CONFLICT's lock sets. It cannot for partitioned tables ("cannot
// retrieve a system column in this context") and views.
func (u *Upsert) byXmax() bool { return u.Schema.Kind == 'r' }

// mayBeSuppressed reports whether a trigger or rule may keep rows from being
// written. A row that RETURNING omits is then not necessarily unchanged, so that
// the condition of DO UPDATE counts the unchanged ones.
func (u *Upsert) mayBeSuppressed() bool { return len(u.update) > 0 && u.Schema.MaySuppress }

// CountsBySetting reports whether the statement counts the rows that it updates
// in a setting of the session.
func (u *Upsert) CountsBySetting() bool {
	return len(u.update) > 0 && (!u.byXmax() || u.Schema.MaySuppress)
}

// count is an SQL expression that increments counter. It is not NULL.
const count = "set_config('" + counter + "', (current_setting('" + counter + "')::bigint + 1)::text, true)"

// Statement returns the SQL of the upsert.
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

// Assignments returns the assignments that set columns of target to those of
// source, and the condition that this changes a value. Values are compared by
// their bytes: for the operator =, an interval of 30 days equals one of a month,
// and numeric 1.0 equals 1.00.
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

// values returns the expressions of a row's columns. Where RETURNING reads met,
// the first expression resets it: the server evaluates a row, checks it for
// conflicts and returns it before it evaluates the next.
func (u *Upsert) values() string {
	if u.byXmax() || !u.mayBeSuppressed() {
		return u.List("")
	}
	first := Quote(u.Columns[0].Name)
	return "CASE WHEN set_config('" + met + "', '', true) = '' THEN " + first + " END" + strings.TrimPrefix(u.List(""), first)
}

// counts returns the expressions for the numbers of rows inserted, updated and,
// where they are counted, unchanged.
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
