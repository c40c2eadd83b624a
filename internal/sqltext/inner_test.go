package sqltext

import (
	"fmt"
	"slices"
	"testing"
)

func TestInnerStatements(t *testing.T) {
	for _, test := range []struct {
		text, inner string
		runs        Claim
	}{
		{"EXPLAIN SELECT 1", "SELECT 1", No},
		{"explain analyze verbose (select 1) union select 2;", "(select 1) union select 2", Yes},
		{"EXPLAIN VERBOSE SELECT 1", "SELECT 1", No},
		{"EXPLAIN (ANALYZE) (SELECT 1)", "(SELECT 1)", Yes},
		{"EXPLAIN ((SELECT 1))", "((SELECT 1))", No},
		{"EXPLAIN (VALUES (1))", "(VALUES (1))", No},
		{"EXPLAIN (TABLE a) -- last", "(TABLE a)", No},
		{"EXPLAIN (verbose, analyze off) WITH a AS (SELECT 1) TABLE a", "WITH a AS (SELECT 1) TABLE a", No},
		{"EXPLAIN (analyze 7) SELECT 1", "SELECT 1", Unknown},
		{"EXPLAIN ANALYZE EXECUTE p(1)", "EXECUTE p(1)", Yes},
		{"EXPLAIN ANALYZE DECLARE c CURSOR FOR SELECT 1", "DECLARE c CURSOR FOR SELECT 1", Yes},
		{"EXPLAIN ANALYZE CREATE TABLE index AS SELECT 1 WITH DATA", "CREATE TABLE index AS SELECT 1 WITH DATA", Yes},
		{"EXPLAIN ANALYZE REFRESH MATERIALIZED VIEW a", "REFRESH MATERIALIZED VIEW a", Yes},
		{"EXPLAIN (ANALYZE", "", Yes},
		{"EXPLAIN", "", No},
		{"COPY (SELECT (1)) TO STDOUT", "SELECT (1)", Yes},
		{"COPY ((SELECT 1) UNION SELECT ')') TO '/tmp/x' WITH (FORMAT csv)", "(SELECT 1) UNION SELECT ')'", Yes},
		{"COPY a (b) TO STDOUT", "", Unknown},
		{"COPY (SELECT 1", "", Unknown},
		{"DECLARE hold NO SCROLL CURSOR WITH HOLD FOR (SELECT 1 FOR UPDATE)", "(SELECT 1 FOR UPDATE)", Yes},
		{`DECLARE "for" CURSOR FOR SELECT 1 FOR SHARE`, "SELECT 1 FOR SHARE", Yes},
		{"DECLARE c CURSOR", "", Yes},
		{`PREPARE "as" (int, numeric(9, 2)) AS DELETE FROM a`, "DELETE FROM a", No},
		{"PREPARE TRANSACTION 'x'", "", Unknown},
		{"CREATE TABLE a.as (b, c) USING heap WITH (x = 1) ON COMMIT DROP TABLESPACE d AS SELECT 1 AS e WITH NO DATA", "SELECT 1 AS e", No},
		{"CREATE TABLE a AS WITH data AS (SELECT 1) TABLE data", "WITH data AS (SELECT 1) TABLE data", Yes},
		{"CREATE UNLOGGED TABLE a AS EXECUTE p(1) WITH DATA", "EXECUTE p(1)", Yes},
		{"CREATE TABLE a (b int)", "", Unknown},
		{"CREATE MATERIALIZED VIEW a (b) AS (SELECT 1) UNION SELECT 2", "(SELECT 1) UNION SELECT 2", Yes},
		{"CREATE OR REPLACE TEMP RECURSIVE VIEW a (b) WITH (security_barrier) AS SELECT 1 WITH LOCAL CHECK OPTION", "SELECT 1", No},
		{"CREATE VIEW a AS TABLE b WITH CHECK OPTION", "TABLE b", No},
		{"CREATE FUNCTION f() RETURNS int AS 'SELECT 1' LANGUAGE sql", "", Unknown},
		{"SELECT 1; EXPLAIN SELECT 2", "", Unknown},
	} {
		st := Analyze(test.text)
		if got := st.Inner.Of(test.text); got != test.inner || st.Runs != test.runs {
			t.Errorf("%s: %q, runs %v; want %q, %v", test.text, got, st.Runs, test.inner, test.runs)
		}
	}
}

func TestDDLByItsGrammar(t *testing.T) {
	for text, want := range map[string]string{
		"CREATE TABLE a (b int PRIMARY KEY, c text DEFAULT f() CHECK (c > ''), d int GENERATED ALWAYS AS IDENTITY, e int REFERENCES g) WITH (fillfactor = 70)": "defines",
		"CREATE TABLE IF NOT EXISTS index (temp int)":               "defines",
		"CREATE TEMP TABLE a (b int)":                               "defines temporary",
		"CREATE LOCAL TEMPORARY TABLE a (b int)":                    "defines temporary",
		"CREATE TABLE pg_temp.a (b int)":                            "defines temporary",
		"CREATE TABLE temp (a int)":                                 "defines",
		"CREATE TABLE a (b int GENERATED ALWAYS AS (f(1)) STORED)":  "any",
		"CREATE TABLE a (LIKE b INCLUDING ALL)":                     "index",
		"CREATE TABLE a (b int) INHERITS (c)":                       "any",
		"CREATE TABLE a PARTITION OF b FOR VALUES IN (f())":         "any",
		"CREATE TABLE a (b int) PARTITION BY LIST (f(b))":           "any",
		"CREATE TABLE a OF b":                                       "any",
		"CREATE TABLE a (EXCLUDE USING gist (f(1) WITH =))":         "any",
		"CREATE TABLE index AS SELECT 1":                            "fills",
		"CREATE TABLE temp AS SELECT 1":                             "fills",
		"CREATE TEMP TABLE index AS SELECT 1":                       "fills temporary",
		"CREATE MATERIALIZED VIEW index AS SELECT 1":                "fills",
		"SELECT 1 INTO index":                                       "fills",
		"SELECT 1 INTO TEMP a":                                      "fills temporary",
		"SELECT 1 INTO pg_temp_3.a":                                 "fills temporary",
		"SELECT temp FROM a":                                        "any",
		"EXPLAIN ANALYZE CREATE TEMP TABLE a AS SELECT 1":           "fills temporary",
		"EXPLAIN ANALYZE SELECT 1 INTO TEMP a":                      "fills temporary",
		"EXPLAIN SELECT 1 INTO TEMP a":                              "any",
		"CREATE INDEX ON a (b)":                                     "index",
		"CREATE UNIQUE INDEX table ON a (f(b)) WHERE b IS NOT NULL": "index",
		"CREATE INDEX ON a (b":                                      "any",
		"CREATE VIEW index AS SELECT f()":                           "defines",
		"CREATE OR REPLACE TEMP VIEW a AS SELECT 1":                 "defines temporary",
		"CREATE SCHEMA IF NOT EXISTS a AUTHORIZATION b":             "defines",
		"CREATE SCHEMA a CREATE TABLE b AS SELECT 1":                "any",
		"CREATE OR REPLACE FUNCTION f(a int DEFAULT g()) RETURNS int LANGUAGE 'sql' AS 'SELECT 1'": "defines",
		"CREATE PROCEDURE p() BEGIN ATOMIC DELETE FROM a; END":                                     "defines",
		"CREATE FUNCTION f() RETURNS int LANGUAGE plperl AS 'BEGIN { }'":                           "any",
		"CREATE TYPE a AS ENUM ('b')":                                                              "defines",
		"CREATE TEMPORARY SEQUENCE a":                                                              "defines temporary",
		"COMMENT ON TABLE a IS 'CREATE TABLE'":                                                     "defines",
		"REFRESH MATERIALIZED VIEW CONCURRENTLY a WITH DATA":                                       "refreshes",
		"CREATE EXTENSION a":                                                                       "any",
		"CREATE TRIGGER index AFTER INSERT ON a EXECUTE FUNCTION f()":                              "any",
		"CREATE FOREIGN TABLE a (b int) SERVER c":                                                  "any",
		"ALTER TABLE a ADD b int":                                                                  "any",
		"DROP INDEX a":                                                                             "any",
		"CREATE":                                                                                   "any", "CREATE TABLE": "any", "CREATE OR REPLACE": "any", "CREATE TABLE a AS": "fills", "REFRESH": "any",
	} {
		st := Analyze(text)
		got := [...]string{"any", "defines", "index", "fills", "refreshes"}[st.DDL]
		if st.MakesTemporary {
			got += " temporary"
		}
		if got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}

// Text that is truncated anywhere is analyzed like any other.
func TestTruncatedText(t *testing.T) {
	texts := append(slices.Clip(seeds), utilitySeeds...)
	for _, text := range texts {
		for end := range len(text) + 1 {
			for _, cut := range []string{text[:end], text[end:], "SELECT 1; " + text[:end], text[:end] + ")"} {
				readEverything(t, cut)
			}
		}
	}
}

// readEverything calls every function of the package for a text.
func readEverything(t *testing.T, text string) {
	t.Helper()
	st := Analyze(text)
	if inner := st.Inner; inner.Pos < 0 || inner.Pos > inner.End || inner.End > len(text) || inner.End > 0 && inner.Empty() {
		t.Fatalf("%q: inner statement at %v", text, inner)
	}
	_, _ = st.FingerprintText(), st.Temporary()
	for _, part := range Statements(text) {
		_ = fmt.Sprint(part.Kind, part.Temporary(), part.Inner.Of(part.Text))
	}
	_, _ = Outline(text)
	_, _ = Placeholders(text)
}

// utilitySeeds contain each form of statement that contains another.
var utilitySeeds = []string{
	`EXPLAIN (ANALYZE, "verbose" off, FORMAT 'json', U&"!0061nalyze" UESCAPE '!' 1) (SELECT f(a) FROM b) UNION ALL TABLE c`,
	"EXPLAIN ANALYZE VERBOSE DECLARE c SCROLL CURSOR WITH HOLD FOR WITH RECURSIVE a AS (SELECT 1) SELECT * FROM a FOR UPDATE",
	"EXPLAIN analyse CREATE TABLE IF NOT EXISTS s.index (a, b) USING heap WITH (fillfactor = 70) AS SELECT 1, f() WITH NO DATA",
	`COPY (DELETE FROM a WHERE "to" = ')' RETURNING *) TO PROGRAM 'cat' WITH (FORMAT csv)`,
	"COPY BINARY s.from (a, b) FROM STDIN WITH (FORMAT csv, FORCE_NULL (a)) WHERE f(a) > 0 AND b IN (1, 2)",
	"PREPARE p (int, numeric(9, 2)) AS MERGE INTO a USING b ON true WHEN MATCHED THEN DELETE",
	"CREATE OR REPLACE TEMPORARY RECURSIVE VIEW v (a) WITH (security_barrier) AS SELECT 1 WITH CASCADED CHECK OPTION",
	"CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS i ON ONLY a USING gin ((f(b)) COLLATE \"C\" ops (x = 1) DESC) INCLUDE (c) WHERE d",
	"CREATE OR REPLACE FUNCTION f(a int DEFAULT 1) RETURNS int LANGUAGE 'plpgsql' AS $$BEGIN END$$",
	"CREATE LOCAL TEMP TABLE pg_temp.a (b int DEFAULT 1 CHECK (b > 0), c int GENERATED BY DEFAULT AS IDENTITY) ON COMMIT DROP",
	"REFRESH MATERIALIZED VIEW CONCURRENTLY s.v WITH NO DATA", "COMMENT ON TABLE a IS NULL", "CREATE SCHEMA a CREATE TABLE b (c int) GRANT SELECT ON b TO d",
	"SET SESSION x.y TO 1, 'b', c; SET LOCAL TIME ZONE INTERVAL '1' HOUR; RESET ALL; SHOW TIME ZONE; SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY",
	"BEGIN WORK ISOLATION LEVEL SERIALIZABLE; SAVEPOINT a; ROLLBACK WORK TO SAVEPOINT a; RELEASE SAVEPOINT a; COMMIT AND NO CHAIN; PREPARE TRANSACTION 'x'",
	"FETCH FORWARD 10 FROM c; MOVE c; CLOSE ALL; LISTEN c; NOTIFY c, 'x'; UNLISTEN *; EXECUTE p(1, f(2)); DEALLOCATE PREPARE ALL; DISCARD TEMP",
	"SELECT ++++-+-*+-1, a +++@+- b, 1 <+> -1 INTO TEMP t FROM a WHERE CURRENT OF c",
}
