package changes

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/headrace/headrace/internal/sqltext"
	"github.com/headrace/headrace/internal/stmtstats"
)

// A result depends on state of its session that the statement does not show:
// the search path, the role, settings such as TimeZone, temporary tables.
// Sessions of a pool that keep their initial state are interchangeable: each
// would return the same result.

// A sessionState records how a connection's session differs from its initial
// state.
type sessionState struct {
	changes sessionChanges // what differs now
	hooked  sessionChanges // what hooks had set initially, which RESET and DISCARD would undo
	inHook  bool           // a hook of the program is running
	values  reported       // initial values, as the hooks left them
	number  uint64         // of the connection in its pool
	called  []*statement   // statements that ran before it was known whether they leave temporary relations

	// State of the open transaction, from its first change on.
	tx     bool
	before sessionChanges // changes to restore on a rollback
	ever   sessionChanges // everything that was in changes since then
}

// sessionChanges maps what was changed to the label of the statement that
// changed it. The maps are immutable: changes are made on copies, which few
// sessions need.
type sessionChanges map[string]string

// with returns the union of c and d.
func (c sessionChanges) with(d sessionChanges) sessionChanges {
	if len(d) == 0 {
		return c
	}
	sum := maps.Clone(d)
	maps.Copy(sum, c) // the earlier statement wins
	return sum
}

// first returns the statement of one of the changes, always the same one.
func (c sessionChanges) first() string {
	if len(c) == 0 {
		return ""
	}
	return c[slices.Min(slices.Collect(maps.Keys(c)))]
}

// reported holds the settings that the server reports to its client whenever
// they change, in functions too.
type reported [len(reportedNames)]string

var reportedNames = [...]string{"TimeZone", "DateStyle", "IntervalStyle", "session_authorization", "search_path"} // the last from 18 on

func reportedBy(conn *pgx.Conn) (r reported) {
	for i, name := range reportedNames {
		r[i] = conn.PgConn().ParameterStatus(name)
	}
	return r
}

// began records that the session is in its initial state.
func (s *sessionState) began(conn *pgx.Conn, number uint64) {
	*s = sessionState{hooked: s.changes, values: reportedBy(conn), number: number}
}

// note records a statement that ran, and the end of its transaction.
func (s *sessionState) note(st *statement, label *stmtstats.Statement, inTx bool, r result) {
	if s.tx && !inTx { // the transaction ended unnoticed
		s.changes, s.tx = s.ever, false
	}
	if r.err == nil || !rolledBack(st, r.err) {
		s.apply(st.Statement, label, inTx, true)
	}
	if s.tx {
		s.noteEnd(st, r)
	}
}

// noteEnd records what a statement means for its transaction. If that is
// uncertain, everything that was changed at any time in the transaction counts.
func (s *sessionState) noteEnd(st *statement, r result) {
	kind, ended := st.Kind, r.status == 'I'
	switch {
	case r.err == nil && (kind == sqltext.Rollback || kind == sqltext.Commit && r.tag.String() == "ROLLBACK"):
		s.changes, s.ever = s.before, s.before
		s.tx = !ended // AND CHAIN
	case r.err == nil && ended && st.EndsTransaction():
		s.tx = false
	case ended:
		s.changes, s.tx = s.ever, false
	case kind == sqltext.RollbackTo:
		s.changes = s.ever
	case kind == sqltext.Commit || kind == sqltext.Unrecognized || st.Count > 1: // the transaction may have committed
		s.before = s.ever
	}
}

// noteMulti records statements that were sent in one message, some of which may
// have run.
func (s *sessionState) noteMulti(all []*statement, inTx bool, status byte) {
	divided := false
	for _, st := range all {
		s.apply(st.Statement, st.stats, inTx || status != 'I', false)
		divided = divided || st.IsSavepoint() || st.EndsTransaction() || st.MayCommit()
	}
	switch {
	case !s.tx:
	case status == 'I':
		s.changes, s.tx = s.ever, false
	case divided || !inTx:
		s.changes, s.before = s.ever, s.ever
	}
}

// apply records what a statement does to its session. Unless it is sure that
// the statement ran and will not be rolled back, resets are ignored.
func (s *sessionState) apply(st *sqltext.Statement, label *stmtstats.Statement, inTx, sure bool) {
	list := st.SessionChanges()
	if len(list) == 0 {
		return
	}
	if inTx && !s.tx {
		s.tx, s.before, s.ever = true, s.changes, s.changes
	}
	sure = sure && st.Count == 1
	changes := make(sessionChanges)
	for _, c := range list {
		if !c.Reset {
			changes[c.What] = label.Label()
		}
	}
	changes = s.changes.with(changes)
	for _, c := range list {
		if c.Reset {
			changes = s.reset(changes, c.What, label, sure)
		}
	}
	s.changes = changes
	if s.tx {
		s.ever = s.ever.with(changes)
	}
}

// reset removes from changes what a statement resets to its initial value. What
// a hook had set is then changed, too.
func (s *sessionState) reset(changes sessionChanges, what string, label *stmtstats.Statement, sure bool) sessionChanges {
	changes = maps.Clone(changes)
	if sure {
		if isReset(sqltext.TemporaryRelations, what) {
			s.called = nil
		}
		maps.DeleteFunc(changes, func(changed, _ string) bool { return isReset(changed, what) })
	}
	for set := range s.hooked {
		if _, ok := changes[set]; !ok && (isReset(set, what) || set == sqltext.SomethingUnknown) {
			changes = changes.with(sessionChanges{set: label.Label()})
		}
	}
	return changes
}

// isReset reports whether a reset of what restores something that was changed.
// RESET ALL keeps the role (guc_tables.c, GUC_NO_RESET_ALL).
func isReset(changed, what string) bool {
	switch what {
	case "discard all":
		return true
	case "all":
		switch changed {
		case "role", "session_authorization", sqltext.TemporaryRelations, sqltext.SomethingUnknown:
			return false
		}
		return true
	}
	return changed == what
}

// maxCalled bounds sessionState.called.
const maxCalled = 16

// noteCalled records a statement that may have called anything, and reports
// whether it was not recorded yet. resolveCalled evaluates it later.
func (s *sessionState) noteCalled(st *statement) bool {
	if slices.Contains(s.called, st) {
		return false
	}
	if len(s.called) == maxCalled {
		s.called = slices.Delete(s.called, 0, 1)
	}
	s.called = append(s.called, st)
	return true
}

// resolveCalled evaluates the recorded statements whose effects are known by
// now. It returns the label of a procedure call whose effects are still
// unknown, or "".
func (s *sessionState) resolveCalled(at *Database) (unknown string) {
	s.called = slices.DeleteFunc(s.called, func(st *statement) bool {
		leaves, known := st.leavesTemporary(at)
		switch {
		case leaves:
			s.changes = s.changes.with(sessionChanges{sqltext.TemporaryRelations: st.stats.Label()})
		case !known && st.Kind == sqltext.Call:
			unknown = st.stats.Label()
		}
		return known
	})
	return unknown
}

// changedBy returns what changed the session, or "": the label of a statement,
// or, for a change that no statement shows, the name of the setting.
func (s *sessionState) changedBy(conn *pgx.Conn) string {
	if len(s.changes) > 0 {
		return s.changes.first()
	}
	return s.moved(conn).first()
}

// moved returns the reported settings that differ from their initial values,
// whatever changed them.
func (s *sessionState) moved(conn *pgx.Conn) (moved sessionChanges) {
	if s.values == (reported{}) {
		return nil
	}
	for i, now := range reportedBy(conn) {
		if now != s.values[i] {
			moved = moved.with(sessionChanges{strings.ToLower(reportedNames[i]): "a change of " + reportedNames[i]})
		}
	}
	return moved
}

// WatchSessions wraps the pool's hooks to recognize their changes. Every
// session begins with what AfterConnect sets. What PrepareConn and
// BeforeAcquire set depends on the caller's context; see
// cacheapi.Handle.ContextHooks.
func (t *Tracker) WatchSessions(cfg *pgxpool.Config) {
	connected := cfg.AfterConnect
	cfg.AfterConnect = func(ctx context.Context, conn *pgx.Conn) error {
		if connected != nil {
			if err := connected(ctx, conn); err != nil {
				return err
			}
		}
		Ensure(conn).session.began(conn, t.connections.Add(1))
		return nil
	}
	if prepare := cfg.PrepareConn; prepare != nil {
		cfg.PrepareConn = func(ctx context.Context, conn *pgx.Conn) (bool, error) {
			defer Ensure(conn).session.hook(conn)()
			return prepare(ctx, conn)
		}
	}
	if acquire := cfg.BeforeAcquire; acquire != nil { //nolint:staticcheck // programs still use it
		cfg.BeforeAcquire = func(ctx context.Context, conn *pgx.Conn) bool { //nolint:staticcheck // as above
			defer Ensure(conn).session.hook(conn)()
			return acquire(ctx, conn)
		}
	}
}

// hook records the begin of a hook; the function that it returns records its
// end. What the hook sets does not count as a change, and what it resets no
// longer does.
func (s *sessionState) hook(conn *pgx.Conn) (end func()) {
	s.changes = s.changes.with(s.moved(conn))
	before := s.changes
	s.inHook = true
	return func() {
		s.inHook = false
		left := make(sessionChanges)
		for what, by := range s.changes {
			if _, ok := before[what]; ok {
				left[what] = by
			} else if _, ok := s.hooked[what]; !ok {
				s.hooked = s.hooked.with(sessionChanges{what: by})
			}
		}
		s.changes, s.values = left, reportedBy(conn)
	}
}

// A SessionWatch records the sessions in which statements ran. It is safe for
// concurrent use.
type SessionWatch struct {
	mu        sync.Mutex
	changed   string         // guarded by mu
	hooked    sessionChanges // what hooks had set; guarded by mu
	databases []*Database    // of the statements, nil for an unknown one; guarded by mu
}

// Changed returns what had changed the session of one of the statements before
// it ran, or "".
func (w *SessionWatch) Changed() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.changed
}

type sessionWatchKey struct{}

// WatchSession returns a context, and a watch that records the sessions of its
// statements. It records nothing for a handle that adopted its pool.
func WatchSession(ctx context.Context) (context.Context, *SessionWatch) {
	w := new(SessionWatch)
	return context.WithValue(ctx, sessionWatchKey{}, w), w
}

// recordSession adds the session of conn to the watch of ctx, if it has one.
func recordSession(ctx context.Context, s *Conn, conn *pgx.Conn) {
	w, ok := ctx.Value(sessionWatchKey{}).(*SessionWatch)
	if !ok || s.session.inHook {
		return
	}
	unknown := ""
	if len(s.session.called) > 0 {
		unknown = s.session.resolveCalled(s.tracker.databaseOf(s))
	}
	changed := cmp.Or(s.session.changedBy(conn), unknown)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.noteDatabase(s.place.now())
	if changed != "" {
		w.changed = changed
	}
	if len(s.session.hooked) > 0 {
		w.hooked = w.hooked.with(s.session.hooked)
	}
}

// Hooked returns the settings that hooks had made in the sessions of the
// statements, and the names of other things that they had changed, sorted.
func (w *SessionWatch) Hooked() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Sorted(maps.Keys(w.hooked))
}
