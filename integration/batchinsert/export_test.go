package batchinsert_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/headrace/headrace/batchinsert"
	"github.com/headrace/headrace/db"
)

// exportTypes are types with values that need care in a round trip.
var exportTypes = []struct {
	name   string
	values []string // in SQL
}{
	{"boolean", []string{"true", "false"}},
	{"smallint", []string{"-32768", "32767"}},
	{"integer", []string{"0", "-2147483648"}},
	{"bigint", []string{"9223372036854775807", "-9223372036854775808"}},
	{"real", []string{"'NaN'", "'Infinity'", "'-Infinity'", "'-0'", "0", "0.1", "3.4028235e38", "1e-45", "16777216"}},
	{"double precision", []string{"'NaN'", "'Infinity'", "'-Infinity'", "'-0'", "0.1", "1.7976931348623157e308", "5e-324", "0.30000000000000004"}},
	{"numeric", []string{"'NaN'", "'Infinity'", "'-Infinity'", "0", "0.000", "1.10", "-12345678901234567890.12345678901234567890", "1e-30", "1e40"}},
	{"numeric(8,3)", []string{"1", "-99999.999", "'NaN'"}},
	{"money", []string{"12.34", "-1000"}},
	{"text", []string{
		"''", "' '", "' a '", `'"'`, `'""'`, `'a"b'`, "','", "';'", "''''", `'\.'`, `'\N'`, `'\'`, `'a\b'`, `E'\n'`, `E'\r'`, `E'a\r\nb'`, `E'a\n\\.\nb'`,
		`E'\n\\.\n'`, `E'\t'`, `E'\x01'`, "'NULL'", "'ü😀'", "U&'\\FEFFx'", "repeat('long, \"', 10000)",
	}},
	{"varchar(3)", []string{"''", "'ab'", "'ü,\"'"}},
	{"char(4)", []string{"''", "'ab'", "'a  b'"}},
	{`"char"`, []string{"'a'", "','"}},
	{"name", []string{"'pg_class'"}},
	{"bytea", []string{"''", `'\x00'`, `'\x5c2e0a22'`, `'\xdeadbeef'`}},
	{"json", []string{"'null'", `'"a\nb"'`, `E'{ "b" : 1,\n\t"a":\r\n[1, "\\"", "\\\\"], "a": 2}'`}},
	{"jsonb", []string{"'null'", `'{"b": 1.50, "a": [null, "x\\y\"z"]}'`, `'"\u00fc"'`, "'1e3'"}},
	{"integer[]", []string{"'{}'", "'{1,NULL,3}'", "'{{1,2},{3,4}}'", "'[2:3]={1,2}'"}},
	{"text[]", []string{`ARRAY['', NULL, 'NULL', 'a"b', 'a\b', 'a,b', E'a\nb', ' ']`}},
	{"float8[]", []string{"'{NaN,-0,Infinity}'"}},
	{"date", []string{"'infinity'", "'-infinity'", "'2024-02-29'", "'0044-03-15 BC'", "'5874897-12-31'", "'0001-02-03'", "'2005-06-07'"}},
	{"time", []string{"'00:00'", "'24:00'", "'12:34:56.789012'"}},
	{"timetz", []string{"'12:34:56.789+05:30'", "'00:00-15:59:59'"}},
	{"timestamp", []string{"'infinity'", "'-infinity'", "'2024-02-29 23:59:59.999999'", "'4713-01-01 00:00 BC'", "'2005-06-07'"}},
	{"timestamptz", []string{"'infinity'", "'-infinity'", "'2024-02-29 23:59:59.999999+00'", "'1850-01-01 00:00:00.5+00'", "'294276-12-31 00:00+00'"}},
	{"interval", []string{"'0'", "'1 year 2 mons -3 days -04:05:06.789'", "'-1 day +02:00'", "'-1 day -02:00'", "'-178000000 years'", "'1 mon'", "'-00:00:00.000001'", "'-1 mon -2 days -03:00'"}},
	{"uuid", []string{"'f47ac10b-58cc-4372-a567-0e02b2c3d479'"}},
	{"inet", []string{"'10.0.0.1'", "'10.0.0.1/8'", "'::1'"}},
	{"cidr", []string{"'10.0.0.0/8'"}},
	{"macaddr", []string{"'08:00:2b:01:02:03'"}},
	{"bit(3)", []string{"B'101'"}},
	{"varbit", []string{"B''", "B'1'"}},
	{"point", []string{"'(0.1,-0)'"}},
	{"tsvector", []string{`'a:1A ''b c'':2'`}},
	{"int4range", []string{"'empty'", "'[1,5)'", "'(,)'"}},
	{"tstzrange", []string{`'["2024-01-01 00:00+00",infinity)'`}},
	{"datemultirange", []string{"'{}'", "'{[2024-01-02,2024-01-05),[2025-01-01,)}'"}},
	{"mood", []string{"'sad'", `'so, "so"'`}},
	{"pair", []string{"ROW(1, 'x')", "ROW(NULL, '')", "ROW(NULL, NULL)", `ROW(-1, E'a"b\\c,\n(')`}},
	{"pair[]", []string{`ARRAY[ROW(1, 'a"b\c'), NULL]::pair[]`}},
	{"positive", []string{"1"}},
	{"short", []string{"''", "'a\"b'"}},
}

var createExportTypes = []string{
	`CREATE TYPE mood AS ENUM ('sad', 'so, "so"')`, "CREATE TYPE pair AS (a int, b text)",
	"CREATE DOMAIN positive AS int CHECK (VALUE > 0)", "CREATE DOMAIN short AS varchar(5)",
}

// makeTyped makes the tables t and again, of columns n and v; t has the values
// and a NULL.
func makeTyped(t *testing.T, pg *db.DB, typ string, values []string) {
	t.Helper()
	exec(t, pg, "DROP TABLE IF EXISTS t, again")
	exec(t, pg, "CREATE TABLE t (n int, v "+typ+")")
	exec(t, pg, "CREATE TABLE again (LIKE t)")
	for i, v := range append([]string{"NULL"}, values...) {
		exec(t, pg, fmt.Sprintf("INSERT INTO t VALUES (%d, %s)", i, v))
	}
}

// exported returns what Export writes.
func exported(t *testing.T, r batchinsert.Reader, query string, opts *batchinsert.ExportOptions) string {
	t.Helper()
	var b strings.Builder
	if _, err := batchinsert.Export(t.Context(), r, query, &b, opts); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return b.String()
}

// binary is all rows of a table as binary COPY: each value to the last bit.
func binary(t *testing.T, r batchinsert.Reader, table string) string {
	t.Helper()
	return exported(t, r, "SELECT * FROM "+table+" ORDER BY ctid", &batchinsert.ExportOptions{Format: batchinsert.AsBinary})
}

// loadCSV loads what Export wrote.
func loadCSV(t *testing.T, pg *db.DB, table, file string, o batchinsert.ExportOptions) {
	t.Helper()
	load := &batchinsert.LoadOptions{Comma: o.Comma, Quote: o.Quote, Escape: o.Escape, Null: o.Null}
	if _, err := batchinsert.Load(t.Context(), pg, table, batchinsert.CSV(strings.NewReader(file)), load); err != nil {
		t.Fatalf("load %.1000q: %v", file, err)
	}
}

var exportDialects = []batchinsert.ExportOptions{
	{}, {Comma: ';', Quote: '\'', Escape: '\\', Null: `\N`}, {Comma: '\t', Escape: '\\'}, {Comma: '|', Quote: '^', Null: "NULL"},
}

// openOdd is a handle to the database of pg whose sessions write values in
// forms that others read differently, or not in full.
func openOdd(t *testing.T, pg *db.DB, encoding string) *db.DB {
	t.Helper()
	cfg, err := pgxpool.ParseConfig(pg.Pool().Config().ConnString())
	if err != nil {
		t.Fatal(err)
	}
	maps.Copy(cfg.ConnConfig.RuntimeParams, map[string]string{
		"datestyle": "SQL, DMY", "intervalstyle": "sql_standard", "extra_float_digits": "-3", "bytea_output": "escape", "timezone": "Europe/Vienna", "client_encoding": encoding,
	})
	odd, err := db.OpenConfig(t.Context(), cfg, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(odd.Close)
	return odd
}

// An export and a load of it preserve all values, under every setting of both
// sessions.
func TestExportRoundTrip(t *testing.T) {
	t.Parallel()
	pg := open(t, createExportTypes...)
	odd, odder := openOdd(t, pg, "UTF8"), openOdd(t, pg, "LATIN1")
	for _, typ := range exportTypes {
		makeTyped(t, pg, typ.name, typ.values)
		want := binary(t, pg, "t")
		for i, opts := range exportDialects {
			for _, way := range []struct {
				name     string
				from, to *db.DB
			}{{"plain", pg, pg}, {"from odd", odder, pg}, {"to odd", pg, odd}} {
				exec(t, pg, "TRUNCATE again")
				file := exported(t, way.from, "SELECT v, n FROM t ORDER BY n", &opts)
				loadCSV(t, way.to, "again", file, opts)
				if got := binary(t, pg, "again"); got != want {
					t.Errorf("%s, dialect %d, %s: %.1000q:\n got  %.1000q\n want %.1000q", typ.name, i, way.name, file, got, want)
				}
			}
		}
		exec(t, pg, "TRUNCATE again")
		if _, err := db.CopyRaw(t.Context(), pg, "COPY again FROM STDIN (FORMAT binary)", strings.NewReader(want)); err != nil {
			t.Fatal(err)
		}
		if got := binary(t, pg, "again"); got != want {
			t.Errorf("%s: binary: %q, want %q", typ.name, got, want)
		}
	}
}

// A table of one column, where an empty line is a NULL and \. means something.
func TestExportRoundTripOfTexts(t *testing.T) {
	t.Parallel()
	pg := open(t, `CREATE TABLE t ("a, ""b""" text)`, "CREATE TABLE again (LIKE t)")
	rounds := 100
	if testing.Short() {
		rounds = 20
	}
	rnd := rand.New(rand.NewPCG(3, 4))
	alphabet := []rune("ab,;'\"\"\n\r\\.N| ^\tü")
	for range rounds {
		exec(t, pg, "TRUNCATE t, again")
		for range rnd.IntN(6) {
			var text []rune
			for range rnd.IntN(6) {
				text = append(text, alphabet[rnd.IntN(len(alphabet))])
			}
			exec(t, pg, "INSERT INTO t VALUES ($1), (NULL)", string(text))
		}
		opts := exportDialects[rnd.IntN(len(exportDialects))]
		file := exported(t, pg, "TABLE t", &opts)
		loadCSV(t, pg, "again", file, opts)
		if got, want := binary(t, pg, "again"), binary(t, pg, "t"); got != want {
			t.Errorf("%q, %+v:\n got  %q\n want %q", file, opts, got, want)
		}
	}
}

// Lines of JSON are the server's own, save for the line breaks that values of
// type json bring along.
func TestExportedJSONEqualsRowToJSON(t *testing.T) {
	t.Parallel()
	pg := open(t, createExportTypes...)
	check := func(query string) {
		t.Helper()
		var want strings.Builder
		rows, err := pg.Query(t.Context(), "SELECT translate(row_to_json(q.*)::text, E'\\r\\n', '  ') FROM ("+query+") q")
		if err != nil {
			t.Fatal(err)
		}
		for rows.Next() {
			want.Write(rows.RawValues()[0])
			want.WriteByte('\n')
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
		got := exported(t, pg, query, &batchinsert.ExportOptions{Format: batchinsert.AsNDJSON})
		if got != want.String() {
			t.Errorf("%s: %q, want %q", query, got, want.String())
		}
		for line := range strings.Lines(got) {
			if !json.Valid([]byte(line)) {
				t.Errorf("%s: no JSON: %q", query, line)
			}
		}
	}
	for _, typ := range exportTypes {
		makeTyped(t, pg, typ.name, typ.values)
		check("SELECT * FROM t ORDER BY n")
	}
	for _, query := range []string{
		"SELECT 1 AS r", "SELECT 1 AS r, 2 AS s", "SELECT t AS r FROM t", "VALUES (1, 'a'), (NULL, NULL)", "SELECT 1 AS a WHERE false",
		"WITH x AS (SELECT 2 AS b) SELECT b AS \"q\"\"\n\" FROM x", "SELECT g, repeat('x', g * 10000) AS x FROM generate_series(1, 20) g ORDER BY 1 DESC",
	} {
		check(query)
	}
}

func TestExportFromEachReader(t *testing.T) {
	t.Parallel()
	pg := open(t, createItems, "INSERT INTO items (id, name, price) VALUES (1, 'committed', 2.50)")
	conn, err := pg.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Release()
	tx, err := pg.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback(context.Background())
	nested, err := tx.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	exec(t, nested, "INSERT INTO items (id, name) VALUES (2, 'not committed')")
	const query = "SELECT id, name, price FROM items ORDER BY id; -- all"
	query2 := strings.TrimSuffix(query, " -- all") + "\n"
	for _, r := range []batchinsert.Reader{pg, pg.Pool(), conn, conn.Conn(), tx, nested} {
		want := "id,name,price\n1,committed,2.50\n"
		if r == batchinsert.Reader(tx) || r == batchinsert.Reader(nested) {
			want += "2,not committed,\n"
		}
		var b bytes.Buffer
		n, err := batchinsert.Export(t.Context(), r, query2, &b, nil)
		if err != nil || b.String() != want || n != int64(strings.Count(want, "\n"))-1 {
			t.Errorf("%T: %d, %v, %q", r, n, err, b.String())
		}
	}
	// The settings were made for the export only, and no savepoint is left.
	exec(t, nested, "INSERT INTO items (id, name) VALUES (3, 'written after')")
	if got := get[string](t, nested, "SELECT current_setting('transaction_read_only') || current_setting('datestyle')"); got != "offISO, MDY" {
		t.Error(got)
	}
	_, err = tx.Exec(t.Context(), "RELEASE SAVEPOINT headrace_export")
	wantError(t, err, "does not exist")
}

// An export is traced like any statement, and never reported as a change.
func TestExportIsTracedAndReadOnly(t *testing.T) {
	t.Parallel()
	pg := open(t, createItems, "CREATE FUNCTION spy() RETURNS int LANGUAGE sql AS 'INSERT INTO items (id, name) VALUES (9, ''spy'') RETURNING 1'",
		"CREATE FUNCTION unknown() RETURNS int LANGUAGE plpgsql AS 'BEGIN EXECUTE ''SELECT 1''; RETURN 1; END'")
	stop, err := pg.OnChange(func(_ context.Context, changes []db.Change) {
		for _, c := range changes {
			if c.State == db.Committed || c.State == db.Resolved { // and not only that the server had not told yet what a read does
				t.Errorf("announced: %v", c)
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	for _, query := range []string{
		"INSERT INTO items (id, name) VALUES (1, 'x') RETURNING id", "DELETE FROM items RETURNING *", "SELECT spy()",
		"WITH gone AS (DELETE FROM items RETURNING *) SELECT * FROM gone", "SELECT * FROM items FOR UPDATE",
	} {
		_, err := batchinsert.Export(t.Context(), pg, query, io.Discard, nil)
		wantError(t, err, "export: ", "read-only transaction", "SQLSTATE 25006")
	}
	exported(t, pg, "SELECT unknown()", nil)
	exported(t, pg, "SELECT id AS measured FROM items", nil)
	for _, st := range pg.Stats().Statements {
		if strings.Contains(st.Text, "measured") && st.Calls == 1 {
			return
		}
	}
	t.Errorf("no COPY in %+v", pg.Stats().Statements)
}

// A statement that is not a single query writes nothing, and no text can leave
// the COPY's parentheses.
func TestExportRefusesOtherStatements(t *testing.T) {
	t.Parallel()
	pg := open(t, "CREATE TABLE t (a int)", "INSERT INTO t VALUES (1)")
	tx, err := pg.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback(context.Background())
	for _, c := range []struct{ query, want string }{
		{"", "no columns"},
		{" ;; ", "no columns"},
		{"-- only a comment", "no columns"},
		{"SELECT FROM t", "no columns"},
		{"DROP TABLE t", "no columns"},
		{"SELECT 1 AS a INTO s", "no columns"},
		{"COPY t TO STDOUT", "no columns"},
		{"SHOW datestyle", "syntax error"},
		{"EXPLAIN SELECT 1", "syntax error"},
		{"SELECT nope FROM t", `column "nope" does not exist`},
		{"SELECT $1::int", "parameters"},
		{"SELECT $1", "parameters"},
		{"SELECT * FROM t WHERE a = $1", "parameters"},
		{"SELECT $1 IS NULL", "parameters"},
		{"SELECT ARRAY[]", "cannot determine type of empty array"},
		{"SELECT 'open", "unterminated quoted string"},
		{"SELECT 1 /* open", "unterminated /* comment"},
		{"SELECT $$open", "unterminated dollar-quoted string"},
		{"SELECT 1; SELECT 2", "multiple commands"},
		{"SELECT 1; DROP TABLE t", "multiple commands"},
		{"SELECT 1; -- DROP TABLE t", "syntax error"},
		{"SELECT (1", "syntax error"},
		{"SELECT 1) TO PROGRAM 'x' --", "syntax error"},
		{"SELECT 1) TO PROGRAM 'x' /*", "syntax error"},
		{"SELECT 1) TO PROGRAM 'x'; SELECT (1", "syntax error"},
		{"SELECT 1) AS r) TO PROGRAM 'x' --", "syntax error"},
		{"SELECT 1\n) TO '/tmp/x' (FORMAT text); SELECT (1", "syntax error"},
		{"SELECT 1\x00) TO PROGRAM 'x'", "NUL"},
		{"SELECT '\xff'", "invalid byte sequence"},
	} {
		for _, r := range []batchinsert.Reader{pg, tx} {
			for _, f := range []batchinsert.ExportFormat{batchinsert.AsCSV, batchinsert.AsNDJSON, batchinsert.AsBinary} {
				var b bytes.Buffer
				n, err := batchinsert.Export(t.Context(), r, c.query, &b, &batchinsert.ExportOptions{Format: f})
				wantError(t, err, "export: ", c.want)
				if n != 0 || b.Len() > 0 {
					t.Errorf("%q: %d rows, %q", c.query, n, b.String())
				}
			}
		}
	}
	wantCount(t, tx, "t", 1)
	_, err = batchinsert.Export(t.Context(), pg, "SELECT 1 AS a, 2 AS a", io.Discard, &batchinsert.ExportOptions{Format: batchinsert.AsNDJSON})
	wantError(t, err, `two columns are named "a"`)
	for _, query := range []string{"SELECT 1 -- c", "SELECT 1 /* ; */ ;", "(SELECT 1)", "((SELECT 1) UNION ALL (SELECT 1)) LIMIT 1;\n", "SELECT ')' WHERE ';' <> '--'"} {
		if n, err := batchinsert.Export(t.Context(), pg, query, io.Discard, nil); n != 1 || err != nil {
			t.Errorf("%s: %d, %v", query, n, err)
		}
	}
}

// An error of the server is returned as a *pgconn.PgError.
func TestExportServerErrors(t *testing.T) {
	t.Parallel()
	pg := open(t)
	conn, err := pg.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Release()
	pid := conn.Conn().PgConn().PID()
	var b bytes.Buffer
	n, err := batchinsert.Export(t.Context(), conn, "SELECT 1 / (5000 - g) AS a FROM generate_series(1, 9999) g", &b, nil)
	wantError(t, err, "export: ", "division by zero", "SQLSTATE 22012")
	if n != 0 || !strings.HasPrefix("a\n"+strings.Repeat("0\n", 9999), b.String()) {
		t.Errorf("%d rows, %.100q", n, b.String())
	}
	if conn.Conn().PgConn().PID() != pid || get[int](t, conn, "SELECT 1") != 1 {
		t.Error("the connection is not as it was")
	}
}
