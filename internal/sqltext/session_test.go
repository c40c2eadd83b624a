package sqltext

import (
	"strings"
	"testing"
)

// A change that a statement makes to its session is written "setting", a reset
// "-setting".
func TestSessionChanges(t *testing.T) {
	const unknown, temporary = SomethingUnknown, TemporaryRelations
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
		"SELECT set_config('a.b', 'x')":                                                "a.b", // not the arguments of the server's function
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
		"DO $x$ BEGIN SET \"app\" . tenant = 'x'; END $x$":               unknown,
		"DO $$ BEGIN SET SESSION app.tenant = 'x'; END $$":               unknown,
		"DO 'BEGIN SET search_path = s2; END'":                           unknown,
		"DO E'BEGIN SET search\\x5fpath = s2; END'":                      unknown,
		"DO 'BEGIN EXECUTE ''SELECT 1''; END'":                           unknown,
		"DO $$ BEGIN RAISE NOTICE 'set a.b, execute, role'; END $$":      "",
		"DO $$ BEGIN PERFORM f($q$ search_path $q$); /* role */ END $$":  "",
		"DO $$ BEGIN -- in the temp zone\nUPDATE a SET b.c = 1; END $$":  unknown, // like SET b.c
		"DO $$ BEGIN RAISE NOTICE 'open; END $$":                         unknown,
		"SELECT 1; SET search_path = s2":                                 "search_path",
		"SET search_path = s2; SET app.tenant = 'x'; RESET search_path":  "search_path app.tenant -search_path",
		"EXECUTE p": unknown,
	} {
		var got []string
		for _, c := range Analyze(sql).SessionChanges() {
			if c.Reset {
				c.What = "-" + c.What
			}
			got = append(got, c.What)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %q, want %q", sql, got, want)
		}
	}
}
