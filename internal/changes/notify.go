package changes

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/headrace/headrace/internal/sqltext"
)

// tellOutcome announces what became visible, or doubtful. It runs on the
// goroutine of the call that committed, before that call returns, and after
// the transaction's locks are gone.
func (t *Tracker) tellOutcome(ctx context.Context, conn *pgx.Conn, out outcome) {
	if out.committed.none() && out.doubtful.none() {
		return
	}
	s := Of(conn)
	a := account{tracker: t, at: t.databaseOf(s), out: out, begun: s.place.version}
	if out.locked == nil && (out.committed.mayChangeSchema() || out.doubtful.mayChangeSchema()) {
		a.schema, a.version = true, schemaMayChange(a.at)
	}
	if t.listeners.none() {
		return
	}
	ctx = context.WithoutCancel(ctx) // the commit stands, whatever became of its caller
	if !out.committed.none() {
		a.writes = out.committed
		a.tellCommitted(ctx)
	}
	if !out.doubtful.none() {
		a.writes = out.doubtful
		a.tellDoubtful(ctx, lostSession{conn.PgConn(), s.place.database.started()})
	}
}

// patience is how long a commit waits for what it changed to be found.
const patience = 3 * time.Millisecond

var errLate = errors.New("the server has not answered yet")

// An account finds what a transaction changed.
type account struct {
	tracker *Tracker
	at      *Database // nil where that is not known
	out     outcome
	writes  writes // of out
	begun   int64  // the schema's version when the transaction began
	schema  bool   // the transaction may have changed the schema, and this is
	version int64  // its version since
}

// tellCommitted announces what a commit changed. What is not known within a
// moment is in doubt until it is.
func (a account) tellCommitted(ctx context.Context) {
	t := a.tracker
	tell := t.listeners.tell
	most := patience
	if isWatched(ctx) && !slices.ContainsFunc(a.writes.by, func(r run) bool { return !r.RunsQuery() }) {
		most = examineTimeout // a cache waits for a read to be examined, and a doubt would keep it from being kept
	} else if t.late.join(a) {
		return
	}
	changes, err := a.find(ctx, most)
	if errors.Is(err, errLate) {
		t.late.begin(ctx, a, tell)
		return
	}
	if err != nil {
		changes = everything(a.cause())
	}
	tell(ctx, in(a.at, changes))
}

// tellDoubtful announces what a transaction may have changed whose outcome is
// unknown, and which ran in the lost session. That it may change the schema yet
// leaves open what it changes.
func (a account) tellDoubtful(ctx context.Context, session lostSession) {
	t := a.tracker
	follow := func(ctx context.Context, changes []Change, err error) {
		if err != nil {
			changes = everything("")
		}
		if len(changes) > 0 {
			t.doubts.begin(ctx, t, session, in(a.at, changes), a.schema)
		}
	}
	if a.schema {
		follow(ctx, everything(a.cause()), nil)
		return
	}
	changes, err := a.find(ctx, patience)
	if !errors.Is(err, errLate) {
		follow(ctx, changes, err)
		return
	}
	all := a.doubtAll(t.listeners.tell, ctx)
	t.inquiries.goOn(func(ctx context.Context) {
		changes, err := a.find(ctx, latestEnd)
		if ctx.Err() == nil {
			follow(ctx, changes, err)
			t.listeners.tell(ctx, inState(all, Unchanged))
		}
	})
}

// doubtAll announces that any table may have changed, and returns what has to
// be announced once that is known.
func (a account) doubtAll(tell func(context.Context, []Change), ctx context.Context) []Change { //nolint:revive // ctx is that of tell
	all := in(a.at, everything(a.cause()))
	tell(ctx, inState(all, InDoubt))
	return all
}

func isEverything(changes []Change) bool {
	return slices.ContainsFunc(changes, func(c Change) bool { return c.All })
}

// everything is what a statement may have changed of which it is not known. cause
// is how messages call the statement.
func everything(cause string) []Change { return []Change{{All: true, Cause: cause}} }

// cause returns how messages call the first of the statements.
func (a account) cause() string {
	if len(a.writes.by) == 0 {
		return manyStatements
	}
	return a.writes.by[0].stats.Label()
}

const manyStatements = "a transaction of many statements"

// find returns what the transaction changed, asking the server for at most the
// given time.
func (a account) find(ctx context.Context, most time.Duration) ([]Change, error) {
	changes, open := a.known()
	if len(open) == 0 {
		return changes, nil
	}
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	for range mostAsked {
		asked := make([]*inquiry, len(open))
		for i, key := range open {
			asked[i] = a.tracker.inquire(key)
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

// known returns what the transaction changed, as far as that is known, and what
// has to be asked for.
func (a account) known() (changes []Change, open []inquiryKey) {
	switch {
	case a.out.locked != nil:
		return slices.Clone(a.out.locked), nil
	case a.writes.all:
		return a.all(manyStatements)
	case a.at == nil:
		return a.all(a.cause())
	}
	for _, r := range a.writes.by {
		e := a.effects(r.statement)
		switch {
		case e == nil && a.tooLate(r.statement):
			return a.all(r.stats.Label())
		case e == nil:
			open = append(open, inquiryKey{st: r.statement, by: a.out.by})
			continue
		case r.noRows && e.full.RowsOnly:
			continue
		case !e.full.WritesKnown, e.full.DDL && !a.schema, e.full.MovesNames && a.movedUnseen():
			return a.all(r.stats.Label())
		}
		more := e.writes
		changes = merged(changes, more)
	}
	if !a.schema {
		return changes, open
	}
	looked, changed := a.at.schema.sawChange(a.version)
	switch {
	case changed:
		return everything(a.cause()), nil
	case !looked:
		open = append(open, inquiryKey{})
	}
	return changes, open
}

// effects returns what st did in the transaction, nil where that is not known.
// What DDL does shows in its text.
func (a account) effects(st *statement) *effects {
	if e := st.effects.Load(); a.out.by == usual && a.count(st, e) {
		return e
	}
	if e := st.wrote[a.out.by].Load(); a.count(st, e) {
		return e
	}
	return nil
}

// movedUnseen reports whether names in other statements may have stood for other
// tables than was believed when these ran.
func (a account) movedUnseen() bool { return len(a.writes.by) > 1 && a.out.by != anything }

func (a account) count(st *statement, e *effects) bool {
	return e.held(a.at, a.begun) || st.Kind == sqltext.DDL && e.hold(a.at)
}

// tooLate reports whether the server cannot tell any more what st did, since the
// schema may be another by now, or could never.
func (a account) tooLate(st *statement) bool {
	switch {
	case st.Kind == sqltext.Unrecognized || st.Count != 1:
		return true
	case st.Kind == sqltext.DDL:
		return false
	}
	for _, e := range []*effects{st.wrote[a.out.by].Load(), st.effects.Load()} {
		if e != nil && e.database == a.at && e.since <= a.begun && !e.outdated.Load() {
			return false // a look may confirm it
		}
	}
	return a.at.schema.version.Load() != a.begun
}

// all is what a transaction changed of which it is not known. It may be the
// schema as well, by a function that creates.
func (a account) all(cause string) ([]Change, []inquiryKey) {
	if !a.schema {
		schemaMayChange(a.at)
	}
	return everything(cause), nil
}

// merged adds changes to others, one for each table. What changed a table's own
// rows counts.
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
