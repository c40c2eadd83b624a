package catalog_test

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/headrace/headrace/integration/pgtest"
	"github.com/headrace/headrace/internal/catalog"
	"github.com/headrace/headrace/internal/sqltext"
)

// utilitySchema has functions that write, for each way in which a statement may
// call one, and relations with the names of key words.
const utilitySchema = `
CREATE SCHEMA s;
CREATE TABLE trace (n int);
CREATE TABLE s.trace (n int);
CREATE FUNCTION fw(a int) RETURNS int LANGUAGE plpgsql AS 'BEGIN INSERT INTO public.trace VALUES (a); RETURN a; END';
CREATE FUNCTION "Fw"(a int) RETURNS int LANGUAGE sql BEGIN ATOMIC INSERT INTO s.trace VALUES (a) RETURNING n; END;
CREATE FUNCTION sly(a int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN public.fw(a); END';
CREATE FUNCTION pure(a int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT a + 1';
CREATE FUNCTION hidden(a int) RETURNS int LANGUAGE plpgsql AS 'BEGIN EXECUTE ''INSERT INTO public.tr'' || ''ace VALUES (1)''; RETURN a; END';
CREATE TABLE t (a int, b int);
CREATE TABLE "analyze" (a int DEFAULT sly(1), b int);
CREATE TABLE s."to" (a int DEFAULT fw(2), b int);
CREATE TABLE s.data (a int, b int);
CREATE FUNCTION attribute(t) RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN public.fw(1); END';
CREATE FUNCTION added(a int, b int) RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN public.fw(a); END';
CREATE OPERATOR +@ (LEFTARG = int, RIGHTARG = int, FUNCTION = added);
INSERT INTO t VALUES (1, 1), (2, 2);
INSERT INTO "analyze" VALUES (1, 1);
INSERT INTO s."to" VALUES (1, 1);
INSERT INTO s.data VALUES (1, 1);
CREATE VIEW v AS SELECT fw(a) AS a, b FROM t;
CREATE VIEW w AS SELECT pure(a) AS a, b FROM t;
CREATE TABLE p (a int, b int) PARTITION BY LIST (a);
CREATE MATERIALIZED VIEW m AS SELECT fw(a) AS a, b FROM t;
CREATE MATERIALIZED VIEW n AS SELECT a, b FROM t;
CREATE INDEX n_sly ON n (sly(a));
CREATE TABLE indexed (a int, b int);
INSERT INTO indexed VALUES (1, 1);
CREATE INDEX indexed_sly ON indexed (sly(a)) WHERE pure(b) > 0;
PREPARE writes AS SELECT fw(1);`

func TestUtilityStatementsHoldWhatTheyWrite(t *testing.T) {
	t.Parallel()
	var c utilityCheck
	conn := utilityDatabase(t)
	for seed := range uint64(3) {
		c.run(t, conn, seed, 60)
	}
	t.Logf("%d statements ran, %d wrote, %d are known", c.ran, c.wrote, c.known)
	if c.ran < 90 || c.wrote < 36 || c.known < c.ran/2 {
		t.Errorf("%d statements ran, %d wrote, %d are known", c.ran, c.wrote, c.known)
	}
}

func FuzzUtility(f *testing.F) {
	conn := utilityDatabase(f)
	f.Add(uint64(100))
	f.Fuzz(func(t *testing.T, seed uint64) {
		var c utilityCheck
		c.run(t, conn, seed, 5)
	})
}

func utilityDatabase(tb testing.TB) *pgx.Conn {
	tb.Helper()
	conn := pgtest.Connect(tb, pgtest.New(tb))
	pgtest.Exec(tb, conn, utilitySchema)
	return conn
}

// A utilityCheck counts the comparisons with the server.
type utilityCheck struct{ ran, wrote, known int }

func (c *utilityCheck) run(t *testing.T, conn *pgx.Conn, seed uint64, statements int) {
	t.Helper()
	g := generator{rand.New(rand.NewPCG(seed, 2))}
	for range statements {
		c.check(t, conn, g.statement())
	}
}

// check runs a statement, and compares its writes with its effects.
func (c *utilityCheck) check(t *testing.T, conn *pgx.Conn, sql string) {
	t.Helper()
	st := sqltext.Analyze(sql)
	e, err := catalog.Examine(t.Context(), conn, st)
	if _, refused := errors.AsType[*pgconn.PgError](err); err != nil && !refused {
		t.Fatalf("%s: %v", sql, err)
	}
	written, ran := writtenBy(t, conn, st)
	if !ran {
		return
	}
	if err != nil {
		t.Logf("%s: %v", sql, err)
		return // the server does not parse it apart from where it stands, EXECUTE of what is not prepared there
	}
	c.ran++
	if len(written) > 0 {
		c.wrote++
	}
	if e.WritesKnown {
		c.known++
	}
	lacks := func(how string, e catalog.Effects) {
		t.Helper()
		for _, name := range written {
			if e.WritesKnown && !slices.Contains(strings.Fields(names(e.Writes)), name) {
				t.Errorf("%s\nwrote %s; %s: %q", sql, written, how, names(e.Writes))
			}
		}
	}
	lacks("examined", e)
	if n, ok := catalog.NamesOf(st); ok {
		for _, in := range []catalog.NameScope{catalog.PathScope, catalog.AnyScope} {
			e, err := catalog.ExamineNames(t.Context(), conn, n, in)
			if err != nil {
				t.Fatalf("%s: %v", sql, err)
			}
			lacks("by names", e)
		}
	}
	if len(written) > 0 && e.ReadOnly {
		t.Errorf("%s\nwrote %s, and is said to be read-only", sql, written)
	}
}

// writtenBy returns the relations whose rows a statement changes. ran is false
// if the server rejects it.
func writtenBy(t *testing.T, conn *pgx.Conn, st *sqltext.Statement) (written []string, ran bool) {
	t.Helper()
	pgtest.Exec(t, conn, "BEGIN")
	defer func() { pgtest.Exec(t, conn, "ROLLBACK; DEALLOCATE ALL; PREPARE writes AS SELECT fw(1)") }()
	before := rowChanges(t, conn)
	var err error
	switch {
	case st.Kind == sqltext.CopyFrom:
		_, err = conn.PgConn().CopyFrom(t.Context(), strings.NewReader("5\t6\n7\t8\n"), st.Text)
	case st.Kind == sqltext.CopyTo:
		_, err = conn.PgConn().CopyTo(t.Context(), io.Discard, st.Text)
	default:
		_, err = conn.PgConn().Exec(t.Context(), st.Text).ReadAll()
	}
	if err == nil && st.Kind == sqltext.Declare {
		_, err = conn.PgConn().Exec(t.Context(), `FETCH ALL FROM "for"`).ReadAll()
	}
	if err != nil {
		return nil, false
	}
	for name, count := range rowChanges(t, conn) {
		if old, ok := before[name]; ok && old != count {
			written = append(written, name)
		}
	}
	slices.Sort(written)
	return written, true
}

// rowChanges returns the number of rows that the session has changed in each
// table, and the file of each materialized view.
func rowChanges(t *testing.T, conn *pgx.Conn) map[string]int64 {
	t.Helper()
	results, err := conn.PgConn().Exec(t.Context(), `
SELECT CASE WHEN n.nspname = 'public' THEN '' ELSE n.nspname || '.' END || c.relname,
	pg_stat_get_xact_tuples_inserted(c.oid) + pg_stat_get_xact_tuples_updated(c.oid) + pg_stat_get_xact_tuples_deleted(c.oid)
		+ CASE WHEN c.relkind = 'm' THEN c.relfilenode::int8 ELSE 0 END
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'm') AND n.nspname IN ('public', 's')`).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	counts := map[string]int64{}
	for _, row := range results[0].Rows {
		var count int64
		if _, err := fmt.Sscan(string(row[1]), &count); err != nil {
			t.Fatal(err)
		}
		counts[string(row[0])] = count
	}
	return counts
}

// A generator generates utility statements by their grammar.
type generator struct{ *rand.Rand }

// one returns one of several texts, in one of several spellings.
func (g generator) one(texts ...string) string { return texts[g.IntN(len(texts))] }

func (g generator) statement() string {
	switch g.IntN(16) {
	case 0, 1, 2:
		return "EXPLAIN " + g.options() + g.explained()
	case 3:
		return "COPY (" + g.one(g.query(3), g.query(3), g.modification()) + ") TO STDOUT" + g.one("", " (FORMAT csv)", " WITH CSV HEADER")
	case 4, 5:
		return "COPY " + g.one("t", "s.\"to\"", `"analyze"`, "s.data (a, b)", "public.t") + g.one(" FROM STDIN", " FROM STDIN WITH (FORMAT text)", " FROM stdout") +
			g.one("", " WHERE "+g.condition(), " WHERE "+g.condition())
	case 6:
		return `DECLARE "for" ` + g.one("", "NO SCROLL ", "BINARY ") + "CURSOR " + g.one("", "WITH HOLD ", "WITHOUT HOLD ") + "FOR " + g.query(3)
	case 7, 8:
		return g.filling()
	case 9:
		return "CREATE " + g.one("", "OR REPLACE ") + g.one("", "TEMP ", "LOCAL TEMPORARY ") + "VIEW " + g.name() + " AS " + g.query(2)
	case 10:
		return "CREATE TABLE " + g.name() + g.one(" (a int)", " (a int DEFAULT fw(1), \"as\" int CHECK (sly(1) > 0))", " (a int GENERATED ALWAYS AS (sly(1)) STORED)",
			" (LIKE indexed INCLUDING ALL)", " () INHERITS (t)", " PARTITION OF p FOR VALUES IN (fw(1))", " (a int) PARTITION BY LIST ((a + sly(1)))", " (a int PRIMARY KEY)")
	case 11:
		return "CREATE " + g.one("", "UNIQUE ") + "INDEX " + g.one("", "temp ", "\"on\" ") + "ON " + g.one("t", "ONLY t", "s.data", "indexed", "p") +
			g.one("(a)", " (sly(a))", " USING btree ((pure(a) + 1), b)", " (a) WHERE sly(b) > 0", " (pure(a)) INCLUDE (b)", " ((a + sly(1)))")
	case 12:
		return g.one("REFRESH MATERIALIZED VIEW m", "REFRESH MATERIALIZED VIEW n", "REFRESH MATERIALIZED VIEW public.m WITH NO DATA", "ANALYZE indexed", "ANALYZE (VERBOSE off) t",
			"REINDEX TABLE indexed", "CLUSTER indexed USING indexed_sly", "ANALYZE", "CLUSTER t")
	case 13:
		return g.one("PREPARE "+g.name()+" AS "+g.query(2), "PREPARE q (int) AS SELECT fw($1)", "EXECUTE writes", "SET LOCAL search_path TO s, public", "COMMENT ON TABLE t IS 'SELECT fw(1)'",
			"CREATE SCHEMA made", "CREATE FUNCTION made(a int DEFAULT fw(1)) RETURNS int LANGUAGE sql AS 'SELECT sly(1)'", "CREATE SEQUENCE made", "CREATE TYPE made AS (a int)",
			"LOCK TABLE t", "TRUNCATE t, s.data", "DO $$ BEGIN PERFORM fw(1); END $$", "CALL fw(1)", "SAVEPOINT data", "NOTIFY t, 'x'")
	case 14:
		return "SELECT " + g.call() + " AS a INTO " + g.one("", "TEMP ", "TABLE ") + g.name() + g.one("", " FROM t")
	}
	return g.one(g.query(3), g.modification())
}

func (g generator) options() string {
	return g.one("", "ANALYZE ", "analyse VERBOSE ", "VERBOSE ", `("analyze") `, "(ANALYZE) ", "(analyze off) ", "(analyze 0) ", "(ANALYZE 'true', COSTS off) ",
		"(analyze off, analyze) ", "(ANALYZE, \"analyze\" FALSE) ", "(COSTS) ", "(ANALYSE 1) ", "/* ANALYZE */ ", "( FORMAT json , ANALYZE on ) ", "(U&\"\\0061nalyze\") ")
}

func (g generator) explained() string {
	switch g.IntN(7) {
	case 0:
		return g.modification()
	case 1:
		return "DECLARE " + g.name() + " CURSOR FOR " + g.query(2)
	case 2:
		return g.filling()
	case 3:
		return g.one("EXECUTE writes", "REFRESH MATERIALIZED VIEW m")
	}
	return g.query(3)
}

// filling returns a statement that creates a relation from a query.
func (g generator) filling() string {
	return g.one("CREATE TABLE ", "CREATE TEMP TABLE ", "CREATE UNLOGGED TABLE IF NOT EXISTS ", "CREATE MATERIALIZED VIEW ") + g.name() + g.one("", " USING heap", " WITH (fillfactor = 70)") +
		" AS " + g.one(g.query(3), g.query(3), "EXECUTE writes") + g.one("", "", " WITH DATA", " WITH NO DATA")
}

func (g generator) name() string {
	return g.one("index", "temp", `"as"`, "data", "view", `"select"`, "s.table", "s.as", "made", `"TEMP"`, "procedure", "no")
}

func (g generator) call() string {
	return g.one("fw(1)", "pure(1)", `"Fw"(2)`, "public.fw(3)", "sly(4)", "FW(1)", "pure(fw(1))", "CASE WHEN true THEN fw(1) END", "1 +@ 2", "(SELECT fw(1))", "hidden(1)", "pure(2)", "1")
}

func (g generator) condition() string {
	return g.one("fw(a) > 0", "a > 0", "pure(a) > 0 AND \"Fw\"(b) > 0", "t.attribute > 0", "(a +@ b) > 0", "sly(a) IS NOT NULL", "a IN (1, 5, pure(7))", "hidden(a) > 0")
}

func (g generator) modification() string {
	return g.one("INSERT INTO t VALUES (1, "+g.call()+")", `INSERT INTO "analyze" DEFAULT VALUES`, `INSERT INTO s."to" (b) VALUES (1)`, "DELETE FROM s.data", "UPDATE t SET a = "+g.call(),
		"INSERT INTO s.data "+g.query(1), "MERGE INTO t USING s.data d ON t.a = d.a WHEN MATCHED THEN UPDATE SET b = 3", "WITH x AS (DELETE FROM s.data RETURNING a) SELECT * FROM x",
		"INSERT INTO indexed VALUES (3, 3)") + g.one("", " RETURNING a")
}

// query returns a query of one or two columns.
func (g generator) query(depth int) string {
	if depth == 0 {
		return g.one("SELECT "+g.call(), "SELECT "+g.call()+" FROM t", "VALUES ("+g.call()+")", "TABLE v", "TABLE w", "SELECT t.attribute FROM t", "SELECT a FROM v")
	}
	switch g.IntN(6) {
	case 0:
		return "(" + g.query(depth-1) + ")"
	case 1:
		return "(" + g.query(depth-1) + ") UNION ALL " + g.query(0)
	case 2:
		return "WITH data AS (" + g.query(depth-1) + ") SELECT * FROM data"
	case 3:
		return "SELECT * FROM (" + g.query(depth-1) + ") AS q" + g.one("", " ORDER BY 1", " LIMIT 5")
	case 4:
		return "SELECT " + g.call() + " AS a, EXISTS (" + g.query(depth-1) + ") AS b"
	}
	return g.query(0)
}
