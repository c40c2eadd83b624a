package catalog_test

import (
	"context"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/headrace/headrace/integration/pgtest"
)

// longName is truncated by the server; truncating by bytes alone would split a
// character.
var longName = strings.Repeat("очень_", 6) + "длинное_имя"

// bodies are functions whose bodies are strings.
var bodies = `
CREATE TABLE kv (key text, value int);
CREATE TABLE counters (n int);
CREATE TABLE "Заказы" (id int);
CREATE TABLE "odd ""name"" here" (id int);
CREATE TABLE ` + longName + ` (id int);
CREATE TABLE log (what text);
CREATE SCHEMA tenant;
CREATE TABLE tenant.kv (key text, value int);
CREATE VIEW counted AS SELECT n FROM counters;

CREATE FUNCTION bump() RETURNS void LANGUAGE plpgsql AS $$BEGIN PERFORM 1 FROM kv WHERE key='a'; UPDATE counters SET n=n+1; END$$;
CREATE FUNCTION key_update() RETURNS void LANGUAGE plpgsql AS $$DECLARE update int; key int; BEGIN key := 1; UPDATE counters SET n = key; END$$;
CREATE FUNCTION open_update() RETURNS void LANGUAGE plpgsql AS $$
	DECLARE c refcursor; BEGIN OPEN c FOR UPDATE counters SET n = 1 RETURNING n; END$$;
CREATE FUNCTION loop_delete() RETURNS void LANGUAGE plpgsql AS $$
	DECLARE r record; BEGIN FOR r IN DELETE FROM counters RETURNING n LOOP NULL; END LOOP; END$$;
CREATE FUNCTION order_it() RETURNS void LANGUAGE plpgsql AS $$BEGIN INSERT INTO "Заказы" VALUES (1); END$$;
CREATE FUNCTION quote_it() RETURNS void LANGUAGE plpgsql AS $$BEGIN INSERT INTO "odd ""name"" here" VALUES (1); END$$;
CREATE FUNCTION long_it() RETURNS void LANGUAGE plpgsql AS $$BEGIN INSERT INTO ` + longName + `_и_ещё VALUES (1); END$$;
CREATE FUNCTION shout() RETURNS void LANGUAGE plpgsql AS $$BEGIN INSERT INTO PUBLIC.LOG VALUES ('x'); END$$;
CREATE FUNCTION in_comments() RETURNS void LANGUAGE plpgsql AS $$BEGIN /* /* */ ' */ INSERT--'
	INTO log VALUES ('--'); END$$;
CREATE FUNCTION by_do() RETURNS void LANGUAGE plpgsql AS $$BEGIN DO 'BEGIN DELETE FROM counters; END'; INSERT INTO log VALUES ('x'); END$$;
CREATE FUNCTION by_do_language() RETURNS void LANGUAGE plpgsql AS $$BEGIN DO/**/LANGUAGE plpgsql 'BEGIN DELETE FROM counters; END'; END$$;
CREATE FUNCTION by_unicode() RETURNS void LANGUAGE plpgsql AS $$BEGIN DELETE FROM U&"\0063ounters"; END$$;
CREATE FUNCTION by_prepare() RETURNS void LANGUAGE plpgsql AS $$BEGIN PREPARE p AS DELETE FROM counters; END$$;
CREATE FUNCTION by_fetch(c refcursor) RETURNS int LANGUAGE plpgsql STABLE AS $$DECLARE n int; BEGIN FETCH c INTO n; RETURN n; END$$;
CREATE FUNCTION by_program() RETURNS void LANGUAGE plpgsql AS $$BEGIN COPY log TO PROGRAM 'cat'; END$$;
CREATE FUNCTION by_xml() RETURNS xml LANGUAGE plpgsql STABLE AS $$BEGIN RETURN query_to_xml('SELECT bump()', true, true, ''); END$$;
CREATE FUNCTION by_strings() RETURNS void LANGUAGE plpgsql SET standard_conforming_strings = off AS $$
	BEGIN INSERT INTO log VALUES ('\'); DELETE FROM counters; --'); END$$;
CREATE PROCEDURE clear() LANGUAGE plpgsql AS $$BEGIN TRUNCATE counters; END$$;
CREATE FUNCTION by_call() RETURNS void LANGUAGE plpgsql AS $$BEGIN CALL clear(); END$$;
CREATE FUNCTION by_view_write() RETURNS void LANGUAGE plpgsql AS $$BEGIN UPDATE counted SET n = 1; END$$;
CREATE FUNCTION of_kv(kv) RETURNS int LANGUAGE plpgsql AS $$BEGIN DELETE FROM counters; RETURN 1; END$$;
CREATE FUNCTION by_attribute() RETURNS int LANGUAGE plpgsql STABLE AS $$BEGIN RETURN (SELECT max(k.of_kv) FROM kv k); END$$;
CREATE FUNCTION who() RETURNS text LANGUAGE plpgsql STABLE AS $$BEGIN RETURN (SELECT min(key) FROM kv WHERE key = current_user); END$$;
CREATE FUNCTION sampled() RETURNS float8 LANGUAGE plpgsql STABLE AS $$BEGIN RETURN random(); END$$;

CREATE FUNCTION inner_count() RETURNS bigint LANGUAGE sql STABLE AS 'SELECT count(*) FROM kv';
CREATE FUNCTION outer_count() RETURNS bigint LANGUAGE sql STABLE SET search_path = tenant, public AS 'SELECT inner_count()';
CREATE FUNCTION moving_count() RETURNS bigint LANGUAGE plpgsql AS $$BEGIN PERFORM set_config('search_path', 'tenant', true); RETURN public.inner_count(); END$$;
CREATE FUNCTION owner_count() RETURNS bigint LANGUAGE sql STABLE SECURITY DEFINER AS 'SELECT count(*) FROM kv';
CREATE FUNCTION own_count() RETURNS bigint LANGUAGE plpgsql STABLE SET search_path = tenant AS $$BEGIN RETURN (SELECT count(*) FROM kv); END$$;
CREATE FUNCTION user_count() RETURNS bigint LANGUAGE sql STABLE SET search_path = "$user", public AS 'SELECT count(*) FROM kv';
CREATE FUNCTION named_count() RETURNS bigint LANGUAGE plpgsql STABLE AS $$BEGIN RETURN (SELECT count(*) FROM tenant.kv); END$$;
CREATE FUNCTION plain_count() RETURNS bigint LANGUAGE plpgsql STABLE AS $$BEGIN RETURN (SELECT count(*) FROM kv); END$$;`

// TestBodies has a line for each way in which the text of a function names, or
// hides, what it reads, changes and calls.
func TestBodies(t *testing.T) {
	t.Parallel()
	conn := connect(t)
	pgtest.Exec(t, conn, bodies)
	long := `"` + cut(longName) + `"`
	for _, c := range []struct{ sql, reads, writes, refused string }{
		{`SELECT bump()`, "counters kv", "counters kv", "volatile"},
		{`SELECT key_update()`, "counters", "counters", "volatile"},
		{`SELECT open_update()`, "counters", "counters", "volatile"},
		{`SELECT loop_delete()`, "counters", "counters", "volatile"},
		{`SELECT order_it()`, `"Заказы"`, `"Заказы"`, "volatile"},
		{`SELECT quote_it()`, `"odd ""name"" here"`, `"odd ""name"" here"`, "volatile"},
		{`SELECT long_it()`, long, long, "volatile"},
		{`SELECT shout()`, "log", "log", "volatile"},
		{`SELECT in_comments()`, "log", "log", "volatile"},
		{`SELECT by_call()`, "counters", "counters", "volatile"},
		{`SELECT by_view_write()`, "counters", "counters", "volatile"},
		{`SELECT by_attribute()`, "counters kv", "counters", "public.of_kv(public.kv): volatile"},

		{`SELECT by_do()`, unknown, unknown, ""},
		{`SELECT by_do_language()`, unknown, unknown, ""},
		{`SELECT by_unicode()`, unknown, unknown, ""},
		{`SELECT by_prepare()`, unknown, unknown, ""},
		{`SELECT by_fetch('c')`, unknown, unknown, "public.by_fetch(refcursor): a function that may read any table"},
		{`SELECT by_program()`, unknown, unknown, ""},
		{`SELECT by_xml()`, unknown, unknown, "a function that may read any table"},
		{`SELECT by_strings()`, unknown, unknown, ""},

		{`SELECT who()`, "kv", "", "current_user: depends on the user"},
		{`SELECT sampled()`, "", "", "random(): volatile"},

		{`SELECT inner_count()`, "kv", "", ""},
		{`SELECT outer_count()`, "kv tenant.kv", "", "public.inner_count(): a function whose body"},
		{`SELECT moving_count()`, "kv tenant.kv", "kv tenant.kv", "volatile"},
		{`SELECT owner_count()`, "kv tenant.kv", "", "public.owner_count(): a function whose body"},
		{`SELECT own_count()`, "tenant.kv", "", "public.own_count(): a function whose body"},
		{`SELECT user_count()`, "kv tenant.kv", "", "public.user_count(): a function whose body"},
		{`SELECT named_count()`, "kv tenant.kv", "", "public.named_count(): a function whose body"},
		{`SELECT plain_count()`, "kv", "", "public.plain_count(): a function whose body"},
		{`SELECT inner_count(), owner_count()`, "kv tenant.kv", "", "public.inner_count(): a function whose body"},
	} {
		if c.sql == `SELECT moving_count()` {
			c.writes = "" // it has no word that writes
		}
		e := examine(t, conn, c.sql)
		if got := names(e.Reads); e.ReadsKnown != (c.reads != unknown) || e.ReadsKnown && got != c.reads {
			t.Errorf("%s: reads %q, known %v, want %q", c.sql, got, e.ReadsKnown, c.reads)
		}
		if got := names(e.Writes); e.WritesKnown != (c.writes != unknown) || e.WritesKnown && got != c.writes {
			t.Errorf("%s: writes %q, known %v, want %q", c.sql, got, e.WritesKnown, c.writes)
		}
		if !strings.Contains(refusals(e), c.refused) || e.Cacheable != (c.refused == "" && c.reads != unknown) {
			t.Errorf("%s: cacheable is %v, refused as %q, want %q", c.sql, e.Cacheable, refusals(e), c.refused)
		}
	}
}

// cut truncates a name as the server does.
func cut(name string) string {
	for len(name) > 63 {
		runes := []rune(name)
		name = string(runes[:len(runes)-1])
	}
	return name
}

// TestBodiesInOtherEncodings: if the server folds letters beyond ASCII, a body
// with such letters is not evaluated.
func TestBodiesInOtherEncodings(t *testing.T) {
	t.Parallel()
	conn := connect(t)
	name := conn.Config().Database + "_latin1"
	pgtest.Exec(t, conn, `CREATE DATABASE `+name+` ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0`)
	config := conn.Config().Copy()
	config.Database, config.RuntimeParams["client_encoding"] = name, "UTF8"
	latin, err := pgx.ConnectConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { // before that of conn
		ctx := context.Background()
		_ = latin.Close(ctx)
		if _, err := conn.Exec(ctx, `DROP DATABASE `+name); err != nil {
			t.Errorf("drop database: %v", err)
		}
	})
	long := strings.Repeat("é", 63)
	pgtest.Exec(t, latin, `
CREATE TABLE "größe" (id int); CREATE TABLE "`+long+`" (id int);
CREATE FUNCTION upper_case() RETURNS void LANGUAGE plpgsql AS 'BEGIN INSERT INTO GRÖSSE VALUES (1); END';
CREATE FUNCTION lower_case() RETURNS void LANGUAGE plpgsql AS 'BEGIN INSERT INTO GRöße VALUES (1); END';
CREATE FUNCTION quoted() RETURNS void LANGUAGE plpgsql AS 'BEGIN INSERT INTO "größe" VALUES (1); END';
CREATE FUNCTION long_name() RETURNS void LANGUAGE plpgsql AS 'BEGIN INSERT INTO "`+long+`x" VALUES (1); END';`)
	for sql, want := range map[string]string{
		`SELECT upper_case()`: unknown, `SELECT lower_case()`: unknown, `SELECT quoted()`: `"größe"`, `SELECT long_name()`: `"` + long + `"`,
	} {
		e := examine(t, latin, sql)
		if got := names(e.Writes); e.WritesKnown != (want != unknown) || e.WritesKnown && got != want {
			t.Errorf("%s: writes %q, known %v, want %q", sql, got, e.WritesKnown, want)
		}
	}
}

// TestDomains: the check of a domain counts for the statements that use the
// domain, and for no others.
func TestDomains(t *testing.T) {
	t.Parallel()
	conn := connect(t)
	pgtest.Exec(t, conn, `
CREATE TABLE checked (what text);
CREATE FUNCTION note_check(t text) RETURNS bool LANGUAGE plpgsql AS 'BEGIN INSERT INTO checked VALUES (t); RETURN true; END';
CREATE DOMAIN noted AS text CHECK (note_check(VALUE));
CREATE TYPE with_noted AS (id int, note noted);
CREATE TABLE noted_row (id int, note noted);
CREATE TABLE noted_key (id int, key text REFERENCES country ON UPDATE CASCADE);
ALTER TABLE noted_key ALTER key TYPE noted;
CREATE TABLE conditional (id int);
CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER conditional BEFORE UPDATE ON conditional FOR EACH ROW WHEN (note_check(NEW.id::text)) EXECUTE FUNCTION nothing();
CREATE FUNCTION takes(noted) RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN 1; END';
CREATE FUNCTION gives(t text) RETURNS noted LANGUAGE plpgsql AS 'BEGIN RETURN t; END';
CREATE FUNCTION gives_sql(t text) RETURNS noted LANGUAGE sql AS 'SELECT t';
CREATE FUNCTION gives_many(t text) RETURNS SETOF with_noted LANGUAGE plpgsql AS 'BEGIN RETURN QUERY SELECT 1, t; END';
CREATE FUNCTION declares(t text) RETURNS int LANGUAGE plpgsql AS 'DECLARE n noted; BEGIN n := t; RETURN 1; END';
CREATE FUNCTION declares_many(t text) RETURNS int LANGUAGE plpgsql AS 'DECLARE n with_noted[]; BEGIN n := t; RETURN 1; END';
CREATE FUNCTION declares_row(t text) RETURNS int LANGUAGE plpgsql AS 'DECLARE r noted_row%ROWTYPE; BEGIN r.note := t; RETURN 1; END';
CREATE FUNCTION harmless(t text) RETURNS int LANGUAGE plpgsql AS 'BEGIN DELETE FROM plain; RETURN 1; END';`)
	for sql, want := range map[string]bool{
		`SELECT 'x'::noted`:                                             true,
		`SELECT note::noted FROM plain`:                                 true,
		`SELECT '(1,x)'::text::with_noted`:                              true,
		`SELECT '(1,x)'::with_noted`:                                    true,
		`SELECT '{x}'::text::noted[]`:                                   true,
		`SELECT json_populate_record(NULL::with_noted, '{"note":"x"}')`: true,
		`SELECT * FROM json_to_record('{"note":"x"}') AS r(note noted)`: true,
		`SELECT $1::with_noted`:                                         true,
		`INSERT INTO noted_row VALUES (1, 'x')`:                         true,
		`UPDATE country SET code = 'x'`:                                 true, // and with it noted_key
		`UPDATE conditional SET id = 1`:                                 true, // by the condition of its trigger
		`SELECT takes('x')`:                                             true,
		`SELECT gives('x')`:                                             true,
		`SELECT gives_sql('x')`:                                         true,
		`SELECT * FROM gives_many('x')`:                                 true,
		`SELECT declares('x')`:                                          true,
		`SELECT declares_many('{"(1,x)"}')`:                             true,
		`SELECT declares_row('x')`:                                      true,
		`SELECT harmless('x')`:                                          false,
		`UPDATE plain SET note = 'x'`:                                   false,
		`DELETE FROM city WHERE name = 'x'`:                             false,
	} {
		e := examine(t, conn, sql)
		if got := strings.Contains(" "+names(e.Writes)+" ", " checked "); got != want && e.WritesKnown {
			t.Errorf("%s: writes %q by the parser", sql, names(e.Writes))
		}
		writes, ok := byNames(t, conn, sql, 0)
		if got := strings.Contains(" "+writes+" ", " checked "); got != want && ok {
			t.Errorf("%s: writes %q by names", sql, writes)
		}
		if !want && (!ok || !e.WritesKnown) {
			t.Errorf("%s: the writes are not known", sql)
		}
		if want && e.Cacheable {
			t.Errorf("%s: cacheable", sql)
		}
	}
}

// TestEventTriggersThatWrite: the effects of event triggers on a schema change
// of a running program are known by their functions.
func TestEventTriggersThatWrite(t *testing.T) {
	t.Parallel()
	conn := connect(t)
	pgtest.Exec(t, conn, `
CREATE TABLE changes (what text);
CREATE FUNCTION note_ddl() RETURNS event_trigger LANGUAGE plpgsql AS $$BEGIN INSERT INTO changes VALUES (tg_tag); END$$;
CREATE EVENT TRIGGER note_ddl ON ddl_command_end EXECUTE FUNCTION note_ddl();`)
	for sql, want := range map[string]string{
		`REFRESH MATERIALIZED VIEW city_count`: "changes city_count",
		`CREATE INDEX ON plain (note)`:         "changes",
		`CREATE TEMP TABLE made (id int)`:      "changes",
		`INSERT INTO plain VALUES (1)`:         "plain",
	} {
		e := examine(t, conn, sql)
		if got := names(e.Writes); !e.WritesKnown || got != want {
			t.Errorf("%s: writes %q, known %v, want %q", sql, got, e.WritesKnown, want)
		}
	}
	pgtest.Exec(t, conn, `CREATE OR REPLACE FUNCTION note_ddl() RETURNS event_trigger LANGUAGE plpgsql AS $$BEGIN EXECUTE 'SELECT 1'; END$$`)
	if e := examine(t, conn, `CREATE TEMP TABLE made (id int)`); e.WritesKnown {
		t.Errorf("an event trigger that hides what it does: writes %q", names(e.Writes))
	}
}
