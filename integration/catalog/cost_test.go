package catalog_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/headrace/headrace/integration/pgtest"
	"github.com/headrace/headrace/internal/catalog"
	"github.com/headrace/headrace/internal/sqltext"
)

// inUse is the number of tables that the statements of
// TestCostIsThatOfWhatIsInUse name.
const inUse = 50

// manyTables creates typical tables. Statements about one of them lead to no
// other.
const manyTables = `
DO $do$ BEGIN
	FOR i IN 1..%d LOOP
		EXECUTE replace('
			CREATE TABLE t# (id int PRIMARY KEY, t int REFERENCES t# ON DELETE CASCADE, name text DEFAULT ''x'' CHECK (name <> ''''));
			CREATE VIEW v# AS SELECT * FROM t# WHERE id > 0;
			CREATE FUNCTION f#() RETURNS trigger LANGUAGE plpgsql AS ''BEGIN UPDATE v# SET name = lower(name); RETURN NULL; END'';
			CREATE TRIGGER f AFTER DELETE ON t# EXECUTE FUNCTION f#();
			CREATE TYPE e# AS ENUM (''a'', ''b'');
			CREATE DOMAIN d# AS text CHECK (VALUE <> '''')', '#', i::text);
	END LOOP;
END $do$`

// TestCostIsThatOfWhatIsInUse: the reads of catalogs depend on the objects in
// use, not on the size of the schema.
func TestCostIsThatOfWhatIsInUse(t *testing.T) {
	t.Parallel()
	few := costsWith(t, 2*inUse)
	for what, many := range costsWith(t, 10*inUse) {
		t.Logf("%s: %d rows of the catalogs read, with five times the tables %d", what, few[what].rows, many.rows)
		if 2*many.rows > 3*few[what].rows+1000 { // rows that vacuum has seen are not read
			t.Errorf("%s reads %d rows of the catalogs, %d with a fifth of the tables", what, many.rows, few[what].rows)
		}
		if len(many.scanned) > 0 {
			t.Errorf("%s reads all of %s", what, strings.Join(many.scanned, ", "))
		}
	}
}

// A cost counts the server's reads of its catalogs.
type cost struct {
	rows    int
	scanned []string // catalogs with a row for each table that were read as a whole
}

// costsWith returns the costs in a database of n tables, by activity.
func costsWith(t *testing.T, n int) map[string]cost {
	conn := pgtest.Connect(t, pgtest.New(t))
	pgtest.Exec(t, conn, fmt.Sprintf(manyTables, n))
	var statements, names []catalog.Question
	for i := range inUse {
		for _, sql := range []string{"SELECT name::d%[1]d, NULL::e%[1]d FROM v%[1]d", "DELETE FROM t%[1]d WHERE id = $1"} {
			st := sqltext.Analyze(fmt.Sprintf(sql, i+1))
			in, _ := catalog.NamesOf(st)
			statements = append(statements, catalog.Question{Statement: st})
			names = append(names, catalog.Question{Names: &in})
		}
	}
	var used []catalog.Dependencies
	examine := func(questions []catalog.Question) func() error {
		return func() error {
			for _, a := range catalog.ExamineAll(t.Context(), conn, questions) {
				if a.Err != nil {
					return a.Err
				}
				used = append(used, a.Effects.Dependencies)
			}
			return nil
		}
	}
	costs := map[string]cost{}
	for _, c := range []struct {
		what string
		do   func() error
	}{
		{"examining statements", examine(statements)},
		{"examining names", examine(names)},
		{"a look at the schema", func() error {
			_, err := catalog.Fingerprints(t.Context(), conn, used)
			return err
		}},
		{"asking what was written", func() error {
			pgtest.Exec(t, conn, "BEGIN; DELETE FROM t1")
			defer pgtest.Exec(t, conn, "ROLLBACK")
			_, _, err := catalog.Written(t.Context(), conn)
			return err
		}},
	} {
		if err := c.do(); err != nil { // which fills the server's caches
			t.Fatalf("%s: %v", c.what, err)
		}
		costs[c.what] = costOf(t, conn, c.do)
	}
	return costs
}

// costOf returns the cost of do, on conn.
func costOf(t *testing.T, conn *pgx.Conn, do func() error) cost {
	before := catalogReads(t, conn)
	own := catalogReads(t, conn)
	if err := do(); err != nil {
		t.Fatal(err)
	}
	var c cost
	for name, after := range catalogReads(t, conn) {
		self := own[name].rows - before[name].rows
		c.rows += after.rows - own[name].rows - self
		if self = own[name].scans - before[name].scans; after.scans-own[name].scans > self && after.size >= 10*inUse {
			c.scanned = append(c.scanned, name)
		}
	}
	return c
}

type reads struct{ rows, scans, size int }

// catalogReads returns the number of reads of each catalog so far.
func catalogReads(t *testing.T, conn *pgx.Conn) map[string]reads {
	pgtest.Exec(t, conn, "SELECT pg_stat_force_next_flush()")
	rows, err := conn.Query(t.Context(), `
		SELECT relname, seq_tup_read + COALESCE(idx_tup_fetch, 0), seq_scan, n_live_tup FROM pg_stat_sys_tables
		WHERE schemaname = 'pg_catalog' AND relname <> ALL ('{pg_database, pg_authid}')`, pgx.QueryExecModeExec)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]reads{}
	var name string
	var r reads
	if _, err := pgx.ForEachRow(rows, []any{&name, &r.rows, &r.scans, &r.size}, func() error { all[name] = r; return nil }); err != nil {
		t.Fatal(err)
	}
	return all
}

// TestSchemaChecksAreNotCompiled: a check of the schema disables JIT, since
// compiling its query would take seconds where running it takes milliseconds.
// The session's own setting stays.
func TestSchemaChecksAreNotCompiled(t *testing.T) {
	t.Parallel()
	conn := connect(t)
	jit := func() (setting string) {
		if err := conn.QueryRow(t.Context(), "SHOW jit").Scan(&setting); err != nil {
			t.Fatal(err)
		}
		return setting
	}
	pgtest.Exec(t, conn, "SET jit = on")
	d := examine(t, conn, "SELECT * FROM old_city_name").Dependencies
	fingerprint(t, conn, d)
	if jit() != "on" {
		t.Error("the setting of the session was changed")
	}
	pgtest.Exec(t, conn, "BEGIN")
	fingerprint(t, conn, d)
	if jit() != "off" {
		t.Error("the query may be compiled")
	}
	pgtest.Exec(t, conn, "ROLLBACK")
}
