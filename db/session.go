package db

import (
	"context"
	"slices"
	"strings"
	"sync"
	"unicode"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/headrace/headrace/internal/sqltext"
)

// An answer depends on more of its session than its statement shows: on the
// search path and the role, on settings such as TimeZone, on temporary tables.
// As long as sessions stay as they began they are alike, and what one answers
// any of them would have answered.

// sessionState is what became of a connection's session since it began.
type sessionState struct {
	changed string   // what changed it, "" if nothing did
	hooked  bool     // a hook set something that RESET and DISCARD would undo
	inHook  bool     // statements are those of a hook of the program's
	values  reported // that the session began with, as its hooks left it
	number  uint64   // of the connection among those of its pool
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
	*s = sessionState{hooked: s.changed != "", values: reportedBy(conn), number: number}
}

// note takes note of a statement that ran.
func (s *sessionState) note(st *statement) {
	how := changesSession(st.st)
	switch {
	case how == sessionKept:
	case how == sessionReset && !s.hooked: // to what it began with
		if strings.EqualFold(st.st.Normalized, "DISCARD ALL") {
			s.changed = ""
		}
	case s.changed == "":
		s.changed = st.st.Kind.String()
	}
}

// look takes note of settings that are not as they were, whatever changed them.
func (s *sessionState) look(conn *pgx.Conn) {
	if s.changed != "" || s.values == (reported{}) {
		return
	}
	for i, now := range reportedBy(conn) {
		if now != s.values[i] {
			s.changed = "a change of " + reportedNames[i]
			return
		}
	}
}

// sessionEffect is what a statement does to its session.
type sessionEffect uint8

const (
	sessionKept    sessionEffect = iota
	sessionReset                 // puts something back to what the session began with
	sessionChanged               // or may have
)

// changesSession tells what a text shows. What procedures and functions do to a
// session is not seen, but for the settings that the server reports.
func changesSession(st *sqltext.Statement) sessionEffect {
	for _, fn := range st.Calls {
		if fn.Name == "set_config" && !configIsLiteral(st.Text, isOwn) {
			return sessionChanged
		}
	}
	switch st.Kind {
	case sqltext.Set:
		if st.Local || leavesAnswers(st.Target) {
			return sessionKept
		}
		return sessionChanged
	case sqltext.Reset, sqltext.Discard:
		return sessionReset
	case sqltext.Execute:
		return sessionChanged
	case sqltext.Do:
		if namesOne(st.Text, temporaryWords) || namesOne(st.Text, settingWords) {
			return sessionChanged
		}
	case sqltext.DDL:
		if how := st.Temporary(); how == sqltext.CreatesForCommit || how == sqltext.DropsTemporary {
			return sessionKept
		}
		if namesOne(st.Text, temporaryWords) {
			return sessionChanged
		}
	case sqltext.Select:
		if st.MakesTemporary {
			return sessionChanged
		}
	case sqltext.Explain: // of EXECUTE, or of what makes a temporary table
		if st.MakesTemporary || st.Runs != sqltext.No && !st.TablesKnown && st.DDL == sqltext.AnyDDL {
			return sessionChanged
		}
	case sqltext.Unrecognized:
		if st.Text != "" { // "" stands for a text that is rewritten
			return sessionChanged
		}
	case sqltext.Several:
		effect := sessionKept
		for _, one := range sqltext.Statements(st.Text) {
			effect = max(effect, changesSession(one))
		}
		return effect
	}
	return sessionKept
}

// isOwn reports whether a setting is one of those in which this module counts.
func isOwn(setting string) bool { return strings.HasPrefix(setting, "headrace.") }

// leavesAnswers reports whether no answer depends on a setting: those by which
// a session is watched over, planned and logged.
func leavesAnswers(setting string) bool {
	switch setting {
	case "application_name", "client_min_messages", "synchronous_commit", "work_mem", "hash_mem_multiplier", "temp_buffers",
		"maintenance_work_mem", "jit", "random_page_cost", "seq_page_cost", "effective_cache_size", "plan_cache_mode",
		"session characteristics", "transaction", "constraints":
		return true
	}
	return strings.HasSuffix(setting, "_timeout") || strings.HasPrefix(setting, "log_") || strings.HasPrefix(setting, "enable_")
}

var (
	temporaryWords = []string{"temp", "temporary", "pg_temp"}
	settingWords   = []string{
		"set_config", "search_path", "role", "authorization", "zone", "timezone", "datestyle", "intervalstyle", "extra_float_digits",
		"bytea_output", "lc_monetary", "lc_numeric", "lc_time", "xmlbinary", "xmloption", "default_text_search_config",
		"array_nulls", "quote_all_identifiers", "timezone_abbreviations", "gin_fuzzy_search_limit",
	}
)

// namesOne reports whether one of words is a word of a text.
func namesOne(text string, words []string) bool {
	return slices.ContainsFunc(strings.FieldsFunc(text, func(r rune) bool {
		return r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r)
	}), func(field string) bool {
		return slices.ContainsFunc(words, func(word string) bool { return strings.EqualFold(word, field) })
	})
}

// watchSessions makes the pool's hooks tell which changes are theirs: what
// AfterConnect sets is what every session begins with, and what PrepareConn and
// BeforeAcquire set is the caller's context in other words, see ContextHooks.
func (d *DB) watchSessions(cfg *pgxpool.Config) {
	connected := cfg.AfterConnect
	cfg.AfterConnect = func(ctx context.Context, conn *pgx.Conn) error {
		if connected != nil {
			if err := connected(ctx, conn); err != nil {
				return err
			}
		}
		ensureState(conn).session.began(conn, d.connections.Add(1))
		return nil
	}
	if prepare := cfg.PrepareConn; prepare != nil {
		cfg.PrepareConn = func(ctx context.Context, conn *pgx.Conn) (bool, error) {
			defer ensureState(conn).session.hook(conn)()
			return prepare(ctx, conn)
		}
	}
	if acquire := cfg.BeforeAcquire; acquire != nil { //nolint:staticcheck // programs still use it
		cfg.BeforeAcquire = func(ctx context.Context, conn *pgx.Conn) bool { //nolint:staticcheck // as above
			defer ensureState(conn).session.hook(conn)()
			return acquire(ctx, conn)
		}
	}
}

// hook begins a hook; the function it returns ends it.
func (s *sessionState) hook(conn *pgx.Conn) (end func()) {
	s.look(conn)
	before := s.changed
	s.inHook = true
	return func() {
		s.inHook = false
		s.hooked = s.hooked || s.changed != before
		s.changed, s.values = before, reportedBy(conn)
	}
}

// A SessionWatch is told of the sessions in which statements ran. It may be
// used by many goroutines at once.
type SessionWatch struct {
	mu      sync.Mutex
	changed string // guarded by mu, as is
	newest  uint64
}

// Newest returns the number of the connection that was made last of those that
// statements ran on, see DB.Connections.
func (w *SessionWatch) Newest() uint64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.newest
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

// seeSession tells the context's watch, if it has one, of the session of conn.
func seeSession(ctx context.Context, s *connState, conn *pgx.Conn) {
	w, ok := ctx.Value(sessionWatchKey{}).(*SessionWatch)
	if !ok || s.session.inHook {
		return
	}
	s.session.look(conn)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.newest = max(w.newest, s.session.number)
	if s.session.changed != "" {
		w.changed = s.session.changed
	}
}
