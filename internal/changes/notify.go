package changes

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/headrace/headrace/internal/catalog"
	"github.com/headrace/headrace/internal/sqltext"
)

// notifyOutcome announces what became visible or is in doubt. It runs on the
// goroutine of the committing call, before that call returns and after the
// transaction's locks are released.
func (t *Tracker) notifyOutcome(ctx context.Context, conn *pgx.Conn, out outcome) {
	if out.committed.none() && out.inDoubt.none() {
		return
	}
	s := Of(conn)
	a := commitReport{tracker: t, at: t.databaseOf(s), out: out, begun: s.place.version}
	if out.locked == nil && (out.committed.mayChangeSchema() || out.inDoubt.mayChangeSchema()) {
		a.schema, a.version = true, schemaMayChange(a.at)
	}
	if t.listeners.none() {
		return
	}
	ctx = context.WithoutCancel(ctx) // the commit stands even if the caller has given up
	if !out.committed.none() {
		a.writes = out.committed
		a.notifyCommitted(ctx)
	}
	if !out.inDoubt.none() {
		a.writes = out.inDoubt
		a.notifyInDoubt(ctx, brokenSession{conn.PgConn(), s.place.database.started()})
	}
}

// commitTimeout bounds the wait of a commit for the examination of its
// statements.
const commitTimeout = 3 * time.Millisecond

var errLate = errors.New("the examination has not finished")

// A commitReport finds and announces what a transaction changed.
type commitReport struct {
	tracker *Tracker
	at      *Database // nil if unknown
	out     outcome
	writes  writes // the part of out to report
	begun   int64  // the schema version when the transaction began
	schema  bool   // whether the transaction may have changed the schema
	version int64  // the schema version since then, if schema is set
}

// notifyCommitted announces what a commit changed. What is not determined
// within commitTimeout is announced as in doubt first.
func (a commitReport) notifyCommitted(ctx context.Context) {
	t := a.tracker
	notify := t.listeners.notify
	timeout := commitTimeout
	if isWatched(ctx) && !slices.ContainsFunc(a.writes.runs, func(r run) bool { return !r.RunsQuery() }) {
		timeout = examineTimeout // a cache waits for the read's examination, and a doubt would keep it from storing the entry
	} else if t.late.join(a) {
		return
	}
	changes, err := a.find(ctx, timeout)
	if errors.Is(err, errLate) {
		t.late.begin(ctx, a, notify)
		return
	}
	if err != nil {
		changes = allTables(a.cause())
	}
	notify(ctx, withDatabase(a.at, changes))
}

// notifyInDoubt announces what a transaction of unknown outcome may have
// changed. The transaction ran in a broken session. A transaction that may
// change the schema may change any table.
func (a commitReport) notifyInDoubt(ctx context.Context, session brokenSession) {
	t := a.tracker
	follow := func(ctx context.Context, changes []Change, err error) {
		if err != nil {
			changes = allTables("")
		}
		if len(changes) > 0 {
			t.doubts.begin(ctx, t, session, withDatabase(a.at, changes), a.schema)
		}
	}
	if a.schema {
		follow(ctx, allTables(a.cause()), nil)
		return
	}
	changes, err := a.find(ctx, commitTimeout)
	if !errors.Is(err, errLate) {
		follow(ctx, changes, err)
		return
	}
	all := a.notifyAllInDoubt(t.listeners.notify, ctx)
	t.requests.inBackground(func(ctx context.Context) {
		changes, err := a.find(ctx, lateTimeout)
		if ctx.Err() == nil {
			follow(ctx, changes, err)
			t.listeners.notify(ctx, withState(all, Unchanged))
		}
	})
}

// notifyAllInDoubt announces that any table may have changed, and returns the
// changes to announce once that is resolved.
func (a commitReport) notifyAllInDoubt(notify func(context.Context, []Change), ctx context.Context) []Change { //nolint:revive // ctx is that of notify
	all := withDatabase(a.at, allTables(a.cause()))
	notify(ctx, withState(all, InDoubt))
	return all
}

func hasAllTables(changes []Change) bool {
	return slices.ContainsFunc(changes, func(c Change) bool { return c.All })
}

// allTables reports a change to all tables, for statements whose effects are
// unknown. cause labels the statement.
func allTables(cause string) []Change { return []Change{{All: true, Cause: cause}} }

// cause returns the label of the first of the statements.
func (a commitReport) cause() string {
	if len(a.writes.runs) == 0 {
		return manyStatements
	}
	return a.writes.runs[0].stats.Label()
}

const manyStatements = "a transaction of many statements"

// find returns what the transaction changed, and waits for examinations for at
// most timeout.
func (a commitReport) find(ctx context.Context, timeout time.Duration) ([]Change, error) {
	changes, open := a.known()
	if len(open) == 0 {
		return changes, nil
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	for range maxExaminations {
		asked := make([]*request, len(open))
		for i, key := range open {
			asked[i] = a.tracker.request(key)
		}
		for _, q := range asked {
			if err := q.wait(ctx); err != nil && ctx.Err() != nil {
				return nil, errLate
			} else if err != nil {
				return nil, err
			}
		}
		if changes, open = a.known(); len(open) == 0 {
			return changes, nil
		}
	}
	return nil, errSchemaMoves
}

// known returns what the transaction changed, as far as it is known, and the
// examinations that are missing.
func (a commitReport) known() (changes []Change, open []requestKey) {
	switch {
	case a.out.locked != nil:
		return slices.Clone(a.out.locked), nil
	case a.writes.all:
		return a.allTables(manyStatements)
	case a.at == nil:
		return a.allTables(a.cause())
	}
	for _, r := range a.writes.runs {
		e := a.effects(r.statement)
		switch {
		case e == nil && a.tooLate(r.statement):
			return a.allTables(r.stats.Label())
		case e == nil:
			open = append(open, requestKey{st: r.statement, scope: a.out.scope})
			continue
		case r.noRows && e.full.RowsOnly:
			continue
		case !e.full.WritesKnown, e.full.DDL && !a.schema, e.full.ChangesNames && a.namesChangedUnseen():
			return a.allTables(r.stats.Label())
		}
		more := e.writes
		changes = merged(changes, more)
	}
	if !a.schema {
		return changes, open
	}
	checked, changed := a.at.schema.checkedSince(a.version)
	switch {
	case changed:
		return allTables(a.cause()), nil
	case !checked:
		open = append(open, requestKey{})
	}
	return changes, open
}

// effects returns the effects of st in the transaction, nil if unknown. The
// effects of DDL show in its text.
func (a commitReport) effects(st *statement) *effects {
	if e := st.effects.Load(); a.out.scope == catalog.PathScope && a.count(st, e) {
		return e
	}
	if e := st.writeEffects[a.out.scope].Load(); a.count(st, e) {
		return e
	}
	return nil
}

// namesChangedUnseen reports whether names in other statements may have
// resolved to other tables than was assumed when they ran.
func (a commitReport) namesChangedUnseen() bool {
	return len(a.writes.runs) > 1 && a.out.scope != catalog.AnyScope
}

func (a commitReport) count(st *statement, e *effects) bool {
	return e.validAt(a.at, a.begun) || st.Kind == sqltext.DDL && e.validIn(a.at)
}

// tooLate reports whether an examination can no longer find out what st did,
// because the schema may have changed since, or never could.
func (a commitReport) tooLate(st *statement) bool {
	switch {
	case st.Kind == sqltext.Unrecognized || st.Count != 1:
		return true
	case st.Kind == sqltext.DDL:
		return false
	}
	for _, e := range []*effects{st.writeEffects[a.out.scope].Load(), st.effects.Load()} {
		if e != nil && e.database == a.at && e.since <= a.begun && !e.outdated.Load() {
			return false // checking the schema may confirm e
		}
	}
	return a.at.schema.version.Load() != a.begun
}

// allTables reports a change to all tables. The schema may have changed too, by
// a function that creates relations.
func (a commitReport) allTables(cause string) ([]Change, []requestKey) {
	if !a.schema {
		schemaMayChange(a.at)
	}
	return allTables(cause), nil
}

// merged adds more to changes, one change for each table. A change of a table's
// own rows takes precedence.
func merged(changes, more []Change) []Change {
	for _, c := range more {
		i := slices.IndexFunc(changes, func(known Change) bool { return known.Table.OID == c.Table.OID })
		if i < 0 {
			changes = append(changes, c)
		} else {
			changes[i].Inherited = changes[i].Inherited && c.Inherited
		}
	}
	return changes
}
