package catalog_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/headrace/headrace/integration/pgtest"
	"github.com/headrace/headrace/internal/catalog"
)

// moving are objects that hide a time, a name or a check from the text of a
// statement.
const moving = `
CREATE TABLE told (id int, said text, at timestamptz, day date, clock timetz, day_of int4range, class regclass, payload jsonb);
CREATE TYPE stamped_pair AS (id int, at timestamptz);
CREATE DOMAIN past AS date;
CREATE TYPE span AS RANGE (subtype = timestamptz);
CREATE TYPE outer_pair AS (n int, inner_pairs stamped_pair[]);
CREATE TABLE stamped_row (id int, at timestamptz, days past[]);
CREATE TABLE plain_row (id int, note text, tags text[]);
CREATE INDEX ON plain_row USING gin (tags);
CREATE VIEW since_now AS SELECT id FROM told WHERE day <= ('now'::text)::date;
CREATE VIEW with_ctid AS SELECT ctid AS place FROM told;
CREATE FUNCTION today_of() RETURNS date LANGUAGE sql STABLE AS $$SELECT 'to'
'day'::date$$;
CREATE FUNCTION fixed_day() RETURNS date LANGUAGE sql STABLE AS $$SELECT '2020-01-01'::date$$;
CREATE FUNCTION bound_day() RETURNS date LANGUAGE sql STABLE BEGIN ATOMIC SELECT '2020-01-01'::date; END;
CREATE FUNCTION parsed_day(t text) RETURNS date LANGUAGE sql STABLE BEGIN ATOMIC SELECT t::date; END;`

// TestMovingTimes has a line for each way in which a result may change with the
// time without a word that shows it.
func TestMovingTimes(t *testing.T) {
	t.Parallel()
	conn := connect(t)
	pgtest.Exec(t, conn, moving)
	var version int
	if err := conn.QueryRow(t.Context(), "SELECT current_setting('server_version_num')::int").Scan(&version); err != nil {
		t.Fatal(err)
	}
	cast, constant := "a cast of text to a date or time", "a constant that depends on the time"
	for _, c := range []struct {
		sql, refused string
		since        int
	}{
		{`SELECT 'now'::text::timestamptz`, cast, 0},
		{`SELECT said::date FROM told`, cast, 0},
		{`SELECT CAST(said AS timestamp) FROM told`, cast, 0},
		{`SELECT said::time FROM told`, cast, 0},
		{`SELECT (payload ->> 'at')::timestamptz FROM told`, cast, 0},
		{`SELECT string_to_array(said, ',')::date[] FROM told`, cast, 0},
		{`SELECT said::past FROM told`, cast, 0},
		{`SELECT said::past[] FROM told`, cast, 0},
		{`SELECT said::stamped_pair FROM told`, cast, 0},
		{`SELECT said::outer_pair FROM told`, cast, 0},
		{`SELECT said::stamped_row FROM told`, cast, 0},
		{`SELECT said::tstzrange FROM told`, cast, 0},
		{`SELECT said::span FROM told`, cast, 0},
		{`SELECT said::span_multirange FROM told`, "a cast of text to a", 0},
		{`SELECT ROW(id, said)::text::stamped_pair FROM told`, cast, 0},
		{`SELECT id FROM since_now`, cast, 0},
		{`SELECT parsed_day(said) FROM told`, cast, 0},
		{`SELECT CASE WHEN id > 1 THEN said::date END FROM told`, cast, 0},
		{`SELECT x FROM told, unnest(ARRAY[said]::date[]) x`, cast, 0},
		{`SELECT * FROM json_to_record('{"d":"now"}') x(d timestamptz)`, cast, 0},
		{`SELECT * FROM told, jsonb_to_recordset(payload) AS x(id int, d date)`, cast, 0},
		{`SELECT * FROM ROWS FROM (json_to_recordset('[{"d":"now"}]') AS (d past)) z`, cast, 0},
		{`SELECT json_populate_record(NULL::stamped_pair, '{"at":"now"}')`, cast, 0},
		{`SELECT * FROM told, jsonb_populate_recordset(NULL::stamped_row, payload)`, cast, 0},
		{`SELECT json_populate_record(s, '{"b":"now"}') FROM (SELECT 1 AS a, day AS b FROM told) s`, cast, 0},
		{`SELECT d FROM told, xmltable('/a' PASSING (said::xml) COLUMNS d date PATH 'b')`, cast, 0},
		{`SELECT JSON_VALUE(payload, '$' RETURNING date) FROM told`, cast, 17},
		{`SELECT JSON_QUERY(payload, '$' RETURNING stamped_pair) FROM told`, cast, 17},
		{`SELECT j.d FROM told, JSON_TABLE(payload, '$[*]' COLUMNS (d date PATH '$')) j`, cast, 17},

		{"SELECT date 'to'\n'day'", constant, 0},
		{`SELECT timestamptz U&'n!006Fw' UESCAPE '!'`, constant, 0},
		{`SELECT '{"no\w"}'::date[]`, constant, 0},
		{`SELECT '(1,"to\day")'::stamped_pair`, constant, 0},
		{`SELECT '(1,"{""(1,today)""}")'::outer_pair`, constant, 0},
		{`SELECT '[today,)'::span`, constant, 0},
		{`SELECT today_of()`, constant, 0},
		{`SELECT time 'now'`, constant, 0},
		{`SELECT timetz '12:00'`, constant, 0},
		{`SELECT id FROM told WHERE clock > '12:00'`, constant, 0},
		{`SELECT '12:00'::time::timetz`, "timetz(time without time zone): depends on the time", 0},
		{`SELECT said::timetz FROM told`, cast, 0},
		{`SELECT clock AT TIME ZONE 'Europe/Berlin' FROM told`, "timezone(text, time with time zone)", 0},
		{`SELECT id FROM told WHERE clock = $1`, "a parameter that is a time with time zone", 0},
		{`SELECT jsonb_path_query_tz(payload, '$.a.time_tz()') FROM told`, "jsonb_path_query_tz", 17},

		{`SELECT fixed_day(), bound_day()`, "", 0},
		{`SELECT said::int, said::numeric, said::uuid, said::interval FROM told`, "", 0},
		{`SELECT at::text, day::text, clock::text FROM told`, "", 0},
		{`SELECT said::int[] FROM told`, "", 0},
		{`SELECT said::plain_row FROM told`, "", 0},
		{`SELECT x.* FROM told, jsonb_to_recordset(payload) AS x(id int, note text)`, "", 0},
		{`SELECT * FROM jsonb_populate_recordset(NULL::plain_row, $1)`, "", 0},
		{`SELECT JSON_VALUE(payload, '$' RETURNING int) FROM told`, "", 17},
		{`SELECT 'tomorrow' = said FROM told`, "", 0},
		{`SELECT at AT TIME ZONE 'Europe/Berlin' FROM told`, "", 0},
	} {
		if version < c.since*10000 {
			continue
		}
		e := examine(t, conn, c.sql)
		if e.Cacheable != (c.refused == "") || !strings.Contains(refusals(e), c.refused) {
			t.Errorf("%s: cacheable is %v, refused as %q, want %q", c.sql, e.Cacheable, refusals(e), c.refused)
		}
		if e.Refusal().Reason > catalog.CatalogFunction {
			t.Errorf("%s: not kept for a time either: %s", c.sql, refusals(e))
		}
	}
}

// TestTakesTime: a parameter may be read as a time by a cast, or as part of
// another type.
func TestTakesTime(t *testing.T) {
	t.Parallel()
	conn := connect(t)
	pgtest.Exec(t, conn, moving)
	for sql, want := range map[string]bool{
		`SELECT id FROM told WHERE at > $1`:                     true,
		`SELECT $1::text::date`:                                 true,
		`SELECT $1::varchar::text::date`:                        true,
		`SELECT $1::past`:                                       true,
		`SELECT $1::stamped_pair, $2::int`:                      true,
		`SELECT $1::outer_pair[]`:                               true,
		`SELECT $1::span`:                                       true,
		`SELECT $1::tstzrange`:                                  true,
		`SELECT $1::text::int, $2::mood, $3::plain_row`:         false,
		`SELECT id FROM told WHERE said = $1 AND id = ANY ($2)`: false,
	} {
		e := examine(t, conn, sql)
		if e.TakesTime != want || !e.Cacheable {
			t.Errorf("%s: takes a time: %v, want %v; %s", sql, e.TakesTime, want, refusals(e))
		}
	}
	e := examine(t, conn, `SELECT $101::text::date`+manyParams(100))
	if !e.TakesTime || !e.Cacheable {
		t.Errorf("with 101 parameters: takes a time: %v; %s", e.TakesTime, refusals(e))
	}
}

// manyParams returns a list of n parameters that are numbers.
func manyParams(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, ", $%d::int", i+1)
	}
	return b.String()
}

// TestSystemColumns: columns that VACUUM and row locks change are never cached,
// wherever they are read.
func TestSystemColumns(t *testing.T) {
	t.Parallel()
	conn := connect(t)
	pgtest.Exec(t, conn, moving)
	pgtest.Exec(t, conn, `
CREATE FUNCTION xmin_of() RETURNS text LANGUAGE plpgsql STABLE AS 'BEGIN RETURN (SELECT min(xmin::text) FROM told); END';
CREATE FUNCTION ctid_of() RETURNS tid LANGUAGE sql STABLE AS 'SELECT max(ctid) FROM told'`)
	for sql, column := range map[string]string{
		`SELECT xmax FROM told`:                                                 "xmax",
		`SELECT id FROM told WHERE ctid = '(0,1)'`:                              "ctid",
		`SELECT t.xmin, t.id FROM (SELECT * FROM plain) p, told t`:              "xmin",
		`SELECT place FROM with_ctid`:                                           "ctid",
		`SELECT cmin FROM told`:                                                 "cmin",
		`SELECT 1 FROM plain WHERE cmax IS NULL`:                                "cmax",
		`SELECT EXISTS (SELECT FROM told t WHERE t.ctid = p.ctid) FROM plain p`: "ctid",
		`SELECT xmin_of()`:                                                      "xmin",
		`SELECT ctid_of()`:                                                      "ctid",
	} {
		e := examine(t, conn, sql)
		if !slices.Contains(e.Refusals, catalog.Refusal{Reason: catalog.SystemColumn, Object: column}) || e.Refusal().Reason.Timed() {
			t.Errorf("%s: refused as %q", sql, refusals(e))
		}
	}
	for _, sql := range []string{`SELECT tableoid FROM told`, `SELECT told FROM told`, `SELECT count(*) FROM told`} {
		if e := examine(t, conn, sql); slices.ContainsFunc(e.Refusals, func(r catalog.Refusal) bool { return r.Reason == catalog.SystemColumn }) {
			t.Errorf("%s: refused as %q", sql, refusals(e))
		}
	}
}

// TestNamesInTheCatalogs: after a schema change, the name of an object may
// refer to another object, and an object may be written with another name.
func TestNamesInTheCatalogs(t *testing.T) {
	t.Parallel()
	conn := connect(t)
	pgtest.Exec(t, conn, moving)
	pgtest.Exec(t, conn, `CREATE INDEX told_id ON told (id); CREATE TABLE hashed (id int) PARTITION BY HASH (id);
CREATE TEXT SEARCH CONFIGURATION mine (COPY = english)`)
	for sql, refused := range map[string]bool{
		`SELECT 'told_id'::regclass::oid`:                              true,
		`SELECT (SELECT 'told'::regclass)::text`:                       true,
		`SELECT satisfies_hash_partition(id::oid, 4, 0, 1) FROM told`:  true,
		`SELECT satisfies_hash_partition('hashed'::regclass, 4, 0, 1)`: true,
		`SELECT (SELECT id::regclass FROM told)::text`:                 true,
		`SELECT id::regclass FROM told`:                                true,
		`SELECT 'x' || id::bigint::regclass FROM told`:                 true,
		`SELECT ARRAY(SELECT id::regclass FROM told)::text`:            true,
		`SELECT class FROM told`:                                       true,
		`SELECT told::text FROM told`:                                  true,
		`SELECT said::regtype FROM told`:                               true,
		`SELECT '{told}'::regclass[]`:                                  true,
		`SELECT $1::regclass::oid`:                                     true,
		`SELECT 'today_of()'::regprocedure, 'other'::regnamespace`:     true,
		`SELECT id FROM told WHERE tableoid = 'told'::regclass`:        true,
		`SELECT to_tsvector('mine', said) FROM told`:                   true,
		`SELECT to_tsvector('english', said) FROM told`:                false,
		`SELECT 'int'::regtype::oid, 'pg_class'::regclass::oid`:        false,
		`SELECT id::oid FROM told`:                                     false,
	} {
		e := examine(t, conn, sql)
		if got := e.Refusal().Reason == catalog.CatalogFunction; got != refused || e.Cacheable == refused {
			t.Errorf("%s: refused as %q", sql, refusals(e))
		}
	}
}

// TestStateOfSessions: state that differs between sessions or users.
func TestStateOfSessions(t *testing.T) {
	t.Parallel()
	conn := connect(t)
	pgtest.Exec(t, conn, `CREATE VIEW my_settings AS SELECT name, setting FROM pg_settings`)
	for _, c := range []struct {
		sql      string
		reason   catalog.Reason
		readOnly bool
	}{
		{`SELECT pg_listening_channels()`, catalog.SessionFunction, true},
		{`SELECT * FROM pg_prepared_statements`, catalog.SessionFunction, true},
		{`SELECT * FROM pg_cursors`, catalog.SessionFunction, true},
		{`SELECT setting FROM pg_settings`, catalog.SessionFunction, true},
		{`SELECT setting FROM my_settings`, catalog.SessionFunction, true},
		{`SELECT * FROM information_schema.tables`, catalog.SessionFunction, true},
		{`SELECT * FROM pg_sequences`, catalog.VolatileFunction, false},
		{`SELECT * FROM pg_locks`, catalog.VolatileFunction, false},
		{`SELECT last_value FROM numbers`, catalog.SequenceState, true},
		{`SELECT relname FROM pg_class`, catalog.CatalogRows, true},
	} {
		e := examine(t, conn, c.sql)
		if e.Refusal().Reason != c.reason && !slices.ContainsFunc(e.Refusals, func(r catalog.Refusal) bool { return r.Reason == c.reason }) {
			t.Errorf("%s: refused as %q", c.sql, refusals(e))
		}
		if c.reason > catalog.CatalogRows && e.Refusal().Reason.Timed() || e.ReadOnly != c.readOnly {
			t.Errorf("%s: read-only is %v, refused as %q", c.sql, e.ReadOnly, refusals(e))
		}
	}
}

// TestSettingsOfAnswers: the effects name each setting that the result depends
// on.
func TestSettingsOfAnswers(t *testing.T) {
	t.Parallel()
	conn := connect(t)
	pgtest.Exec(t, conn, moving)
	for sql, setting := range map[string]string{
		`SELECT quote_ident(said) FROM told`:                       "quote_all_identifiers",
		`SELECT format('%I', said) FROM told`:                      "quote_all_identifiers",
		`SELECT said::int[] FROM told`:                             "array_nulls",
		`SELECT said::plain_row FROM told`:                         "array_nulls",
		`SELECT * FROM told, jsonb_to_record(payload) x(a text[])`: "array_nulls",
		`SELECT '{NULL}'::text[]`:                                  "array_nulls",
		`SELECT said::timestamptz FROM told`:                       "timezone_abbreviations",
		`SELECT timestamptz '2020-01-01 12:00 EST'`:                "timezone_abbreviations",
		`SELECT at AT TIME ZONE 'EST' FROM told`:                   "timezone_abbreviations",
		`SELECT id FROM plain_row WHERE tags @> $1`:                "gin_fuzzy_search_limit",
		`SELECT to_timestamp(said, 'YYYY TZ') FROM told`:           "timezone_abbreviations",
	} {
		if e := examine(t, conn, sql); !slices.Contains(e.Settings, setting) {
			t.Errorf("%s: settings %v, want %s among them", sql, e.Settings, setting)
		}
	}
}

// TestVirtualColumns: virtual columns are computed when they are read.
func TestVirtualColumns(t *testing.T) {
	t.Parallel()
	conn := connect(t)
	_, err := conn.Exec(t.Context(), `CREATE TABLE computed (id int, v float8, s text GENERATED ALWAYS AS (v::text) VIRTUAL)`)
	switch version := conn.PgConn().ParameterStatus("server_version"); {
	case code(err) == "42601" && version < "18":
		return // there are none
	case err != nil:
		t.Fatal(err)
	}
	e := examine(t, conn, `SELECT s FROM computed`)
	if !slices.Contains(e.Settings, "extra_float_digits") || !e.Cacheable {
		t.Errorf("settings %v, refused as %q", e.Settings, refusals(e))
	}
}
