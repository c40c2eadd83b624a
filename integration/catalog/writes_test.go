package catalog_test

import (
	"strings"
	"testing"

	"github.com/headrace/headrace/integration/pgtest"
	"github.com/headrace/headrace/internal/catalog"
)

const unknown = "*"

// writeCases has a line for each way in which a statement changes more, or
// other, relations than its text names.
var writeCases = []struct{ name, sql, writes string }{
	{"insert", `INSERT INTO plain VALUES ($1, $2)`, "plain"},
	{"insert from a query", `INSERT INTO plain SELECT id, name FROM city RETURNING id`, "plain"},
	{"update", `UPDATE plain SET note = $2 WHERE id = $1`, "plain"},
	{"delete", `DELETE FROM plain USING city WHERE city.id = plain.id`, "plain"},
	{"merge", `MERGE INTO plain p USING city c ON c.id = p.id WHEN MATCHED THEN DELETE WHEN NOT MATCHED THEN INSERT VALUES (c.id, c.name)`, "plain"},
	{"CTE", `WITH gone AS (DELETE FROM plain RETURNING *) SELECT count(*) FROM gone`, "plain"},
	{"two CTEs", `WITH a AS (DELETE FROM plain RETURNING *), b AS (INSERT INTO audit SELECT note FROM a) SELECT 1`, "audit plain"},
	{"CTE shadows the source", `WITH city AS (SELECT 1 AS id) INSERT INTO plain SELECT id FROM city`, "plain"},

	{"foreign key that cascades", `DELETE FROM country`, "city country street"},
	{"foreign key that sets null", `DELETE FROM city`, "city street"},
	{"foreign key that restricts", `DELETE FROM street`, "street"},
	{"foreign key that cascades updates", `UPDATE country SET code = 'x'`, "city country"},
	{"no action of keys on insert", `INSERT INTO country VALUES ('x', 'y')`, "country"},
	{"upsert updates", `INSERT INTO country VALUES ('x', 'y') ON CONFLICT (code) DO UPDATE SET code = 'z'`, "city country"},

	{"trigger", `UPDATE watched SET note = ''`, "audit watched"},
	{"trigger of another event", `INSERT INTO watched VALUES (1, '')`, "watched"},
	{"upsert fires the update's trigger", `INSERT INTO watched VALUES (1) ON CONFLICT (id) DO UPDATE SET note = ''`, "audit watched"},
	{"rule", `INSERT INTO ruled VALUES (1)`, "audit ruled"},
	{"rule of another event", `DELETE FROM ruled`, "ruled"},
	{"rule instead", `DELETE FROM moved`, "audit"},
	{"rule instead, whose table has a trigger", `DELETE FROM diverted`, "audit watched"},

	{"partitioned table", `INSERT INTO reading VALUES ('2025-05-05', 1, 1)`, "reading reading_2025 reading_2025_1 reading_2026"},
	{"partition", `DELETE FROM reading_2025_1`, "reading reading_2025 reading_2025_1"},
	{"inheriting tables", `DELETE FROM animal`, "animal cat kitten"},
	{"insert stays in the parent", `INSERT INTO animal VALUES ('x')`, "animal"},
	{"child", `UPDATE cat SET lives = 8`, "animal cat kitten"},

	{"view", `UPDATE old_city SET name = 'x'`, "city"},
	{"view and keys", `DELETE FROM old_city`, "city street"},

	{"function with a body", `SELECT add_note()`, "plain"},
	{"function without a body", `SELECT hidden('x')`, ""},
	{"function in a write", `UPDATE plain SET note = hidden(note)::text`, "plain"},
	{"function that makes up its text", `SELECT made_up()`, unknown},
	{"function that changes the schema", `SELECT remade()`, unknown},
	{"function that makes a table by SELECT INTO", `SELECT into_table(1)`, unknown},
	{"function that calls one that writes", `SELECT outer_note()`, "audit"},
	{"function, not volatile, that calls one that writes", `SELECT sly_note()`, "audit"},
	{"function that reads a view that writes", `SELECT by_view()`, "audit"},
	{"function that locks rows", `SELECT lock_plain()`, "plain"}, // by its word UPDATE
	{"function that upserts", `SELECT upsert_plain()`, "plain"},

	{"trigger that sets a column", `UPDATE stamped SET id = 2`, "stamped"},
	{"function by attribute notation", `SELECT p.touched FROM plain p`, "audit"},
	{"operator that writes", `SELECT 1 @+@ 2`, "audit"},
	{"default of a domain", `INSERT INTO with_domain DEFAULT VALUES`, "audit with_domain"},
	{"builtin that runs a query", `SELECT query_to_xml('SELECT add_note()', true, true, '')`, unknown},
	{"sequence", `SELECT nextval('numbers')`, ""},
	{"read", `SELECT * FROM city`, ""},
	{"row locks", `SELECT * FROM city FOR UPDATE`, ""},
	{"row security", `UPDATE account SET balance = 0`, "account"},
	{"unlogged table", `INSERT INTO scratch VALUES (1)`, "scratch"},

	{"truncate", `TRUNCATE plain`, "plain"},
	{"truncate follows keys", `TRUNCATE country CASCADE`, "city country house street"},
	{"truncate partitions", `TRUNCATE reading_2025`, "reading reading_2025 reading_2025_1"},
	{"truncate many", `TRUNCATE plain, audit RESTART IDENTITY`, "audit plain"},
	{"copy", `COPY plain (id, note) FROM STDIN`, "plain"},
	{"copy into a partitioned table", `COPY reading FROM STDIN`, "reading reading_2025 reading_2025_1 reading_2026"},
	{"copy with a condition", `COPY plain FROM STDIN WHERE inner_note() > 0 AND id > 0`, "audit plain"},
	{"copy with a condition by attribute notation", `COPY plain FROM STDIN WHERE (plain).touched > 0`, "audit plain"},
	{"copy with a condition that makes up its text", `COPY plain FROM STDIN (FORMAT csv) WHERE made_up() IS NULL`, unknown},
	{"copy does not heed rules", `COPY ruled FROM STDIN`, "ruled"},
	{"copy out", `COPY plain TO STDOUT`, ""},
	{"copy a query out", `COPY (SELECT * FROM plain) TO STDOUT`, ""},
	{"copy what a delete returns", `COPY (DELETE FROM country RETURNING *) TO STDOUT`, "city country street"},
	{"explain analyze", `EXPLAIN (ANALYZE, BUFFERS) DELETE FROM country`, "city country street"},
	{"explain does not run it", `EXPLAIN DELETE FROM country`, ""},
	{"explain with a quoted option", `EXPLAIN ("analyze") DELETE FROM plain`, "plain"},
	{"explain without analyze", `EXPLAIN ("analyze" off, costs) DELETE FROM plain`, ""},
	{"explain does not call what is volatile", `EXPLAIN SELECT add_note(), inner_note()`, ""},
	{"explain calls what is not volatile", `EXPLAIN SELECT sly_note()`, "audit"},
	{"explain calls a default that is not volatile", `EXPLAIN INSERT INTO sly_default (id) VALUES (1)`, "audit sly_default"},
	{"explain in parentheses", `EXPLAIN ANALYZE (SELECT inner_note()) UNION ALL SELECT add_note()`, "audit plain"},
	{"explain a cursor", `EXPLAIN ANALYZE DECLARE c CURSOR FOR (SELECT add_note())`, "plain"},
	{"explain a table from a query", `EXPLAIN ANALYZE CREATE TABLE index AS SELECT add_note()`, "plain"},
	{"explain a prepared statement", `EXPLAIN ANALYZE EXECUTE p`, unknown},
	{"cursor in parentheses", `DECLARE "for" CURSOR FOR (SELECT inner_note()) UNION ALL SELECT add_note()`, "audit plain"},
	{"copy out in parentheses", `COPY ((SELECT inner_note()) UNION ALL SELECT add_note()) TO STDOUT`, "audit plain"},
	{"table from a query", `CREATE TABLE index AS SELECT add_note()`, "plain"},
	{"table from a query without data", `CREATE TABLE index AS SELECT add_note() WITH NO DATA`, ""},
	{"materialized view", `CREATE MATERIALIZED VIEW index AS SELECT add_note()`, "plain"},
	{"view of a function", `CREATE OR REPLACE VIEW index AS SELECT add_note()`, ""},
	{"plain table", `CREATE TABLE temp (id int DEFAULT add_note(), "as" text REFERENCES country)`, ""},
	{"schema alone", `CREATE SCHEMA made`, ""},
	{"schema with a table", `CREATE SCHEMA made CREATE VIEW v AS SELECT 1`, unknown},
	{"comment", `COMMENT ON TABLE plain IS 'plain'`, ""},
	{"new function", `CREATE FUNCTION made() RETURNS int LANGUAGE sql AS 'SELECT add_note()'`, ""},
	{"trigger of the root on a leaf", `INSERT INTO measured_1 VALUES (1)`, "audit measured measured_1"},
	{"trigger that is disabled", `DELETE FROM quiet`, "quiet"},
	{"trigger of the server's own", `UPDATE quiet SET id = 1`, "quiet"},
	{"trigger of this library", `INSERT INTO quiet VALUES (1)`, "quiet"},
	{"default that calls a function", `INSERT INTO with_default (id) VALUES (1)`, "plain with_default"},
	{"check that calls a function", `UPDATE with_check SET id = 1`, "with_check"},
	{"index that calls a function", `INSERT INTO with_index VALUES ('x')`, "with_index"},
	{"key on a partition", `DELETE FROM parent_1`, "child parent parent_1"},
	{"key on a partitioned table", `DELETE FROM parent`, "child parent parent_1"},
	{"row movement between partitions", `UPDATE measured SET id = 2`, "audit measured measured_1"},
	{"view with a trigger", `DELETE FROM triggered`, "audit plain"},
	{"refresh", `REFRESH MATERIALIZED VIEW city_count`, "city_count"},
	{"index", `CREATE INDEX ON plain (note)`, ""},
	{"temporary table", `CREATE TEMP TABLE t (id int)`, ""},
	{"temporary table from a query", `CREATE TEMP TABLE t AS SELECT add_note()`, "plain"},
	{"temporary table like another", `CREATE TEMP TABLE t (LIKE plain INCLUDING ALL) ON COMMIT DROP`, ""},
	{"temporary table of a prepared query", `CREATE TEMP TABLE t AS EXECUTE p`, unknown},
	{"temporary partition", `CREATE TEMP TABLE t PARTITION OF reading FOR VALUES FROM (add_note()) TO (2)`, unknown},
	{"select into", `SELECT add_note() INTO t`, unknown},
	{"cursor", `DECLARE c CURSOR FOR SELECT add_note()`, "plain"},

	{"call", `CALL something()`, unknown},
	{"do", `DO $$ BEGIN DELETE FROM plain; END $$`, unknown},
	{"execute", `EXECUTE something`, unknown},
	{"fetch", `FETCH ALL FROM c`, unknown},
	{"commit prepared", `COMMIT PREPARED 'x'`, unknown},
	{"two statements", `DELETE FROM plain; DELETE FROM city`, unknown},
	{"schema", `ALTER TABLE plain ADD x int`, unknown},
	{"begin", `BEGIN`, ""},
	{"set", `SET TIME ZONE 'UTC'`, ""},
	{"vacuum", `VACUUM plain`, ""},
	{"index that calls", `CREATE INDEX ON plain (sly_of(id))`, "audit"},
	{"index with a condition that calls", `CREATE INDEX ON plain (id) WHERE sly_of(id) > 1`, "audit"},
	{"prepare", `PREPARE p AS SELECT add_note()`, ""},
	{"show", `SHOW ALL`, ""},
}

// writers are functions whose bodies the server's parser does not show.
const writers = `
CREATE FUNCTION made_up() RETURNS void LANGUAGE plpgsql AS 'BEGIN EXECUTE ''DELETE FROM '' || ''plain''; END';
CREATE FUNCTION remade() RETURNS void LANGUAGE plpgsql AS 'BEGIN CREATE OR REPLACE VIEW old_city AS SELECT id, name, country FROM city; END';
CREATE FUNCTION into_table(a anyelement) RETURNS void LANGUAGE sql AS 'SELECT a INTO made_table';
CREATE FUNCTION inner_note() RETURNS int LANGUAGE plpgsql AS 'BEGIN INSERT INTO audit VALUES (''x''); RETURN 1; END';
CREATE FUNCTION outer_note() RETURNS int LANGUAGE plpgsql AS 'BEGIN PERFORM "inner_note"(); RETURN 1; END';
CREATE FUNCTION sly_note() RETURNS int LANGUAGE plpgsql STABLE AS 'BEGIN RETURN inner_note(); END';
CREATE VIEW noting AS SELECT inner_note() AS n;
CREATE FUNCTION by_view() RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN (SELECT n FROM noting); END';
CREATE FUNCTION lock_plain() RETURNS int LANGUAGE plpgsql AS 'BEGIN PERFORM 1 FROM plain FOR NO KEY UPDATE; PERFORM 1 FROM plain FOR UPDATE; RETURN 1; END';
CREATE FUNCTION upsert_plain() RETURNS int LANGUAGE plpgsql AS 'BEGIN INSERT INTO plain VALUES (5) ON CONFLICT DO NOTHING; RETURN 1; END';
CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.at := now(); RETURN NEW; END';
CREATE TABLE stamped (id int, at timestamptz);
CREATE TRIGGER stamp BEFORE UPDATE ON stamped FOR EACH ROW EXECUTE FUNCTION stamp();
CREATE FUNCTION touched(plain) RETURNS int LANGUAGE plpgsql AS 'BEGIN INSERT INTO audit VALUES (''x''); RETURN 1; END';
CREATE FUNCTION noted(a int, b int) RETURNS int LANGUAGE plpgsql AS 'BEGIN INSERT INTO audit VALUES (''x''); RETURN 1; END';
CREATE OPERATOR @+@ (LEFTARG = int, RIGHTARG = int, FUNCTION = noted);
CREATE FUNCTION sly_of(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN public.inner_note(); END';
CREATE TABLE sly_default (id int, n int DEFAULT sly_of(1));
CREATE DOMAIN numbered AS int DEFAULT inner_note();
CREATE TABLE with_domain (id numbered);`

func TestWrites(t *testing.T) {
	t.Parallel()
	conn := connect(t)
	pgtest.Exec(t, conn, writers)
	for _, c := range writeCases {
		t.Run(c.name, func(t *testing.T) {
			e := examine(t, conn, c.sql)
			if got := names(e.Writes); c.writes != unknown && got != c.writes {
				t.Errorf("writes %q, want %q", got, c.writes)
			}
			if known := c.writes != unknown; e.WritesKnown != known {
				t.Errorf("WritesKnown is %v", e.WritesKnown)
			}
			if e.ReadOnly && c.writes != "" {
				t.Error("said to be read-only")
			}
			if e.Cacheable && c.name != "read" {
				t.Error("said to be cacheable")
			}
		})
	}
}

// TestWritesHoldTheLocks runs the statements, and compares their effects with
// the locks that the server took.
func TestWritesHoldTheLocks(t *testing.T) {
	t.Parallel()
	conn := connect(t)
	pgtest.Exec(t, conn, writers)
	pgtest.Exec(t, conn, `
INSERT INTO country VALUES ('a', 'A'); INSERT INTO city VALUES (1, 'x', 'a', '1700-01-01'); INSERT INTO street VALUES (1, 1, 's');
INSERT INTO plain VALUES (5, 'x'); INSERT INTO parent VALUES (1); INSERT INTO child VALUES (1);`)
	ran := 0
	for _, c := range writeCases {
		switch verb, _, _ := strings.Cut(c.sql, " "); verb {
		case "INSERT", "UPDATE", "DELETE", "MERGE", "WITH", "SELECT", "TRUNCATE", "REFRESH":
		default:
			continue
		}
		if strings.Contains(c.sql, "$1") || strings.Contains(c.sql, ";") {
			continue
		}
		e := examine(t, conn, c.sql)
		pgtest.Exec(t, conn, "BEGIN; "+c.sql)
		locked, err := locks(t.Context(), conn)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range locked {
			if e.WritesKnown && r.Name != "" && r.Kind != catalog.Sequence && !strings.Contains(" "+names(e.Writes)+" ", " "+names([]catalog.Relation{r})+" ") {
				t.Errorf("%s: %s was locked, known were %q", c.sql, r, names(e.Writes))
			}
		}
		pgtest.Exec(t, conn, "ROLLBACK")
		ran++
	}
	if ran < 30 {
		t.Errorf("only %d statements were run", ran)
	}
}

// TestOnlyAndAncestors: a read of a relation without its children distinguishes
// changes of the children from its own.
func TestOnlyAndAncestors(t *testing.T) {
	t.Parallel()
	conn := connect(t)
	for sql, want := range map[string]string{
		`SELECT * FROM ONLY animal`:               "animal",
		`SELECT * FROM animal`:                    "",
		`SELECT 1 FROM ONLY animal, animal a`:     "",
		`SELECT * FROM ONLY animal, ONLY plain`:   "animal plain",
		`SELECT 1 FROM ONLY cat, animal`:          "",
		`SELECT cities_of('x') FROM ONLY country`: "country",
	} {
		if e := examine(t, conn, sql); names(e.Only) != want {
			t.Errorf("%s: only %q, want %q", sql, names(e.Only), want)
		}
	}
	for sql, want := range map[string]string{
		`UPDATE cat SET lives = 8`:   "animal",
		`DELETE FROM kitten`:         "animal cat",
		`DELETE FROM animal`:         "",
		`DELETE FROM reading_2025_1`: "reading reading_2025",
		`UPDATE plain SET note = ''`: "",
	} {
		if e := examine(t, conn, sql); names(e.Ancestors) != want {
			t.Errorf("%s: ancestors %q, want %q", sql, names(e.Ancestors), want)
		}
	}
}

// TestMaintenanceThatCalls: maintenance statements evaluate expressions of
// indexes and statistics.
func TestMaintenanceThatCalls(t *testing.T) {
	t.Parallel()
	conn := connect(t)
	pgtest.Exec(t, conn, writers)
	pgtest.Exec(t, conn, `
CREATE TABLE indexed (id int PRIMARY KEY, n int);
CREATE MATERIALIZED VIEW copied AS SELECT id FROM city`)
	statements := []string{
		"VACUUM", "VACUUM (FULL) indexed", "ANALYZE", "ANALYZE indexed", "CLUSTER", "CLUSTER indexed USING indexed_pkey",
		"REINDEX TABLE indexed", "REINDEX SCHEMA public", "REFRESH MATERIALIZED VIEW copied", "CREATE TABLE like_it (LIKE indexed INCLUDING ALL)",
	}
	check := func(note string) {
		t.Helper()
		for _, sql := range statements {
			want := note
			if strings.HasPrefix(sql, "REFRESH") {
				want = strings.TrimSpace(want + " copied")
			}
			if e := examine(t, conn, sql); !e.WritesKnown || names(e.Writes) != want {
				t.Errorf("%s: writes %q, known %v, want %q", sql, names(e.Writes), e.WritesKnown, want)
			}
		}
	}
	check("")
	for _, expression := range []string{
		"CREATE INDEX made ON indexed ((sly_of(n) + 1))", "CREATE INDEX made ON copied (id) WHERE sly_of(id) > 0", "CREATE STATISTICS made ON (sly_of(n)), id FROM indexed",
	} {
		pgtest.Exec(t, conn, expression)
		check("audit")
		pgtest.Exec(t, conn, "DROP "+strings.Fields(expression)[1]+" made")
	}
	pgtest.Exec(t, conn, "CREATE FUNCTION on_ddl() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO audit VALUES (1); END'; CREATE EVENT TRIGGER on_ddl ON ddl_command_end EXECUTE FUNCTION on_ddl()")
	for _, sql := range append(statements[6:], "CREATE TABLE made (id int)", "COMMENT ON TABLE plain IS 'x'", "CREATE TEMP TABLE made (id int)", "CREATE TABLE made AS SELECT 1") {
		if e := examine(t, conn, sql); !e.WritesKnown || !strings.Contains(names(e.Writes), "audit") {
			t.Errorf("%s: writes %q, known %v, in spite of an event trigger", sql, names(e.Writes), e.WritesKnown)
		}
	}
}
