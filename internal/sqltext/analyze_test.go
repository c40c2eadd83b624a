package sqltext

import (
	"fmt"
	"strings"
	"testing"
)

// claims writes the claims of a statement in one line, without empty ones.
func claims(st *Statement) string {
	parts := []string{st.Kind.String(), "read only " + st.ReadOnly.String()}
	list := func(label string, names []string) {
		if len(names) > 0 {
			parts = append(parts, label+" "+strings.Join(names, " "))
		}
	}
	list("reads", tableNames(st.Reads))
	list("writes", tableNames(st.Writes))
	var calls []string
	for _, f := range st.Calls {
		calls = append(calls, join(f.Schema, f.Name))
	}
	list("calls", calls)
	if !st.TablesKnown {
		parts = append(parts, "tables unknown")
	}
	return strings.Join(parts, ", ")
}

func tableNames(tables []Table) []string {
	var names []string
	for _, t := range tables {
		names = append(names, join(t.Schema, t.Name))
	}
	return names
}

func join(schema, name string) string {
	if schema == "" {
		return name
	}
	return schema + "." + name
}

type claimTest struct{ text, want string }

func checkClaims(t *testing.T, tests []claimTest) {
	t.Helper()
	for _, test := range tests {
		if got := claims(Analyze(test.text)); got != test.want {
			t.Errorf("%s\n got %s\nwant %s", test.text, got, test.want)
		}
	}
}

func TestQueries(t *testing.T) {
	checkClaims(t, []claimTest{
		{"SELECT 1", "SELECT, read only yes"},
		{"SELECT * FROM Cities", "SELECT, read only yes, reads cities"},
		{`SELECT * FROM "Cities" c, Public."A b" AS d, x.y.z`, "SELECT, read only yes, reads Cities public.A b y.z"},
		{"SELECT * FROM ONLY a, ONLY (b), c *, d * e", "SELECT, read only yes, reads a b c d"},
		{"TABLE a", "TABLE, read only yes, reads a"},
		{"TABLE ONLY s.a ORDER BY 1", "TABLE, read only yes, reads s.a"},
		{"VALUES (1, (SELECT b FROM c)), (2, 3)", "VALUES, read only yes, reads c"},
		{"(SELECT a FROM b) UNION ALL (TABLE c) EXCEPT DISTINCT SELECT d FROM e INTERSECT VALUES (1) ORDER BY 1 LIMIT 2 OFFSET 3", "SELECT, read only yes, reads b c e"},
		{"((SELECT a FROM b)) ORDER BY 1", "SELECT, read only yes, reads b"},
		{"SELECT a FROM b WHERE c = (SELECT d FROM e WHERE f IN (SELECT g FROM h)) AND EXISTS (TABLE i)", "SELECT, read only yes, reads b e h i"},
		{"SELECT ARRAY(SELECT a FROM b), ROW(1, (SELECT c FROM d)), x[(SELECT e FROM f)]", "SELECT, read only yes, reads b d f"},
		{"SELECT ((SELECT 1) + 2), ((SELECT a FROM b) UNION SELECT c FROM d), (((VALUES (1))))", "SELECT, read only yes, reads b d"},
		{"SELECT a FROM b GROUP BY ROLLUP (a), CUBE (a, b), GROUPING SETS ((a), ()) HAVING a > (SELECT c FROM d) WINDOW w AS (PARTITION BY e ORDER BY f)", "SELECT, read only yes, reads b d"},
		{"SELECT DISTINCT ON (a, b) c FROM d ORDER BY e USING < FETCH FIRST (1) ROWS WITH TIES", "SELECT, read only yes, reads d"},
		{"SELECT FROM a", "SELECT, read only yes, reads a"},
		{"SELECT a FROM b LIMIT ALL", "SELECT, read only yes, reads b"},
	})
}

// In these FROM begins no clause, or words that begin clauses are names.
func TestWordsThatBeginNoClause(t *testing.T) {
	checkClaims(t, []claimTest{
		{"SELECT a IS DISTINCT FROM b, c IS NOT DISTINCT FROM d FROM e", "SELECT, read only yes, reads e"},
		{"SELECT EXTRACT(day FROM a), TRIM(BOTH 'x' FROM b), POSITION('x' IN c) FROM d", "SELECT, read only unknown, reads d, calls pg_catalog.extract pg_catalog.trim pg_catalog.position"},
		{"SELECT SUBSTRING(a FROM 1 FOR 2), OVERLAY(a PLACING b FROM 1 FOR 2), COLLATION FOR (a) FROM d", "SELECT, read only unknown, reads d, calls substring overlay"},
		{"SELECT a AS from, b AS where, t.select, t.from, (t).from, t.*, (u[1]).into FROM t", "SELECT, read only yes, reads t"},
		{"SELECT a select, b table, c only FROM t", "SELECT, read only yes, reads t"},
		{"SELECT values, time, position, share, set FROM t", "SELECT, read only yes, reads t"},
		{"SELECT (values) FROM t WHERE (values, a) IN (VALUES (1, 2))", "SELECT, read only yes, reads t"},
		{"SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY a) FILTER (WHERE b) FROM c GROUP BY d", "SELECT, read only unknown, reads c, calls percentile_cont"},
		{"SELECT sum(a) OVER (PARTITION BY b ORDER BY c ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) FROM d", "SELECT, read only unknown, reads d, calls sum"},
		{"SELECT array_agg(DISTINCT a ORDER BY b) FROM c", "SELECT, read only unknown, reads c, calls array_agg"},
		{"SELECT a::numeric(9, 2), CAST(b AS varchar(3)), c::timestamp(3) with time zone, d::character varying(9), e::double precision FROM f", "SELECT, read only yes, reads f"},
		{"SELECT a AT TIME ZONE (SELECT b FROM c), timestamp with time zone '2020-01-01' FROM d", "SELECT, read only yes, reads c d"},
		{"SELECT CASE WHEN a THEN (SELECT b FROM c) ELSE d END FROM e", "SELECT, read only yes, reads c e"},
		{"SELECT 'FROM x', $$ FROM y $$ /* FROM z */ FROM a -- , b", "SELECT, read only yes, reads a"},
		{`SELECT "from" FROM "select" "where" JOIN "join" ON true`, "SELECT, read only yes, reads select join"},
		{"SELECT * FROM a FOR READ ONLY", "SELECT, read only yes, reads a"},
	})
}

func TestJoins(t *testing.T) {
	checkClaims(t, []claimTest{
		{"SELECT * FROM a JOIN b ON a.x = b.x LEFT OUTER JOIN c USING (x) AS u NATURAL JOIN d CROSS JOIN e, f", "SELECT, read only yes, reads a b c d e f"},
		{"SELECT * FROM a x FULL JOIN (b y RIGHT JOIN c ON true) ON x.i = y.i INNER JOIN (SELECT * FROM d) z ON z.i IN (SELECT i FROM e)", "SELECT, read only yes, reads a b c d e"},
		{"SELECT * FROM a JOIN b JOIN c ON true ON true NATURAL LEFT JOIN d", "SELECT, read only yes, reads a b c d"},
		{"SELECT * FROM ((SELECT 1) UNION SELECT i FROM a) q, ((b CROSS JOIN c) CROSS JOIN d) AS r", "SELECT, read only yes, reads a b c d"},
		{"SELECT * FROM a LEFT JOIN LATERAL (SELECT * FROM b WHERE b.i = a.i LIMIT 1) l ON true", "SELECT, read only yes, reads a b"},
		{"SELECT * FROM f(1) WITH ORDINALITY AS t(a, n), LATERAL s.g(t.a) u, ROWS FROM (h(1), i(2) AS (x int)) v, a", "SELECT, read only unknown, reads a, calls f s.g h i"},
		{"SELECT * FROM f() AS (a int, b numeric(9, 2)), b", "SELECT, read only unknown, reads b, calls f"},
		{"SELECT * FROM (VALUES (1, 'a')) AS v(i, t), a", "SELECT, read only yes, reads a"},
		{"SELECT * FROM current_date d, a", "SELECT, read only unknown, reads a, calls pg_catalog.current_date"},
		{"SELECT * FROM a x TABLESAMPLE system (10) REPEATABLE (1), b", "SELECT, read only unknown, reads a b, calls system"},
		{"SELECT * FROM a JOIN b ON left(a.x, 1) = right(b.x, 1) LEFT JOIN c ON true", "SELECT, read only unknown, reads a b c, calls left right"},
		{"SELECT * FROM a JOIN b ON conflict = 1 WHERE c", "SELECT, read only yes, reads a b"},
		{"SELECT * FROM xmltable('/a' PASSING (SELECT x FROM b) COLUMNS i int), c", "SELECT, read only unknown, reads b c, calls xmltable passing"},
		{"SELECT * FROM json_table(j, '$' COLUMNS (a int PATH '$.a')) AS jt, c", "SELECT, read only unknown, reads c, calls json_table columns"},
	})
}

func TestWithNamesShadowTables(t *testing.T) {
	checkClaims(t, []claimTest{
		{"WITH t AS (SELECT * FROM t) SELECT * FROM t", "SELECT, read only yes, reads t"},
		{"WITH a AS (SELECT 1), b AS (SELECT * FROM a) SELECT * FROM a, b, c", "SELECT, read only yes, reads c"},
		{"WITH a AS (SELECT * FROM b), b AS (SELECT 1) SELECT * FROM a, b", "SELECT, read only yes, reads b"},
		{"WITH RECURSIVE a AS (SELECT * FROM b), b AS (SELECT 1) SELECT * FROM a, b", "SELECT, read only yes"},
		{"WITH RECURSIVE t(n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM t WHERE n < 100) SELECT n FROM t", "SELECT, read only yes"},
		{"WITH a AS (SELECT 1) SELECT * FROM s.a", "SELECT, read only yes, reads s.a"},
		{`WITH "A" AS (SELECT 1) SELECT * FROM a, "A"`, "SELECT, read only yes, reads a"},
		{`WITH A AS (SELECT 1) SELECT * FROM "a", A`, "SELECT, read only yes"},
		{"SELECT * FROM (WITH a AS (SELECT 1) SELECT * FROM a) q, a", "SELECT, read only yes, reads a"},
		{"WITH a AS NOT MATERIALIZED (SELECT 1), b (x, y) AS MATERIALIZED (SELECT 1, 2) SELECT (SELECT 1 FROM b), (WITH c AS (TABLE a) TABLE c) FROM c", "SELECT, read only yes, reads c"},
		{"WITH RECURSIVE a AS (SELECT 1) SEARCH DEPTH FIRST BY x, y SET o CYCLE x SET c TO 'y' DEFAULT 'n' USING p, b AS (SELECT * FROM a) SELECT * FROM a, b, d", "SELECT, read only yes, reads d"},
		{"WITH RECURSIVE a AS (SELECT 1 UNION SELECT * FROM c) CYCLE b, c SET d USING e, update AS (SELECT * FROM a, f), f (x) AS (SELECT 1) SELECT * FROM update, d", "SELECT, read only yes, reads c d"},
		{"WITH a AS (SELECT 1) INSERT INTO a SELECT * FROM a", "INSERT, read only no, writes a"},
		{"WITH a AS (SELECT 1) (SELECT * FROM a UNION SELECT * FROM b)", "SELECT, read only yes, reads b"},
	})
}

func TestWritesInQueries(t *testing.T) {
	checkClaims(t, []claimTest{
		{"WITH d AS (DELETE FROM a USING b WHERE a.i = b.i RETURNING *), i AS (INSERT INTO c SELECT * FROM d RETURNING i), u AS (UPDATE e SET x = 1 RETURNING *) SELECT * FROM d, i, u", "SELECT, read only no, reads b, writes a c e"},
		{"SELECT * INTO new FROM old", "SELECT, read only no, reads old, writes new"},
		{"SELECT a, b INTO TEMP TABLE s.new FROM old WHERE c", "SELECT, read only no, reads old, writes s.new"},
		{"SELECT * FROM a FOR UPDATE", "SELECT, read only no, reads a"},
		{"SELECT * FROM a LIMIT 1 FOR NO KEY UPDATE OF a NOWAIT FOR KEY SHARE SKIP LOCKED", "SELECT, read only no, reads a"},
		{"SELECT * FROM (SELECT * FROM a FOR SHARE) b", "SELECT, read only no, reads a"},
		{"SELECT nextval('s'), pg_catalog.setval('s', 1), pg_advisory_lock(1)", "SELECT, read only unknown, calls nextval pg_catalog.setval pg_advisory_lock"},
		{"SELECT now(), current_timestamp(3), CURRENT_USER, t.user FROM t", "SELECT, read only unknown, reads t, calls now pg_catalog.current_timestamp pg_catalog.current_user"},
		{"SELECT full(1), is(2), inner(3), like(4), NOT a LIKE ('x'), a NOT ILIKE ('x') FROM t JOIN u ON natural(5)", "SELECT, read only unknown, reads t u, calls full is inner like natural"},
		{`SELECT "Coalesce"(a), coalesce(b, c), "s"."F"(d), over(1), partition(2) FROM t`, "SELECT, read only unknown, reads t, calls Coalesce s.F over partition"},
	})
}

func TestModifyingStatements(t *testing.T) {
	checkClaims(t, []claimTest{
		{"INSERT INTO a DEFAULT VALUES RETURNING (SELECT b FROM c)", "INSERT, read only no, reads c, writes a"},
		{"INSERT INTO s.a AS x (b, c[1], d.e) OVERRIDING SYSTEM VALUE VALUES (1, DEFAULT, (SELECT f FROM g)) ON CONFLICT (b) WHERE b > 0 DO UPDATE SET (b, c) = (SELECT h, i FROM j) WHERE x.b > 1 RETURNING *", "INSERT, read only no, reads g j, writes s.a"},
		{"INSERT INTO a (SELECT * FROM b)", "INSERT, read only no, reads b, writes a"},
		{"INSERT INTO a ((SELECT * FROM b) UNION TABLE c)", "INSERT, read only no, reads b c, writes a"},
		{"INSERT INTO a (values) SELECT b FROM c JOIN d USING (i) ON CONFLICT ON CONSTRAINT k DO NOTHING", "INSERT, read only no, reads c d, writes a"},
		{"INSERT INTO a SELECT b FROM c JOIN d ON conflict (b) ON CONFLICT (b) DO NOTHING", "INSERT, read only no, reads c d, writes a, calls conflict"},
		{"MERGE INTO a USING b JOIN c ON c.i = b.i ON a.i = b.i WHEN MATCHED THEN DELETE", "MERGE, read only no, reads b c, writes a"},
		{"INSERT INTO a WITH b AS (TABLE c) TABLE b", "INSERT, read only no, reads c, writes a"},
		{"UPDATE ONLY a * x SET b = (SELECT c FROM d), (e, f) = ROW(1, 2) FROM g LEFT JOIN h USING (i) WHERE x.j = g.j RETURNING *", "UPDATE, read only no, reads d g h, writes a"},
		{"UPDATE a SET b = 1 WHERE CURRENT OF c", "UPDATE, read only no, writes a"},
		{"UPDATE a SET b = 1 FROM a x WHERE x.i = a.i", "UPDATE, read only no, reads a, writes a"},
		{"DELETE FROM ONLY (a) AS x USING b, c WHERE x.i = b.i RETURNING (SELECT 1 FROM d)", "DELETE, read only no, reads b c d, writes a"},
		{"WITH x AS (SELECT i FROM a) DELETE FROM b WHERE i IN (TABLE x)", "DELETE, read only no, reads a, writes b"},
		{"MERGE INTO a AS x USING (SELECT * FROM b) y ON x.i = y.i WHEN MATCHED AND y.d THEN DELETE WHEN MATCHED THEN UPDATE SET v = CASE WHEN y.v THEN (SELECT 1 FROM c) END WHEN NOT MATCHED BY TARGET THEN INSERT (i, v) VALUES (1, DEFAULT) WHEN NOT MATCHED THEN DO NOTHING RETURNING (SELECT 1 FROM d)", "MERGE, read only no, reads b c d, writes a"},
		{"MERGE INTO ONLY a USING b ON a.i = b.i WHEN MATCHED THEN DELETE", "MERGE, read only no, reads b, writes a"},
	})
}

func TestCopyByTheClient(t *testing.T) {
	for text, want := range map[string]bool{
		"COPY a FROM STDIN":                     true,
		"copy a (b) from stdin":                 true,
		"COPY a FROM STDOUT":                    true,
		"COPY a TO STDOUT":                      true,
		"COPY (SELECT b FROM stdin) TO STDOUT":  true,
		`COPY U&"!0061" UESCAPE '!' FROM STDIN`: true,
		"COPY a FROM '/tmp/stdin'":              false,
		"COPY a FROM PROGRAM 'stdin'":           false,
		`COPY a FROM "stdin"`:                   false,
		"COPY a TO '/tmp/x'":                    false,
		"COPY (SELECT b FROM stdin) TO '/x'":    false,
		"COPY stdin FROM":                       false,
		"COPY stdin":                            false,
		"SELECT a FROM stdin":                   false,
	} {
		if got := Analyze(text).Client; got != want {
			t.Errorf("%s: by the client: %v, want %v", text, got, want)
		}
	}
}

func TestUtilityStatements(t *testing.T) {
	checkClaims(t, []claimTest{
		{"COPY a (b, c) FROM STDIN WITH (FORMAT binary)", "COPY FROM, read only no, writes a"},
		{"COPY BINARY a FROM STDIN", "COPY FROM, read only no, writes a"},
		{"COPY a FROM STDIN WHERE f(b)", "COPY FROM, read only no, writes a, calls f"},
		{"COPY a (where_, b) FROM STDIN WITH (FORMAT csv, FORCE_NULL (b)) WHERE a.g > 0 AND f(b)", "COPY FROM, read only no, writes a, calls f"},
		{"COPY s.to FROM STDIN", "COPY FROM, read only no, writes s.to"},
		{"COPY s.from TO STDOUT", "COPY TO, read only yes, reads s.from"},
		{"COPY ((SELECT f()) UNION SELECT * FROM a) TO STDOUT", "COPY TO, read only unknown, reads a, calls f"},
		{"COPY a (b) TO STDOUT", "COPY TO, read only yes, reads a"},
		{"COPY (SELECT * FROM a WHERE b IN (SELECT c FROM d)) TO STDOUT (FORMAT csv)", "COPY TO, read only yes, reads a d"},
		{"COPY (DELETE FROM a RETURNING *) TO STDOUT", "COPY TO, read only no, writes a"},
		{"COPY a TO STDIN", "COPY TO, read only yes, reads a"},
		{"COPY a TO '/tmp/x'", "COPY TO, read only no, reads a"},
		{"COPY a TO PROGRAM 'cat'", "COPY TO, read only no, reads a"},
		{"TRUNCATE TABLE ONLY a, s.b * RESTART IDENTITY", "TRUNCATE, read only no, writes a s.b"},
		{"TRUNCATE a CASCADE", "TRUNCATE, read only no, writes a, tables unknown"},
		{"EXPLAIN SELECT * FROM a", "EXPLAIN, read only yes, reads a"},
		{"EXPLAIN (SELECT * FROM a)", "EXPLAIN, read only yes, reads a"},
		{"EXPLAIN DELETE FROM a USING b", "EXPLAIN, read only yes, reads b a"},
		{"EXPLAIN ANALYZE DELETE FROM a", "EXPLAIN, read only no, writes a"},
		{"EXPLAIN analyse VERBOSE SELECT * FROM a", "EXPLAIN, read only yes, reads a"},
		{"EXPLAIN (COSTS off, ANALYZE) DELETE FROM a", "EXPLAIN, read only no, writes a"},
		{"EXPLAIN (ANALYZE true, BUFFERS) DELETE FROM a", "EXPLAIN, read only no, writes a"},
		{"EXPLAIN (ANALYZE off) DELETE FROM a", "EXPLAIN, read only yes, reads a"},
		{"EXPLAIN (ANALYZE, BUFFERS, analyse 0) DELETE FROM a", "EXPLAIN, read only yes, reads a"},
		{"EXPLAIN (ANALYZE off, analyze 'on') DELETE FROM a", "EXPLAIN, read only no, writes a"},
		{"EXPLAIN (ANALYZE -1) DELETE FROM a", "EXPLAIN, read only unknown, writes a, tables unknown"},
		{`EXPLAIN ("analyze") DELETE FROM a`, "EXPLAIN, read only no, writes a"},
		{`EXPLAIN ("analyze" false) DELETE FROM a`, "EXPLAIN, read only yes, reads a"},
		{`EXPLAIN (costs, U&"!0061nalyze" UESCAPE '!') DELETE FROM a`, "EXPLAIN, read only unknown, writes a, tables unknown"},
		{"EXPLAIN ANALYZE (SELECT f()) UNION ALL SELECT 1 FROM a", "EXPLAIN, read only unknown, reads a, calls f"},
		{"EXPLAIN (ANALYZE) ((WITH x AS (DELETE FROM a RETURNING *) TABLE x))", "EXPLAIN, read only no, writes a"},
		{"EXPLAIN ANALYZE DECLARE c CURSOR FOR SELECT f() FROM a", "EXPLAIN, read only no, reads a, calls f"},
		{"EXPLAIN ANALYZE EXECUTE p", "EXPLAIN, read only unknown, tables unknown"},
		{"EXPLAIN CREATE TABLE a AS SELECT f() FROM b", "EXPLAIN, read only unknown, reads b a, calls f, tables unknown"},
		{"EXPLAIN (ANALYZE, BUFFERS off) DELETE FROM a", "EXPLAIN, read only no, writes a"},
		{"EXPLAIN (BUFFERS) DELETE FROM a", "EXPLAIN, read only yes, reads a"},
		{"EXPLAIN EXECUTE p", "EXPLAIN, read only unknown, tables unknown"},
		{"EXPLAIN ANALYZE CREATE TABLE a AS SELECT f() FROM b", "EXPLAIN, read only no, reads b, writes a, calls f, tables unknown"},
		{"CALL s.p(1, (SELECT 2))", "CALL, read only no, calls s.p, tables unknown"},
		{"DO $$ BEGIN END $$", "DO, read only no, tables unknown"},
		{"EXECUTE p(1)", "EXECUTE, read only unknown, tables unknown"},
		{"FETCH 10 FROM c", "FETCH, read only unknown, tables unknown"},
		{"MOVE c", "FETCH, read only unknown, tables unknown"},
		{"DECLARE c NO SCROLL CURSOR WITH HOLD FOR SELECT * FROM a", "DECLARE, read only no, reads a"},
		{"PREPARE p AS DELETE FROM a", "PREPARE, read only no"},
		{"SHOW search_path", "SHOW, read only yes"},
		{"LISTEN c", "LISTEN, read only no"},
		{"LOCK TABLE a IN SHARE MODE", "LOCK, read only no"},
		{"VACUUM a", "maintenance, read only no"},
		{"CREATE TEMP TABLE IF NOT EXISTS s.a (b int)", "DDL, read only no, writes s.a, tables unknown"},
		{"DROP VIEW IF EXISTS a, b CASCADE", "DDL, read only no, writes a b, tables unknown"},
		{"ALTER TABLE a ADD b int", "DDL, read only no, writes a, tables unknown"},
		{"REFRESH MATERIALIZED VIEW CONCURRENTLY a", "DDL, read only no, writes a, tables unknown"},
		{"CREATE INDEX ON a (b)", "DDL, read only no, reads a, tables unknown"},
		{"CREATE UNIQUE INDEX CONCURRENTLY i ON ONLY s.a USING btree ((f(b))) WHERE g(c)", "DDL, read only no, reads s.a, calls btree f g, tables unknown"},
		{"CREATE TABLE index AS SELECT f()", "DDL, read only no, writes index, calls f, tables unknown"},
		{"CREATE TABLE if (a int)", "DDL, read only no, writes if, tables unknown"},
		{"GRANT SELECT ON a TO b", "DDL, read only no, tables unknown"},
		{"HANDLER a OPEN", "unrecognized, read only unknown, tables unknown"},
		{"", "empty, read only yes"},
		{"-- nothing", "empty, read only yes"},
	})
}

// Nothing is claimed about text that does not follow the grammar, whatever was
// found before.
func TestNothingIsClaimedOfTextNotUnderstood(t *testing.T) {
	for _, text := range []string{
		"SELECT * FROM", "SELECT * FROM a b c", "SELECT * FROM a WHERE b = (SELECT", "SELECT 1)", "SELECT (1", "SELECT a] FROM b",
		"SELECT * FROM (a)(b)", "SELECT * FROM a JOIN", "SELECT * FROM a LEFT b", "WITH a (SELECT 1) SELECT 1", "WITH a AS SELECT 1",
		"SELECT * FROM a UNION", "SELECT * FROM 1", "SELECT * FROM where", "TABLE", "SELECT 1 FROM a, , b",
		"SELECT * FROM U&\"d!0061\" UESCAPE '!'", "SELECT U&\"d!0061\" UESCAPE '!' (1)", "SELECT U&\"d!0061\" UESCAPE '!' .f(1)", "SELECT * FROM ÄPFEL", "SELECT (1; 2)", "EXPLAIN", "COPY a",
		"SELECT " + strings.Repeat("(", 5000) + "1" + strings.Repeat(")", 5000),
		strings.Repeat("SELECT (", 5000), strings.Repeat("WITH a AS (", 5000), strings.Repeat("SELECT * FROM (", 5000),
		"SELECT 'open", "SELECT {", "\x00",
	} {
		st := Analyze(text)
		if st.ReadOnly == Yes || st.TablesKnown {
			t.Errorf("%.60s: %s", text, claims(st))
		}
	}
	for _, text := range []string{"UPDATE a", "INSERT a VALUES (1)", "DELETE a", "MERGE a", "TRUNCATE"} {
		if st := Analyze(text); st.TablesKnown {
			t.Errorf("%s: %s", text, claims(st))
		}
	}
}

func TestNamesAsTheServerFoldsThem(t *testing.T) {
	long := strings.Repeat("x", 62)
	for _, test := range []struct {
		text string
		want Table
	}{
		{"TABLE Cities", Table{"", "cities"}},
		{`TABLE "Cities"`, Table{"", "Cities"}},
		{`TABLE "a""b"`, Table{"", `a"b`}},
		{"TABLE Straße", Table{"", "straße"}},
		{"TABLE " + long + "YZ", Table{"", long + "y"}},
		{`TABLE "` + long + `üz"`, Table{"", long}},
		{`TABLE S . "T"`, Table{"s", "T"}},
	} {
		st := Analyze(test.text)
		if len(st.Reads) != 1 || st.Reads[0] != test.want || !st.TablesKnown {
			t.Errorf("%s reads %q, want %q", test.text, st.Reads, test.want)
		}
	}
}

func TestTargets(t *testing.T) {
	for _, test := range []struct {
		text, want string
		kind       StatementKind
	}{
		{"BEGIN ISOLATION LEVEL SERIALIZABLE", "", Begin},
		{"START TRANSACTION READ ONLY", "", Begin},
		{"COMMIT WORK AND NO CHAIN", "", Commit},
		{"END", "", Commit},
		{"ABORT", "", Rollback},
		{`SAVEPOINT "A b"`, "A b", Savepoint},
		{"ROLLBACK TO Sp1", "sp1", RollbackTo},
		{"ROLLBACK WORK TO SAVEPOINT sp1", "sp1", RollbackTo},
		{"ABORT TRANSACTION TO sp1", "sp1", RollbackTo},
		{"RELEASE sp1", "sp1", Release},
		{"RELEASE SAVEPOINT sp1", "sp1", Release},
		{"PREPARE TRANSACTION 'it''s'", "it's", PrepareTransaction},
		{"COMMIT PREPARED 'x'", "x", CommitPrepared},
		{"ROLLBACK PREPARED 'x'", "x", RollbackPrepared},
		{"SET Search_Path TO a, b", "search_path", Set},
		{"SET SCHEMA 'a'", "search_path", Set},
		{"SET SESSION my.Setting = 1", "my.setting", Set},
		{"SET TIME ZONE 'UTC'", "timezone", Set},
		{"SET SESSION AUTHORIZATION bob", "session_authorization", Set},
		{"SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY", "session characteristics", Set},
		{"SET ROLE bob", "role", Set},
		{"SET NAMES 'utf8'", "client_encoding", Set},
		{`SET "ROLE" TO bob`, "role", Set},
		{"RESET ALL", "all", Reset},
		{"RESET SESSION AUTHORIZATION", "session_authorization", Reset},
		{"SHOW timezone", "timezone", Show},
		{"SHOW TIME ZONE", "timezone", Show},
		{`LISTEN "C"`, "C", Listen},
		{"NOTIFY c, 'x'", "c", Notify},
		{"UNLISTEN *", "*", Unlisten},
	} {
		st := Analyze(test.text)
		if st.Kind != test.kind || st.Target != test.want || st.Local || st.Chain || !st.TablesKnown {
			t.Errorf("%s: %v of %q, local %v, chain %v", test.text, st.Kind, st.Target, st.Local, st.Chain)
		}
	}
	for _, text := range []string{"SET LOCAL search_path = a", "SET TRANSACTION READ ONLY", "SET CONSTRAINTS ALL DEFERRED", "set local time zone 'UTC'"} {
		if st := Analyze(text); !st.Local || st.Kind != Set {
			t.Errorf("%s: %v, local %v", text, st.Kind, st.Local)
		}
	}
	for _, text := range []string{"COMMIT AND CHAIN", "ROLLBACK TRANSACTION AND CHAIN", "END WORK AND CHAIN", "ABORT AND CHAIN"} {
		if !Analyze(text).Chain {
			t.Errorf("%s does not chain", text)
		}
	}
}

func TestCountAndSplit(t *testing.T) {
	for _, test := range []struct {
		text string
		want []string
	}{
		{"", nil},
		{" ; -- nothing\n;", nil},
		{"SELECT 1", []string{"SELECT 1"}},
		{"SELECT 1;", []string{"SELECT 1"}},
		{"SELECT ';'; -- name: B :one\nSELECT 2 ;; SELECT 3", []string{"SELECT ';'", "-- name: B :one\nSELECT 2", "SELECT 3"}},
		{"CREATE RULE r AS ON INSERT TO t DO (SELECT 1; SELECT 2); SELECT 3", []string{"CREATE RULE r AS ON INSERT TO t DO (SELECT 1; SELECT 2)", "SELECT 3"}},
		{
			"CREATE OR REPLACE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; SELECT CASE WHEN a THEN 1 END; END; BEGIN; COMMIT",
			[]string{"CREATE OR REPLACE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; SELECT CASE WHEN a THEN 1 END; END", "BEGIN", "COMMIT"},
		},
		{"SELECT 1; SELECT 'open", []string{"SELECT 1; SELECT 'open"}},
	} {
		var got []string
		for _, st := range Statements(test.text) {
			got = append(got, st.Text)
			if test.text[st.Pos:st.Pos+len(st.Text)] != st.Text {
				t.Errorf("%q is not at %d of %q", st.Text, st.Pos, test.text)
			}
		}
		if fmt.Sprintf("%q", got) != fmt.Sprintf("%q", test.want) {
			t.Errorf("%q\n got %q\nwant %q", test.text, got, test.want)
		}
		if st := Analyze(test.text); st.Err == nil && st.Count != len(test.want) {
			t.Errorf("%q: counted %d", test.text, st.Count)
		}
	}
	checkClaims(t, []claimTest{
		{"SELECT * FROM a; SELECT * FROM a, b", "several statements, read only yes, reads a b"},
		{"SELECT * FROM a; SELECT f()", "several statements, read only unknown, reads a, calls f"},
		{"SELECT f(); UPDATE a SET b = 1; SELECT 1", "several statements, read only no, writes a, calls f"},
		{"SELECT * FROM a; DO ''", "several statements, read only no, reads a, tables unknown"},
	})
}

func TestName(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{"-- name: CityByID :one\nSELECT 1", "CityByID"},
		{"--name:CityByID :many\nSELECT 1", "CityByID"},
		{"/* name: CityByID :exec */ SELECT 1", "CityByID"},
		{"-- traceparent\n\n-- name: CityByID\nSELECT 1", "CityByID"},
		{"-- name: the city by its id\nSELECT 1", ""},
		{"SELECT 1 -- name: CityByID :one", ""},
		{"-- rename: CityByID :one\nSELECT 1", ""},
		{"-- name:\nSELECT 1", ""},
		{"SELECT '-- name: CityByID :one'", ""},
		{"-- name: CityByID :one\nSELECT 'open", "CityByID"},
	} {
		if got := Analyze(test.text).Name; got != test.want {
			t.Errorf("%q: name %q, want %q", test.text, got, test.want)
		}
	}
}

func TestMaxParam(t *testing.T) {
	for text, want := range map[string]int{
		"SELECT $2, $1": 2, "SELECT '$3', $$ $4 $$ -- $5\n, a$6": 0, "SELECT $007, $65535": 65535, "SELECT $1; SELECT $12": 12,
	} {
		if got := Analyze(text).MaxParam; got != want {
			t.Errorf("%s: %d, want %d", text, got, want)
		}
	}
}
