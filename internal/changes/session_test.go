package changes

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/headrace/headrace/internal/sqltext"
	"github.com/headrace/headrace/internal/stmtstats"
)

// The script lists the statements of a session; "!" marks one that the server
// rejects. want lists what is changed at the end, when hooks had set app.hooked
// before.
func TestSessionStates(t *testing.T) {
	for script, want := range map[string]string{
		"SET a.b = 1": "a.b",
		"SET a.b = 1 / SELECT 1 / SET c.d = 1 / RESET a.b": "c.d",
		"!SET a.b = 1":                     "",
		"SET a.b = 1 / SET a.b TO DEFAULT": "",
		"SET a.b = 1 / RESET ALL":          "app.hooked",
		"SET a.b = 1 / DISCARD ALL":        "app.hooked",
		"RESET app.hooked":                 "app.hooked",
		"RESET a.b":                        "",
		"SET ROLE joe / RESET ALL":         "app.hooked role",
		"SET ROLE joe / RESET ROLE":        "",
		"SET SESSION AUTHORIZATION joe / RESET SESSION AUTHORIZATION": "role",
		"CREATE TEMP TABLE t (id int) / RESET ALL":                    "app.hooked temporary relations",
		"CREATE TEMP TABLE t (id int) / DISCARD TEMP":                 "",
		"EXECUTE p / RESET ALL":                                       "app.hooked something unknown",

		"BEGIN / SET a.b = 1 / COMMIT":                                             "a.b",
		"BEGIN / SET a.b = 1 / PREPARE TRANSACTION 'x'":                            "a.b",
		"BEGIN / SET a.b = 1 / ROLLBACK":                                           "",
		"BEGIN / SET a.b = 1 / ROLLBACK AND CHAIN / SET c.d = 1 / COMMIT":          "c.d",
		"BEGIN / SET a.b = 1 / COMMIT AND CHAIN / ROLLBACK":                        "a.b",
		"BEGIN / SET a.b = 1 / !SELECT 1 / COMMIT":                                 "",
		"BEGIN / SET a.b = 1 / !COMMIT":                                            "a.b",
		"BEGIN / SET LOCAL a.b = 1 / SELECT set_config('c.d', 'x', true) / COMMIT": "",
		"SET a.b = 1 / BEGIN / RESET a.b / COMMIT":                                 "",
		"SET a.b = 1 / BEGIN / RESET a.b / ROLLBACK":                               "a.b",
		"BEGIN / SAVEPOINT s / SET a.b = 1 / ROLLBACK TO s / ROLLBACK":             "",
		"BEGIN / SET a.b = 1 / SAVEPOINT s / ROLLBACK TO s / COMMIT":               "a.b",
		"SET a.b = 1 / BEGIN / SAVEPOINT s / RESET a.b / ROLLBACK TO s / COMMIT":   "a.b",
		"BEGIN / SET a.b = 1 / COMMIT; BEGIN / ROLLBACK":                           "a.b",
		"BEGIN / SET a.b = 1 / ROLLBACK / BEGIN / SET c.d = 1 / COMMIT":            "c.d",
		"SET a.b = 1; RESET a.b":                                                   "a.b", // how far the text got is unknown
		"!SET a.b = 1; SELECT 1":                                                   "a.b",
	} {
		s := &Conn{}
		s.session.hooked = sessionChanges{"app.hooked": "hook"}
		runScript(s, script, false)
		if got := strings.Join(slices.Sorted(maps.Keys(s.session.changes)), " "); got != want {
			t.Errorf("%s: %q is changed, want %q", script, got, want)
		}
	}
}

// runScript runs statements in a session as a server would, perhaps starting in
// a transaction.
func runScript(s *Conn, script string, inTx bool) {
	failed := false
	for sql := range strings.SplitSeq(script, " / ") {
		sql, refused := strings.CutPrefix(sql, "!")
		st := &statement{Statement: sqltext.Analyze(sql), stats: stmtstats.Named(sql)}
		r := result{status: 'T'}
		s.inTx = inTx
		if refused {
			r.err = &pgconn.PgError{Code: "42000"}
		}
		switch kind := st.Kind; {
		case kind == sqltext.Begin:
			inTx = true
		case kind == sqltext.Commit && failed:
			r.tag = pgconn.NewCommandTag("ROLLBACK")
			fallthrough
		case st.EndsTransaction():
			inTx, failed = st.Chain, false
		case kind == sqltext.RollbackTo:
			r.tag, failed = pgconn.NewCommandTag("ROLLBACK"), false
		case refused:
			failed = inTx
		}
		if !inTx {
			r.status = 'I'
		}
		s.session.note(st, st.stats, s.inTx, r)
	}
}

// The statements of a batch are processed as one unit.
func TestSessionStatesOfBatches(t *testing.T) {
	for _, c := range []struct {
		before, batch, after string
		status               byte
		want                 string
	}{
		{"", "SET a.b = 1 / SELECT 1", "", 'I', "a.b"},
		{"SET a.b = 1", "RESET a.b", "", 'I', "a.b"},
		{"BEGIN", "SET a.b = 1", "ROLLBACK", 'T', ""},
		{"BEGIN / SET a.b = 1", "SELECT 1", "ROLLBACK", 'T', ""},
		{"BEGIN", "SET a.b = 1 / COMMIT", "", 'I', "a.b"},
		{"BEGIN", "SET a.b = 1 / COMMIT / BEGIN", "ROLLBACK", 'T', "a.b"},
		{"", "SET a.b = 1 / BEGIN", "ROLLBACK", 'T', "a.b"},
		{"BEGIN / SET a.b = 1", "ROLLBACK", "", 'I', "a.b"},
	} {
		s := &Conn{}
		if c.before != "" {
			runScript(s, c.before, false)
		}
		var all []*statement
		for sql := range strings.SplitSeq(c.batch, " / ") {
			all = append(all, &statement{Statement: sqltext.Analyze(sql), stats: stmtstats.Named(sql)})
		}
		s.session.noteMulti(all, strings.HasPrefix(c.before, "BEGIN"), c.status)
		if c.after != "" {
			runScript(s, c.after, c.status == 'T')
		}
		if got := strings.Join(slices.Sorted(maps.Keys(s.session.changes)), " "); got != c.want {
			t.Errorf("%q: %q is changed, want %q", c, got, c.want)
		}
	}
}

// The label of a change is that of the statement, without constants.
func TestSessionChangesNameTheStatement(t *testing.T) {
	table := newStatementTable()
	for sql, want := range map[string]string{
		"SET app.tenant = 'secret'":                                  "set app.tenant to ?",
		"-- name: Become :exec\nSELECT set_config('a.b', $1, false)": "Become",
	} {
		st := table.get(sql)
		var s sessionState
		s.note(st, table.statsOf(st, sql), false, result{status: 'I'})
		s.note(st, table.statsOf(table.get("SELECT 1"), "SELECT 1"), false, result{status: 'I', err: errors.New("later")})
		if got := s.changes.first(); got != want {
			t.Errorf("%s: changed by %q, want %q", sql, got, want)
		}
	}
}
