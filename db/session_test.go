package db

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/headrace/headrace/internal/sqltext"
)

// What a statement changes of its session is written "setting", what it puts back
// "-setting".
func TestChangesSession(t *testing.T) {
	const unknown, temporary = somethingUnknown, temporaryRelations
	for sql, want := range map[string]string{
		"SELECT 1": "",

		"SET statement_timeout = 10":                             "",
		"SET LOCAL search_path = s2":                             "",
		"SET LOCAL TIME ZONE 'Asia/Tokyo'":                       "",
		"SET TRANSACTION READ ONLY":                              "",
		"SET CONSTRAINTS ALL DEFERRED":                           "",
		"SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY":   "",
		"SET geqo_seed = 0.5":                                    "",
		"SET max_parallel_workers_per_gather = 0":                "",
		"SET track_io_timing = on":                               "",
		"SET default_transaction_isolation TO 'repeatable read'": "",
		"set SESSION Enable_SeqScan = off":                       "",
		"SET headrace.n = 1":                                     "",

		"SET search_path = s2":                         "search_path",
		"SET search_path = default_schema":             "search_path",
		"SET search_path TO 'default'":                 "search_path",
		"SET SCHEMA 's2'":                              "search_path",
		"SET TIME ZONE 'Asia/Tokyo'":                   "timezone",
		"SET NAMES 'LATIN1'":                           "client_encoding",
		"SET app.tenant = 'x'":                         "app.tenant",
		"SET app.lock_timeout = 'x'":                   "app.lock_timeout",
		"SET enable_it.now = 'x'":                      "enable_it.now",
		"SET extra_float_digits = 0":                   "extra_float_digits",
		"SET array_nulls = off":                        "array_nulls",
		"SET quote_all_identifiers = on":               "quote_all_identifiers",
		"SET timezone_abbreviations = 'India'":         "timezone_abbreviations",
		"SET gin_fuzzy_search_limit = 10":              "gin_fuzzy_search_limit",
		"SET a_setting_of_tomorrow = 1":                "a_setting_of_tomorrow",
		"SET SESSION AUTHORIZATION joe":                "session_authorization role",
		"SET ROLE joe":                                 "role",
		"SET ROLE NONE":                                "role",
		"SET search_path TO DEFAULT":                   "-search_path",
		"SET search_path = default;":                   "-search_path",
		"SET TIME ZONE LOCAL":                          "-timezone",
		"SET TIME ZONE DEFAULT":                        "-timezone",
		"SET SESSION AUTHORIZATION DEFAULT":            "-session_authorization",
		"RESET ALL":                                    "-all",
		"RESET timezone":                               "-timezone",
		"RESET TIME ZONE":                              "-timezone",
		"RESET ROLE":                                   "-role",
		"RESET SESSION AUTHORIZATION":                  "-session_authorization",
		"RESET work_mem":                               "",
		"DISCARD ALL":                                  "-discard all",
		"DISCARD TEMP":                                 "-" + temporary,
		"DISCARD TEMPORARY":                            "-" + temporary,
		"DISCARD PLANS":                                "",
		"SELECT set_config('a.b', 'x', false)":         "a.b",
		"SELECT pg_catalog.set_config('A.b', $1, off)": "a.b",
		"SELECT set_config('a.b', $1, true)":           "",
		"SELECT set_config('search_path', f(a, (b), ARRAY[1, 2]), /* local */ TRUE)":   "",
		"SELECT set_config('a.b', 'x', $1)":                                            "a.b",
		"SELECT set_config('a.b', 'x', NOT true)":                                      "a.b",
		"SELECT set_config('a.b', 'x', 'true')":                                        "a.b",
		"SELECT set_config('a.b', 'x')":                                                "a.b", // as the server's is not called
		"SELECT set_config($1, 'x', true)":                                             unknown,
		"SELECT set_config('a' || '.b', 'x', true)":                                    unknown,
		"SELECT set_config('a.' 'b', 'x', true)":                                       unknown,
		"SELECT set_config(setting_name => 'a.b', new_value => 'x', is_local => true)": unknown,
		"SELECT set_config('headrace.n', '0', false)":                                  "",
		"SELECT set_config('work_mem', '64MB', false)":                                 "",
		"SELECT set_config('a.b', '0', true), set_config('TimeZone', 'UTC', false)":    "timezone",
		"SELECT set_config(E'headrace.n', '0', true)":                                  unknown,
		`SELECT "set_config"('a.b', '0', true), U&"set\005fconfig"('c.d', '0', false)`: unknown,
		"DECLARE c CURSOR WITH HOLD FOR SELECT set_config('a.b', 'x', true)":           "a.b",
		"PREPARE p AS SELECT set_config('a.b', 'x', false)":                            "", // EXECUTE does

		"CREATE TEMP TABLE t (id int) ON COMMIT DROP":    "",
		"DROP TABLE pg_temp.t":                           "",
		"CREATE TABLE templates (id int)":                "",
		"CREATE TEMP TABLE t (id int)":                   temporary,
		"create or replace temporary view v as select 1": temporary,
		"CREATE TABLE pg_temp.t (id int)":                temporary,
		"SELECT 1 AS a INTO TEMP t":                      temporary,
		"SELECT 1 AS a INTO pg_temp.t":                   temporary,
		"WITH w AS (INSERT INTO a SELECT 1 FROM pg_temp.t RETURNING 1) SELECT count(*) FROM w": "",

		"EXPLAIN ANALYZE SELECT 1 AS a INTO TEMP t":       temporary,
		"EXPLAIN SELECT 1 AS a INTO TEMP t":               "",
		"EXPLAIN ANALYZE CREATE TEMP TABLE t AS SELECT 1": temporary,
		"EXPLAIN ANALYZE CREATE TABLE t AS SELECT 1":      "",
		"EXPLAIN ANALYZE EXECUTE p":                       unknown,
		"EXPLAIN ANALYZE SELECT * FROM t":                 "",
		"SELECT 1 AS a INTO pg_temp_3.t":                  temporary,
		"SELECT temp INTO t FROM a":                       "",

		"DO $$ BEGIN UPDATE a SET b = 1; END $$":                         "",
		"DO $$ BEGIN SET search_path = s2; END $$":                       unknown,
		"DO $$ BEGIN SET quote_all_identifiers = on; END $$":             unknown,
		"DO $$ BEGIN set app.tenant = 'x'; END $$":                       unknown,
		"DO $$ BEGIN EXECUTE 'SET ' || (SELECT word FROM words); END $$": unknown,
		"SELECT 1; SET search_path = s2":                                 "search_path",
		"SET search_path = s2; SET app.tenant = 'x'; RESET search_path":  "search_path app.tenant -search_path",
		"EXECUTE p": unknown,
	} {
		var got []string
		for _, c := range changesSession(sqltext.Analyze(sql)) {
			if c.back {
				c.what = "-" + c.what
			}
			got = append(got, c.what)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %q, want %q", sql, got, want)
		}
	}
}

// A session goes through statements, of which "!" before one means that the server
// refused it. What is changed at their end, hooks having set app.hooked before.
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
		"EXECUTE p / RESET ALL":                                       "app.hooked something that is not known",

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
		"SET a.b = 1; RESET a.b":                                                   "a.b", // it is not told how far it got
		"!SET a.b = 1; SELECT 1":                                                   "a.b",
	} {
		s := &connState{}
		s.session.hooked = sessionChanges{"app.hooked": "hook"}
		runScript(s, script, false)
		if got := strings.Join(slices.Sorted(maps.Keys(s.session.changes)), " "); got != want {
			t.Errorf("%s: %q is changed, want %q", script, got, want)
		}
	}
}

// runScript has a session go through statements as a server would, perhaps from within
// a transaction on.
func runScript(s *connState, script string, inTx bool) {
	failed := false
	for sql := range strings.SplitSeq(script, " / ") {
		sql, refused := strings.CutPrefix(sql, "!")
		st := &statement{Text: newText(sql), stats: &fingerprintStats{name: sql}}
		r := result{status: 'T'}
		s.inTx = inTx
		if refused {
			r.err = &pgconn.PgError{Code: "42000"}
		}
		switch kind := st.st.Kind; {
		case kind == sqltext.Begin:
			inTx = true
		case kind == sqltext.Commit && failed:
			r.tag = pgconn.NewCommandTag("ROLLBACK")
			fallthrough
		case ends(st):
			inTx, failed = st.st.Chain, false
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

// Statements of a batch are gone through together.
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
		s := &connState{}
		if c.before != "" {
			runScript(s, c.before, false)
		}
		var all []*statement
		for sql := range strings.SplitSeq(c.batch, " / ") {
			all = append(all, &statement{Text: newText(sql), stats: &fingerprintStats{name: sql}})
		}
		s.session.noteTogether(all, strings.HasPrefix(c.before, "BEGIN"), c.status)
		if c.after != "" {
			runScript(s, c.after, c.status == 'T')
		}
		if got := strings.Join(slices.Sorted(maps.Keys(s.session.changes)), " "); got != c.want {
			t.Errorf("%q: %q is changed, want %q", c, got, c.want)
		}
	}
}

// A change is called by the statement that made it, without its constants.
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
