package batchinsert_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/headrace/headrace/batchinsert"
)

// With array_nulls off the server reads NULL within the text of an array as text.
// Each way of writing stores a NULL, or refuses it.
func TestNullsInArraysUnderArrayNullsOff(t *testing.T) {
	t.Parallel()
	pg := openWith(t, "array_nulls=off", "CREATE TABLE typed (id bigint PRIMARY KEY, v text[])")
	check := func(name string, err error) {
		t.Helper()
		if err != nil {
			wantError(t, err, "array_nulls")
		}
		if n := get[int64](t, pg, "SELECT count(*) FROM typed WHERE v[2] IS NOT NULL"); n > 0 || err == nil && get[int64](t, pg, "SELECT count(v) FROM typed") != 1 {
			t.Errorf("%s: %v, and the table has %s", name, err, get[string](t, pg, "SELECT coalesce(string_agg(v::text, ' '), '') FROM typed"))
		}
		exec(t, pg, "TRUNCATE typed")
	}
	rows := typedRows([][]*string{{ptr("x"), nil}})
	for _, way := range waysToWrite[[]*string]() {
		check(way.name, way.write(t.Context(), pg, rows))
	}
	for _, way := range waysToWrite[string]() { // as the server's text
		check(way.name+" of a literal", way.write(t.Context(), pg, typedRows([]string{"{x, null}"})))
	}
	for _, way := range waysToWrite[[]string]() {
		if err := way.write(t.Context(), pg, typedRows([][]string{{"x", "NULL"}, {"a,b", ""}, {}})); err != nil && way.name != loadOfRecords {
			t.Errorf("%s without a NULL: %v", way.name, err)
		}
		exec(t, pg, "TRUNCATE typed")
	}
	_, err := batchinsert.Load(t.Context(), pg, "typed", batchinsert.NDJSON(strings.NewReader(`{"id":1,"v":["x",null]}`)), nil)
	check("NDJSON", err)
	exec(t, pg, "INSERT INTO typed VALUES (1, ARRAY['x', NULL])")
	var out bytes.Buffer
	if _, err := batchinsert.Export(t.Context(), pg, "TABLE typed", &out, nil); err != nil {
		t.Fatal(err)
	}
	exec(t, pg, "TRUNCATE typed")
	_, err = batchinsert.Load(t.Context(), pg, "typed", batchinsert.CSV(&out), nil)
	check("CSV", err)
}
