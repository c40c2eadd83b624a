package db

import (
	"testing"

	"github.com/headrace/headrace/internal/sqltext"
)

func TestChangesSession(t *testing.T) {
	for sql, want := range map[string]sessionEffect{
		"SELECT 1":                                   sessionKept,
		"SET statement_timeout = 10":                 sessionKept,
		"SET LOCAL search_path = s2":                 sessionKept,
		"SET TRANSACTION READ ONLY":                  sessionKept,
		"SET search_path = s2":                       sessionChanged,
		"SET TIME ZONE 'Asia/Tokyo'":                 sessionChanged,
		"SET app.tenant = 'x'":                       sessionChanged,
		"SET SESSION AUTHORIZATION joe":              sessionChanged,
		"SET ROLE joe":                               sessionChanged,
		"SELECT set_config('a.b', 'x', false)":       sessionChanged,
		"SELECT set_config('headrace.n', '0', true)": sessionKept,
		"SELECT set_config('headrace.n', '0', true), set_config('TimeZone', 'UTC', false)": sessionChanged,
		"SELECT set_config(E'headrace.n', '0', true)":                                      sessionChanged,
		"CREATE TEMP TABLE t (id int) ON COMMIT DROP":                                      sessionKept,
		"DROP TABLE pg_temp.t":                                                             sessionKept,
		"RESET ALL":                                                                        sessionReset,
		"DISCARD ALL":                                                                      sessionReset,
		"CREATE TABLE templates (id int)":                                                  sessionKept,
		"CREATE TEMP TABLE t (id int)":                                                     sessionChanged,
		"create or replace temporary view v as select 1":                                   sessionChanged,
		"CREATE TABLE pg_temp.t (id int)":                                                  sessionChanged,
		"SELECT 1 AS a INTO TEMP t":                                                        sessionChanged,
		"SELECT 1 AS a INTO pg_temp.t":                                                     sessionChanged,
		"WITH w AS (INSERT INTO a SELECT 1 FROM pg_temp.t RETURNING 1) SELECT count(*) FROM w": sessionKept,
		"DO $$ BEGIN UPDATE a SET b = 1; END $$":                                               sessionKept,
		"DO $$ BEGIN SET search_path = s2; END $$":                                             sessionChanged,
		"SELECT 1; SET search_path = s2":                                                       sessionChanged,
		"EXPLAIN ANALYZE SELECT 1 AS a INTO TEMP t":                                            sessionChanged,
		"EXPLAIN SELECT 1 AS a INTO TEMP t":                                                    sessionKept,
		"EXPLAIN ANALYZE CREATE TEMP TABLE t AS SELECT 1":                                      sessionChanged,
		"EXPLAIN ANALYZE CREATE TABLE t AS SELECT 1":                                           sessionKept,
		"EXPLAIN ANALYZE EXECUTE p":                                                            sessionChanged,
		"EXPLAIN ANALYZE SELECT * FROM t":                                                      sessionKept,
		"SELECT 1 AS a INTO pg_temp_3.t":                                                       sessionChanged,
		"SELECT temp INTO t FROM a":                                                            sessionKept,
		"EXECUTE p":                                                                            sessionChanged,
	} {
		if got := changesSession(sqltext.Analyze(sql)); got != want {
			t.Errorf("%s: %v, want %v", sql, got, want)
		}
	}
}

// A reset leads back to what the session began with, unless a hook set that.
func TestSessionStateResets(t *testing.T) {
	st := func(sql string) *statement { return &statement{Text: newText(sql)} }
	var s sessionState
	s.note(st("SET search_path = s2"))
	s.note(st("SELECT 1"))
	if s.changed == "" {
		t.Error("SET was not noted")
	}
	s.note(st("DISCARD ALL"))
	if s.changed != "" {
		t.Errorf("after DISCARD ALL: changed by %s", s.changed)
	}
	s.note(st("RESET search_path"))
	if s.changed != "" {
		t.Errorf("RESET in a session as it began: changed by %s", s.changed)
	}
	s.hooked = true
	s.note(st("DISCARD ALL"))
	if s.changed == "" {
		t.Error("DISCARD ALL undid what a hook had set")
	}
}
