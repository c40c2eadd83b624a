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

// An answer depends on more of its session than its statement shows: on the
// search path and the role, on settings such as TimeZone, on temporary tables.
// As long as sessions stay as they began they are alike, and what one answers
// any of them would have answered.

// sessionState is what became of a connection's session since it began.
type sessionState struct {
	changes sessionChanges // what is not as it was then
	hooked  sessionChanges // what hooks had set by then, which RESET and DISCARD would undo
	inHook  bool           // statements are those of a hook of the program's
	values  reported       // that the session began with, as its hooks left it
	number  uint64         // of the connection among those of its pool
	called  []*statement   // that ran before it was known whether they leave temporary relations

	// Of the open transaction, from the first change in it on.
	tx     bool
	before sessionChanges // what a rollback leads back to
	ever   sessionChanges // everything that was in changes since
}

// sessionChanges tell, by what was changed, which statement did it. A map is
// not written to once it is one's: it is copied, which few sessions need.
type sessionChanges map[string]string

// with returns the changes of c and d.
func (c sessionChanges) with(d sessionChanges) sessionChanges {
	if len(d) == 0 {
		return c
	}
	sum := maps.Clone(d)
	maps.Copy(sum, c) // who was first is told
	return sum
}

// first returns the statement of one of the changes, the same each time.
func (c sessionChanges) first() string {
	if len(c) == 0 {
		return ""
	}
	return c[slices.Min(slices.Collect(maps.Keys(c)))]
}

// reported are the settings with which the server keeps its client up to date,
// however they are changed: in functions too.
type reported [len(reportedNames)]string

var reportedNames = [...]string{"TimeZone", "DateStyle", "IntervalStyle", "session_authorization", "search_path"} // the last from 18 on

func reportedBy(conn *pgx.Conn) (r reported) {
	for i, name := range reportedNames {
		r[i] = conn.PgConn().ParameterStatus(name)
	}
	return r
}

// began says that the session is as sessions of the pool begin.
func (s *sessionState) began(conn *pgx.Conn, number uint64) {
	*s = sessionState{hooked: s.changes, values: reportedBy(conn), number: number}
}

// note takes note of a statement that ran by itself, by its figures, and of the
// end of its transaction.
func (s *sessionState) note(st *statement, label *stmtstats.Statement, inTx bool, r result) {
	if s.tx && !inTx { // it ended unseen
		s.changes, s.tx = s.ever, false
	}
	if r.err == nil || !rolledBack(st, r.err) {
		s.apply(st.Statement, label, inTx, true)
	}
	if s.tx {
		s.noteEnd(st, r)
	}
}

// noteEnd takes note of what a statement means for the transaction in which it
// ran. Where that is not certain, what was changed at any time in it counts.
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
	case kind == sqltext.Commit || kind == sqltext.Unrecognized || st.Count > 1: // it may have been committed
		s.before = s.ever
	}
}

// noteMulti takes note of statements that were sent together, some of which
// may have run.
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

// apply takes note of what a statement does to its session. Where it is not
// sure that the statement ran, and stays run, nothing is back as it was.
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

// reset takes out of changes what a statement puts back to what the session
// began with; what a hook had set then is another thing.
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

// isReset reports whether a reset of what puts back something that was changed.
// RESET ALL leaves the role (guc_tables.c, GUC_NO_RESET_ALL).
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

// maxCalled bounds the statements of a session that are not known.
const maxCalled = 16

// noteCalled takes note of a statement that may have called catalog.AnyScope, and reports
// whether that is new. What it calls may be known only later: see resolveCalled.
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

// resolveCalled takes note of what is known by now of the statements that ran. It
// returns a procedure's call of which nothing is known yet, or "".
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

// changedBy returns what changed the session, or "": a statement, or for what
// no statement shows, the setting that is not as it was.
func (s *sessionState) changedBy(conn *pgx.Conn) string {
	if len(s.changes) > 0 {
		return s.changes.first()
	}
	return s.moved(conn).first()
}

// moved returns the settings that are not as they were, whatever changed them.
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

// WatchSessions makes the pool's hooks tell which changes are theirs: what
// AfterConnect sets is what every session begins with, and what PrepareConn and
// BeforeAcquire set is the caller's context in other words, see ContextHooks.
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

// hook begins a hook; the function it returns ends it. What the hook sets is
// not a change, and what it resets is none any more.
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

// A SessionWatch is told of the sessions in which statements ran. It may be
// used by many goroutines at once.
type SessionWatch struct {
	mu        sync.Mutex
	changed   string      // guarded by mu, as are
	databases []*Database // that the statements ran on, nil for one that is not known
}

// Changed returns what had changed the session of one of the statements before
// it ran, or "".
func (w *SessionWatch) Changed() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.changed
}

type sessionWatchKey struct{}

// WatchSession returns a context whose statements tell the watch of their
// sessions. Those of a handle that is not Observed tell nothing.
func WatchSession(ctx context.Context) (context.Context, *SessionWatch) {
	w := new(SessionWatch)
	return context.WithValue(ctx, sessionWatchKey{}, w), w
}

// recordSession tells the context's watch, if it has one, of the session of conn.
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
}
