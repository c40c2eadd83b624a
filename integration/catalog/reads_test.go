package catalog_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/headrace/headrace/integration/pgtest"
	"github.com/headrace/headrace/internal/catalog"
)

// TestReads has a line for each way in which a result depends on more, or on
// other, relations than its text names.
func TestReads(t *testing.T) {
	t.Parallel()
	conn := connect(t)
	pgtest.Exec(t, conn, `
CREATE FUNCTION before(a event, b event) RETURNS bool LANGUAGE plpgsql AS 'BEGIN RETURN a.id < (SELECT max(id) FROM plain); END';
CREATE FUNCTION same(a event, b event) RETURNS bool LANGUAGE sql IMMUTABLE AS 'SELECT a.id = b.id';
CREATE FUNCTION ranks(a event, b event) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT a.id - b.id';
CREATE OPERATOR <# (LEFTARG = event, RIGHTARG = event, FUNCTION = before);
CREATE OPERATOR =# (LEFTARG = event, RIGHTARG = event, FUNCTION = same);
CREATE OPERATOR CLASS event_rank FOR TYPE event USING btree AS OPERATOR 1 <#, OPERATOR 3 =#, FUNCTION 1 ranks(event, event);`)
	for _, c := range []struct{ name, sql, reads, refused string }{
		{"table", `SELECT name FROM city WHERE id = $1`, "city", ""},
		{"join", `SELECT 1 FROM city c JOIN country ON code = c.country`, "city country", ""},
		{"subquery", `SELECT 1 FROM plain WHERE EXISTS (SELECT FROM city)`, "city plain", ""},
		{"set operation", `SELECT id FROM plain UNION ALL SELECT id FROM city ORDER BY 1`, "city plain", ""},
		{"lateral", `SELECT * FROM plain p, LATERAL (SELECT * FROM city c WHERE c.id = p.id) x`, "city plain", ""},
		{"no table", `SELECT $1::int + 1`, "", ""},
		{"values", `VALUES (1), ((SELECT max(id) FROM plain))`, "plain", ""},
		{"table command", `TABLE plain`, "plain", ""},
		{"trailing comment", `SELECT 1 FROM plain -- the end`, "plain", ""},
		{"trailing semicolon", `SELECT 1 FROM plain;`, "plain", ""},

		{"view", `SELECT * FROM old_city`, "city", ""},
		{"view of a view", `SELECT * FROM old_city_name`, "city country", ""},
		{"volatile function in a view", `SELECT * FROM drawn`, "plain", "random(): volatile"},
		{"function in a view", `SELECT * FROM busy`, "city country", ""},
		// Whatever the server does not show may sort, by an operator of a class
		// that reads plain.
		{"hidden function in a view", `SELECT * FROM obscure`, "city country plain", "public.hidden(text): a function whose body"},
		{"materialized view", `SELECT * FROM city_count`, "city_count", "public.city_count: a materialized view"},

		{"function with a body", `SELECT cities_of($1)`, "city", ""},
		{"function without a body", `SELECT hidden($1)`, "city country plain", "public.hidden(text): a function whose body"},
		{"IMMUTABLE is not believed of plpgsql", `SELECT liar($1)`, "city country plain", "public.liar(text): a function whose body"},
		{"aggregate", `SELECT hidden_sum(id) FROM plain`, "plain", ""},
		{"aggregate with a hidden step", `SELECT hidden_total(id) FROM city`, "city plain", "public.hidden_step(integer, integer): volatile"},
		{"operator", `SELECT 1 FROM city WHERE name === $1`, "city plain", "public.hidden_eq(text, text): volatile"},
		{"operator that sorts", `SELECT at FROM person ORDER BY at USING <#`, "person plain", "public.before(public.event, public.event): volatile"},
		{"domain with a check", `SELECT name::country_code FROM city`, "city country plain", "public.known(text): volatile"},

		{"CTE shadows a table", `WITH city AS (SELECT 1 AS id) SELECT * FROM city`, "", ""},
		{"CTE shadows in its own query", `WITH city AS (SELECT * FROM city) SELECT * FROM city`, "city", ""},
		{"recursive CTE", `WITH RECURSIVE plain AS (SELECT 1 AS id UNION ALL SELECT id + 1 FROM plain WHERE id < 9) TABLE plain`, "", ""},
		{"nested CTE", `WITH a AS (WITH plain AS (SELECT 1 AS id) SELECT * FROM plain) SELECT * FROM a, plain`, "plain", ""},
		{"qualified name past a CTE", `WITH plain AS (SELECT 1 AS id) SELECT * FROM public.plain`, "plain", ""},

		{"partitioned table", `SELECT * FROM reading`, "reading reading_2025 reading_2025_1 reading_2026", ""},
		{"partition", `SELECT * FROM reading_2025`, "reading_2025 reading_2025_1", ""},
		{"inheritance", `SELECT * FROM animal`, "animal cat kitten", ""},
		{"inheritance from the middle", `SELECT * FROM cat`, "cat kitten", ""},
		{"ONLY", `SELECT * FROM ONLY animal`, "animal", ""},
		{"ONLY beside all", `SELECT 1 FROM ONLY animal, animal a`, "animal cat kitten", ""},

		{"row security", `SELECT * FROM account`, "account member", "public.account: row security"},
		{"unlogged table", `SELECT * FROM scratch`, "scratch", "public.scratch: an unlogged table"},
		{"sequence", `SELECT last_value FROM numbers`, "numbers", "public.numbers: a sequence"},
		{"catalog", `SELECT relname FROM pg_class`, "pg_catalog.pg_class", "pg_catalog.pg_class: a system catalog"},
		{"information schema", `SELECT * FROM information_schema.tables`, "information_schema.tables pg_catalog.pg_class pg_catalog.pg_namespace pg_catalog.pg_type",
			"information_schema.tables: a system catalog"},

		{"FOR UPDATE", `SELECT * FROM plain FOR UPDATE`, "plain", "locks the rows"},
		{"FOR SHARE in a subquery", `SELECT * FROM (SELECT * FROM plain FOR SHARE) p`, "plain", "locks the rows"},
		{"sample", `SELECT * FROM plain TABLESAMPLE bernoulli (10)`, "plain", "TABLESAMPLE: volatile"},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := examine(t, conn, c.sql)
			if got := names(e.Reads); c.reads != "*" && got != c.reads {
				t.Errorf("reads %q, want %q", got, c.reads)
			}
			if known := c.reads != "*"; e.ReadsKnown != known {
				t.Errorf("ReadsKnown is %v", e.ReadsKnown)
			}
			if e.Cacheable != (c.refused == "") || !strings.Contains(refusals(e), c.refused) {
				t.Errorf("cacheable is %v, refused as %q, want %q", e.Cacheable, refusals(e), c.refused)
			}
			if len(e.Writes) > 0 {
				t.Errorf("writes %s", names(e.Writes))
			}
			if e.ReadsKnown && !strings.Contains(c.sql, "$1") {
				heldAgainstLocks(t, conn, c.sql, e)
			}
		})
	}
}

// heldAgainstLocks runs a statement, and compares its reads with the locks that
// the server took.
func heldAgainstLocks(t *testing.T, conn *pgx.Conn, sql string, e catalog.Effects) {
	t.Helper()
	pgtest.Exec(t, conn, "BEGIN; "+sql)
	rows, err := conn.Query(t.Context(), `
SELECT DISTINCT c.oid FROM pg_locks l JOIN pg_class c ON c.oid = l.relation
WHERE l.pid = pg_backend_pid() AND l.relation >= 16384 AND c.relkind IN ('r', 'p', 'm', 'S', 'f')`)
	if err != nil {
		t.Fatal(err)
	}
	locked, err := pgx.CollectRows(rows, pgx.RowTo[uint32])
	if err != nil {
		t.Fatal(err)
	}
	pgtest.Exec(t, conn, "ROLLBACK")
	for _, oid := range locked {
		if !slices.ContainsFunc(e.Reads, func(r catalog.Relation) bool { return r.OID == oid }) {
			t.Errorf("%s: relation %d was locked, known were %q", sql, oid, names(e.Reads))
		}
	}
}
