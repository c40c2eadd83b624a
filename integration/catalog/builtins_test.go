package catalog_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/headrace/headrace/integration/pgtest"
	"github.com/headrace/headrace/internal/catalog"
)

// callsQuery writes a call of each built-in function of a volatility, with
// NULLs as arguments, where such a call is valid.
const callsQuery = `
SELECT p.proname || '(' || oidvectortypes(p.proargtypes) || ')',
	quote_ident(p.proname) || '(' || COALESCE((
		SELECT string_agg(CASE WHEN p.provariadic NOT IN (0, '"any"'::regtype) AND a.i = p.pronargs THEN 'VARIADIC ' ELSE '' END || CASE format_type(a.type, NULL)
			WHEN '"any"' THEN 'NULL::int' WHEN 'anyelement' THEN 'NULL::int' WHEN 'anynonarray' THEN 'NULL::int'
			WHEN 'anyarray' THEN 'NULL::int[]' WHEN 'anyenum' THEN 'NULL::mood' WHEN 'record' THEN 'ROW(1)'
			ELSE 'NULL::' || format_type(a.type, NULL) END, ', ' ORDER BY a.i)
		FROM unnest(p.proargtypes) WITH ORDINALITY a (type, i)), '') || ')'
FROM pg_proc p
WHERE p.oid < 16384 AND p.pronamespace = 'pg_catalog'::regnamespace AND p.provolatile = $1 AND p.prokind IN ('f', 'a')
	AND NOT EXISTS (
		SELECT FROM pg_type t
		WHERE (t.oid = ANY (p.proargtypes) OR t.oid = p.prorettype) AND t.typtype = 'p'
			AND t.typname NOT IN ('any', 'anyelement', 'anynonarray', 'anyarray', 'anyenum', 'record', 'void'))
	AND NOT EXISTS (SELECT FROM pg_aggregate a WHERE a.aggfnoid = p.oid AND (a.aggkind <> 'n' OR p.pronargs = 0))
ORDER BY 1`

// refusedCalls examines one statement that calls all of them, and returns which
// exist and which are refused.
func refusedCalls(t *testing.T, conn *pgx.Conn, volatility string) (all []string, refused map[string]catalog.Reason) {
	t.Helper()
	rows, err := conn.Query(t.Context(), callsQuery, volatility)
	if err != nil {
		t.Fatal(err)
	}
	var calls []string
	var signature, call string
	_, err = pgx.ForEachRow(rows, []any{&signature, &call}, func() error {
		all = append(all, strings.ReplaceAll(signature, `"`, ""))
		calls = append(calls, call)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	refused = map[string]catalog.Reason{}
	for part := range slices.Chunk(calls, 1000) {
		for _, r := range examine(t, conn, "SELECT "+strings.Join(part, ", ")).Refusals {
			object := strings.ReplaceAll(r.Object, `"`, "")
			refused[object] = max(refused[object], r.Reason)
		}
	}
	return all, refused
}

// TestEveryBuiltin lists all built-in functions of the server: no VOLATILE one
// may pass, no IMMUTABLE one is refused, and exactly those STABLE ones pass
// whose dependencies were reviewed.
func TestEveryBuiltin(t *testing.T) {
	t.Parallel()
	conn := connect(t)
	all, refused := refusedCalls(t, conn, "v")
	for _, signature := range all {
		if refused[signature] < catalog.SessionFunction {
			t.Errorf("volatile %s passes", signature)
		}
	}
	all, refused = refusedCalls(t, conn, "i")
	delete(refused, "the name of an object") // an argument of theirs
	if reason := refused["satisfies_hash_partition(oid, integer, integer, any)"]; reason != catalog.CatalogFunction {
		t.Errorf("satisfies_hash_partition, which reads the catalogs: reason %v", reason)
	}
	delete(refused, "satisfies_hash_partition(oid, integer, integer, any)")
	if len(all) < 1000 || len(refused) > 0 {
		t.Errorf("of %d immutable functions these are refused: %v", len(all), refused)
	}

	all, refused = refusedCalls(t, conn, "s")
	passed := map[string]bool{}
	for _, signature := range all {
		name, _, _ := strings.Cut(signature, "(")
		_, no := refused[signature]
		passed[name] = passed[name] || !no
		passed[signature] = !no
		if !no && !slices.Contains(reviewed, signature) && !slices.Contains(reviewed, name) && !comparesTimes(name) {
			t.Errorf("stable %s passes", signature)
		}
	}
	for _, name := range reviewed {
		if pass, there := passed[name]; there && !pass {
			t.Errorf("stable %s is refused", name)
		}
	}
}

// comparesTimes reports whether a function implements an operator on a time
// with and a time without zone.
func comparesTimes(name string) bool {
	return strings.HasSuffix(name, "_timestamptz") || strings.HasPrefix(name, "timestamptz_")
}

// reviewed are the STABLE functions that depend only on settings.
var reviewed = []string{
	"date(timestamp with time zone)", "time(timestamp with time zone)", "timestamp(timestamp with time zone)",
	"timestamptz", "timetz(timestamp with time zone)", "timezone(timestamp with time zone)",
	"timezone(timestamp without time zone)", "make_timestamptz", "date_part", "extract", "date_trunc", "date_add",
	"date_subtract", "overlaps", "in_range", "generate_series", "interval_pl_timestamptz",
	"to_char", "to_number", "to_date", "to_timestamp", "concat", "concat_ws", "format", "quote_literal", "quote_nullable",
	"textanycat", "anytextcat", "array_to_string", "numeric", "money", "convert", "convert_from", "convert_to",
	"enum_first", "enum_last", "enum_range", "xml", "xml_is_well_formed",
	"to_tsvector", "json_to_tsvector", "jsonb_to_tsvector", "to_tsquery", "plainto_tsquery", "phraseto_tsquery",
	"websearch_to_tsquery", "ts_headline", "ts_match_tt", "ts_match_tq", "getdatabaseencoding", "version",
	"array_to_json", "row_to_json", "to_json", "to_jsonb", "json_agg", "json_agg_strict", "jsonb_agg", "jsonb_agg_strict",
	"json_object_agg", "json_object_agg_strict", "json_object_agg_unique", "json_object_agg_unique_strict",
	"jsonb_object_agg", "jsonb_object_agg_strict", "jsonb_object_agg_unique", "jsonb_object_agg_unique_strict",
	"json_build_array", "json_build_object", "jsonb_build_array", "jsonb_build_object",
	"json_populate_record", "json_populate_recordset", "jsonb_populate_record", "jsonb_populate_record_valid",
	"jsonb_populate_recordset", "json_to_record", "json_to_recordset", "jsonb_to_record", "jsonb_to_recordset",
}

// TestExtensions: functions of well-known extensions are known too.
func TestExtensions(t *testing.T) {
	t.Parallel()
	conn := connect(t)
	pgtest.Exec(t, conn, `
CREATE EXTENSION citext; CREATE EXTENSION pg_trgm; CREATE EXTENSION hstore; CREATE EXTENSION unaccent;
CREATE EXTENSION "uuid-ossp"; CREATE EXTENSION tablefunc; CREATE EXTENSION moddatetime;
CREATE TABLE word (id uuid DEFAULT uuid_generate_v4(), word citext, attributes hstore, modified timestamptz);
CREATE INDEX ON word USING gin (word gin_trgm_ops);
CREATE TRIGGER modified BEFORE UPDATE ON word FOR EACH ROW EXECUTE FUNCTION moddatetime(modified);`)
	const gin = "gin_fuzzy_search_limit" // of the index on word
	for _, c := range []struct{ sql, refused, settings string }{
		{`SELECT id FROM word WHERE word = $1 ORDER BY word`, "", gin},
		{`SELECT regexp_replace(word, 'a', 'b') FROM word`, "", "*"},
		{`SELECT attributes -> 'a', attributes ? 'b' FROM word`, "", gin},
		{`SELECT to_jsonb(attributes) FROM word`, "", "*"},
		{`SELECT similarity(word, 'x'), word <-> 'x' FROM word`, "", gin},
		{`SELECT id FROM word WHERE word::text % 'x'`, "", gin + " pg_trgm.similarity_threshold pg_trgm.strict_word_similarity_threshold pg_trgm.word_similarity_threshold"},
		{`SELECT unaccent(word) FROM word`, "", gin},
		{`SELECT uuid_generate_v4() FROM word`, "public.uuid_generate_v4(): volatile", gin},
		{`SELECT * FROM crosstab('SELECT 1, 2, 3') AS c (a int, b int)`, "public.crosstab(text): a function that may read any table", "*"},
	} {
		e := examine(t, conn, c.sql)
		if e.Cacheable != (c.refused == "") || !strings.Contains(refusals(e), c.refused) {
			t.Errorf("%s: cacheable is %v, refused as %q, want %q", c.sql, e.Cacheable, refusals(e), c.refused)
		}
		if got := strings.Join(e.Settings, " "); c.settings != "*" && got != c.settings {
			t.Errorf("%s: settings %q, want %q", c.sql, got, c.settings)
		}
	}
	for _, sql := range []string{`INSERT INTO word (word) VALUES ('x')`, `UPDATE word SET word = 'y'`} {
		if e := examine(t, conn, sql); !e.WritesKnown || names(e.Writes) != "word" {
			t.Errorf("%s: writes %q, known %v: %s", sql, names(e.Writes), e.WritesKnown, refusals(e))
		}
	}
}

// TestColumns: the columns that are read, of views and of relations under them.
func TestColumns(t *testing.T) {
	t.Parallel()
	conn := connect(t)
	for sql, want := range map[string]string{
		`SELECT name FROM city WHERE id = $1`:        "city.id city.name",
		`SELECT o.name FROM old_city o`:              "city.country city.founded city.id city.name old_city.name",
		`SELECT count(*) FROM plain`:                 "",
		`SELECT p FROM plain p`:                      "plain.",
		`SELECT code FROM country UNION TABLE audit`: "audit.what country.code",
		`SELECT relname FROM pg_class`:               "",
	} {
		var got []string
		for _, c := range examine(t, conn, sql).Columns {
			got = append(got, c.Relation.Name+"."+c.Name)
		}
		slices.Sort(got)
		if strings.Join(got, " ") != want {
			t.Errorf("%s: columns %v, want %s", sql, got, want)
		}
	}
}
