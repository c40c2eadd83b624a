package catalog_test

import (
	"strings"
	"testing"
)

// TestFunctions has a line for each kind of built-in function, cast and
// constant, with what the result depends on in addition to tables.
func TestFunctions(t *testing.T) {
	t.Parallel()
	conn := connect(t)
	const output = "DateStyle IntervalStyle TimeZone bytea_output extra_float_digits lc_monetary xmlbinary xmloption"
	for _, c := range []struct{ sql, settings, refused string }{
		{`SELECT lower(name) || 'x' FROM city ORDER BY length(name)`, "", ""},
		{`SELECT count(*), sum(id), array_agg(name), string_agg(name, ',') FROM city`, "", ""},
		{`SELECT row_number() OVER (PARTITION BY country ORDER BY id) FROM city`, "", ""},
		{`SELECT id::text, attributes->>'x', tags[1] FROM city WHERE name LIKE $1 AND id = ANY ($2)`, "", ""},
		{`SELECT founded FROM city WHERE founded > $1`, "", ""},
		{`SELECT extract(year FROM founded AT TIME ZONE 'UTC') FROM city`, "TimeZone timezone_abbreviations", ""},
		{`SELECT id FROM city WHERE tags @> $1 AND attributes @> $2`, "", ""},
		{`SELECT value::int FROM reading WHERE at = $1`, "", ""},
		{`SELECT age(founded, founded) FROM city`, "", ""},
		{`SELECT mood::text FROM person WHERE mood = 'happy now' AND moods = '{happy now}'`, "array_nulls", ""},
		{`SELECT 1 FROM person WHERE born = 'tomorrow'`, "DateStyle TimeZone", "a constant that depends on the time"},
		{`SELECT 1 FROM person WHERE at = '(1,today)'::event`, "DateStyle TimeZone", "a constant that depends on the time"},
		{`SELECT born::text FROM person`, "DateStyle TimeZone", ""},
		{`SELECT to_timestamp(id) FROM city`, "", ""},

		{`SELECT founded::date FROM city`, "TimeZone", ""},
		{`SELECT founded::text FROM city`, "DateStyle TimeZone", ""},
		{`SELECT date_trunc('day', founded) FROM city`, "TimeZone", ""},
		{`SELECT extract(day FROM founded) FROM city`, "TimeZone", ""},
		{`SELECT founded + interval '1 day' FROM city`, "IntervalStyle TimeZone", ""},
		{`SELECT 1 FROM city, reading WHERE founded < at`, "TimeZone", ""},
		{`SELECT 1 FROM city WHERE founded < '2020-01-01'`, "DateStyle TimeZone timezone_abbreviations", ""},
		{`SELECT date '2020-01-01'`, "DateStyle TimeZone", ""},
		{`SELECT value::text FROM reading`, "extra_float_digits", ""},
		{`SELECT to_tsvector(name) FROM city`, "default_text_search_config", ""},
		{`SELECT to_tsvector('english', name) FROM city`, "", ""},
		{`SELECT jsonb_agg(c) FROM city c`, output, ""},
		{`SELECT row_to_json(c), to_jsonb(c.founded) FROM city c`, output, ""},
		{`SELECT concat(name, founded) FROM city`, output, ""},
		{`SELECT format('%s', name) FROM city`, strings.Replace(output, "xml", "quote_all_identifiers xml", 1), ""},
		{`SELECT tags::text FROM city`, output, ""},
		{`SELECT to_char(founded, 'YYYY') FROM city`, "DateStyle IntervalStyle TimeZone bytea_output extra_float_digits lc_monetary lc_numeric lc_time xmlbinary xmloption", ""},

		{`SELECT now()`, "", "now(): depends on the time"},
		{`SELECT current_timestamp FROM city`, "", "current_timestamp: depends on the time"},
		{`SELECT current_date, localtime FROM city`, "", "current_date: depends on the time"},
		{`SELECT age(founded) FROM city`, "", "age(timestamp with time zone): depends on the time"},
		{`SELECT transaction_timestamp()`, "", "transaction_timestamp(): depends on the time"},
		{`SELECT 1 FROM reading WHERE at = 'today'`, "DateStyle TimeZone", "a constant that depends on the time"},
		{`SELECT 1 FROM reading WHERE at = ANY ('{2020-01-01, Tomorrow}')`, "DateStyle TimeZone array_nulls", "a constant that depends on the time"},
		{`SELECT timestamptz ' NOW '`, "DateStyle TimeZone timezone_abbreviations", "a constant that depends on the time"},
		{`SELECT timestamptz E'\x6eow'`, "DateStyle TimeZone timezone_abbreviations", "a constant that depends on the time"},
		{`SELECT pg_current_xact_id_if_assigned()`, "", "depends on the time or the transaction"},

		{`SELECT current_user`, "", "current_user: depends on the user"},
		{`SELECT current_setting('app.tenant')`, "", "current_setting(text): depends on the user"},
		{`SELECT current_schema()`, "", "current_schema(): depends on the user"},
		{`SELECT has_table_privilege('city', 'SELECT')`, "", "has_table_privilege(text, text): depends on the user"},
		{`SELECT current_database()`, "", "current_database(): depends on the user"},

		{`SELECT pg_get_viewdef('old_city'::regclass)`, "", "pg_get_viewdef(oid): reads the system catalogs"},
		{`SELECT name::regclass FROM city`, "", "regclass(text): reads the system catalogs"},
		{`SELECT id::regclass::text FROM city`, "", "looks up a name"},
		{`SELECT to_regclass(name) FROM city`, "", "to_regclass(text): reads the system catalogs"},

		{`SELECT random()`, "", "random(): volatile"},
		{`SELECT clock_timestamp()`, "", "clock_timestamp(): volatile"},
		{`SELECT gen_random_uuid()`, "", "gen_random_uuid(): volatile"},
		{`SELECT nextval('numbers')`, "", "nextval(regclass): volatile"},
		{`SELECT set_config('a.b', 'c', true)`, "", "set_config(text, text, boolean): volatile"},
		{`SELECT pg_advisory_lock(1)`, "", "pg_advisory_lock(bigint): volatile"},
		{`SELECT lo_get(1)`, "", "lo_get(oid): volatile"},
		{`SELECT pg_notify('a', 'b')`, "", "pg_notify(text, text): volatile"},
		{`SELECT name FROM city ORDER BY random()`, "", "random(): volatile"},
		{`SELECT * FROM generate_series(1, (random() * 9)::int)`, "", "random(): volatile"},
	} {
		t.Run(c.sql, func(t *testing.T) {
			e := examine(t, conn, c.sql)
			if got := strings.Join(e.Settings, " "); c.settings != "" && got != c.settings || c.settings == "" && c.refused == "" && got != "" {
				t.Errorf("settings %q, want %q", got, c.settings)
			}
			if e.Cacheable != (c.refused == "") || !strings.Contains(refusals(e), c.refused) {
				t.Errorf("cacheable is %v, refused as %q, want %q", e.Cacheable, refusals(e), c.refused)
			}
			if volatile := strings.Contains(c.refused, "volatile"); e.ReadOnly == volatile {
				t.Errorf("ReadOnly is %v", e.ReadOnly)
			}
		})
	}
}
