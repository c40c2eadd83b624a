package catalog_test

import (
	"strings"
	"testing"

	"github.com/headrace/headrace/integration/pgtest"
	"github.com/headrace/headrace/internal/catalog"
)

// TestFunctionBodies follows functions in SQL in every form of body.
func TestFunctionBodies(t *testing.T) {
	t.Parallel()
	conn := connect(t)
	pgtest.Exec(t, conn, `
CREATE FUNCTION by_position(text) RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM city WHERE name = $1';
CREATE FUNCTION by_name(wanted text, OUT n bigint) LANGUAGE sql AS 'SELECT count(*) FROM country WHERE code = wanted';
CREATE FUNCTION by_own_name(wanted text) RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM city WHERE name = by_own_name.wanted -- the end';
CREATE FUNCTION by_many(VARIADIC names text[]) RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM city WHERE name = ANY (names)';
CREATE FUNCTION by_two() RETURNS int LANGUAGE sql AS 'SELECT 1 FROM city; SELECT 1 FROM country';
CREATE FUNCTION by_other() RETURNS SETOF text LANGUAGE sql SET search_path = other, pg_catalog AS 'SELECT note FROM plain';
CREATE FUNCTION by_nested() RETURNS bigint LANGUAGE sql AS 'SELECT by_position(x) FROM by_other() x';
CREATE FUNCTION by_default(a int, b bigint DEFAULT (cities_of('x'))) RETURNS int LANGUAGE sql AS 'SELECT a';
CREATE FUNCTION by_hidden_default(a int, b bigint DEFAULT hidden('x')) RETURNS int LANGUAGE sql AS 'SELECT a';
CREATE FUNCTION by_utility() RETURNS void LANGUAGE sql AS 'TRUNCATE plain';
CREATE FUNCTION by_any(a anyelement) RETURNS anyelement LANGUAGE sql AS 'SELECT a';
CREATE FUNCTION by_writing() RETURNS void LANGUAGE sql AS 'DELETE FROM country';
CREATE FUNCTION by_recursion(a int) RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE OR REPLACE FUNCTION by_recursion(a int) RETURNS int LANGUAGE sql AS 'SELECT by_recursion(a) FROM plain';
CREATE VIEW by_view AS SELECT by_position('x');
CREATE FUNCTION pure(a text) RETURNS text LANGUAGE sql AS 'SELECT lower(a)';`)

	check := func(sql, reads, writes string, cacheable bool) {
		e := examine(t, conn, sql)
		if got := names(e.Reads); e.ReadsKnown != (reads != unknown) || e.ReadsKnown && got != reads {
			t.Errorf("%s: reads %q, known %v, want %q", sql, got, e.ReadsKnown, reads)
		}
		if got := names(e.Writes); e.WritesKnown != (writes != unknown) || e.WritesKnown && got != writes {
			t.Errorf("%s: writes %q, known %v, want %q", sql, got, e.WritesKnown, writes)
		}
		if e.Cacheable != cacheable {
			t.Errorf("%s: cacheable is %v: %s", sql, e.Cacheable, refusals(e))
		}
	}
	for _, c := range []struct{ sql, reads, writes string }{
		{`SELECT by_position('x')`, "city", ""},
		{`SELECT by_name('x')`, "country", ""},
		{`SELECT by_own_name('x')`, "city", ""},
		{`SELECT by_many('x', 'y')`, "city", ""},
		{`SELECT by_two()`, "city country", ""},
		{`SELECT by_other()`, "other.plain", ""},
		{`SELECT by_default(1)`, "city", ""},
		{`SELECT by_writing()`, "country", "city country street"},
		{`SELECT by_recursion(1)`, "plain", ""},
		{`SELECT * FROM by_view`, "city", ""},
		{`SELECT pure(name) FROM city`, "city", ""},
		{`SELECT 1 FROM by_position('x') p JOIN city ON true`, "city", ""},
	} {
		check(c.sql, c.reads, c.writes, c.writes == "")
	}
	// A function that by_other calls would run under the path that by_other
	// sets, so every object that a word may name counts.
	check(`SELECT by_nested()`, "city other.city other.plain", "", false)
	check(`SELECT by_hidden_default(1)`, "city country", "", false)
	check(`SELECT by_utility()`, "plain", "plain", false)
}

// TestVolatileFunctions: a statement that calls a function that may write runs
// on each call.
func TestVolatileFunctions(t *testing.T) {
	t.Parallel()
	conn := connect(t)
	pgtest.Exec(t, conn, `
CREATE FUNCTION order_of(text) RETURNS text LANGUAGE plpgsql AS 'BEGIN INSERT INTO plain VALUES (1); RETURN $1; END';
CREATE FUNCTION look(text) RETURNS text LANGUAGE plpgsql STABLE AS 'BEGIN RETURN (SELECT min(note) FROM plain); END';
CREATE FUNCTION by_text(text) RETURNS text LANGUAGE sql AS 'SELECT order_of($1)';
CREATE FUNCTION by_tree(text) RETURNS text LANGUAGE sql STABLE BEGIN ATOMIC SELECT order_of($1); END;
CREATE FUNCTION bump(int, int) RETURNS int LANGUAGE plpgsql AS 'BEGIN DELETE FROM plain; RETURN 1; END';
CREATE OPERATOR @+@ (LEFTARG = int, RIGHTARG = int, FUNCTION = bump);
CREATE VIEW orders AS SELECT order_of('x');
CREATE TABLE guarded (id int);
CREATE FUNCTION allowed() RETURNS bool LANGUAGE plpgsql AS 'BEGIN DELETE FROM plain; RETURN true; END';
CREATE POLICY p ON guarded USING (allowed());
ALTER TABLE guarded ENABLE ROW LEVEL SECURITY;`)
	for sql, volatile := range map[string]bool{
		`SELECT order_of('x')`: true, `SELECT by_text('x')`: true, `SELECT by_tree('x')`: true, `SELECT 1 @+@ 2`: true,
		`TABLE orders`: true, `SELECT id FROM guarded`: true, `SELECT look('x')`: false,
	} {
		e := examine(t, conn, sql)
		if got := e.Refusal().Reason == catalog.VolatileFunction; got != volatile || e.Cacheable {
			t.Errorf("%s: cacheable %v, %s", sql, e.Cacheable, refusals(e))
		}
	}
}

// TestCastsToJSON: functions that make JSON call user-defined casts.
func TestCastsToJSON(t *testing.T) {
	t.Parallel()
	conn := connect(t)
	pgtest.Exec(t, conn, `
CREATE TYPE point3 AS (x int, y int, z int);
CREATE FUNCTION point3_json(p point3) RETURNS json LANGUAGE plpgsql AS 'BEGIN RETURN (SELECT json_agg(note) FROM plain); END';`)
	if e := examine(t, conn, `SELECT to_jsonb(p) FROM plain p`); !e.Cacheable {
		t.Errorf("without casts: %s", refusals(e))
	}
	pgtest.Exec(t, conn, `CREATE CAST (point3 AS json) WITH FUNCTION point3_json`)
	e := examine(t, conn, `SELECT to_jsonb(p) FROM plain p`)
	if names(e.Reads) != "plain" || e.Cacheable || !strings.Contains(refusals(e), "public.point3_json") {
		t.Errorf("with a cast: reads known is %v, %s", e.ReadsKnown, refusals(e))
	}
}

// TestSearchPath: one text refers to other relations under another path, and is
// examined as the server would run it.
func TestSearchPath(t *testing.T) {
	t.Parallel()
	conn := connect(t)
	pgtest.Exec(t, conn, `
CREATE FUNCTION other.lower(name) RETURNS text LANGUAGE plpgsql AS 'BEGIN RETURN (SELECT min(note) FROM public.plain); END';
CREATE FUNCTION late() RETURNS text LANGUAGE sql AS 'SELECT note FROM plain';
CREATE FUNCTION bound() RETURNS text LANGUAGE sql BEGIN ATOMIC SELECT note FROM plain; END;
CREATE TABLE other.pg_class (relname text);
CREATE FUNCTION other."=" (oid, oid) RETURNS bool LANGUAGE sql AS 'SELECT false';
CREATE OPERATOR other.= (LEFTARG = oid, RIGHTARG = oid, FUNCTION = other."=");`)

	for _, c := range []struct{ path, sql, reads string }{
		{"public", `SELECT note FROM plain`, "plain"},
		{"other, public", `SELECT note FROM plain`, "other.plain"},
		{"other, public", `SELECT code FROM country`, "country"},
		{"other, public", `SELECT late()`, "other.plain"},
		{"other, public", `SELECT bound()`, "plain"},
		{"other, public", `SELECT name FROM old_city`, "city"},
		{"other, public", `SELECT note FROM public.plain`, "plain"},
		{"nowhere, public", `SELECT note FROM plain`, "plain"},
		{"public", `SELECT lower(name::name) FROM city`, "city"},
		{"public, other", `SELECT lower(name::name) FROM city`, "city other.plain plain"},
		{"other, pg_catalog", `SELECT relname FROM pg_class`, "other.pg_class"},
		{"other, pg_catalog, public", `SELECT * FROM busy`, "city country"},
		{"", `SELECT note FROM other.plain`, "other.plain"},
	} {
		pgtest.Exec(t, conn, "SELECT set_config('search_path', '"+c.path+"', false)")
		e := examine(t, conn, c.sql)
		if got := names(e.Reads); e.ReadsKnown != (c.reads != "*") || e.ReadsKnown && got != c.reads {
			t.Errorf("search_path %s: %s: reads %q, known %v, want %q", c.path, c.sql, got, e.ReadsKnown, c.reads)
		}
		var path string
		if err := conn.QueryRow(t.Context(), "SHOW search_path").Scan(&path); err != nil || path != c.path {
			t.Errorf("search_path is %s afterwards, want %s (%v)", path, c.path, err)
		}
	}
}
