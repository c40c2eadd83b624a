package batchinsert_test

import (
	"bytes"
	"testing"

	"github.com/headrace/headrace/batchinsert"
)

// The exceptions that the comment of AsNDJSON lists.
func TestNDJSONRoundTripExceptions(t *testing.T) {
	t.Parallel()
	pg := open(t, "CREATE TYPE pair AS (a int, b text)")
	for _, c := range []struct{ typ, value, want string }{
		{"int[]", "'{1,NULL,3}'", "{1,NULL,3}"},
		{"text[]", `'{{a,"b,c"},{"",NULL}}'`, `{{a,"b,c"},{"",NULL}}`},
		{"jsonb", `'{"a": null}'`, `{"a": null}`},
		{"int[]", "'[0:1]={1,2}'", "{1,2}"}, // bounds
		{"jsonb", "'null'", ""},             // NULL
		{"pair", "'(1,x)'", "error"},
		{"pair[]", `'{"(1,x)"}'`, "error"},
		{"box[]", "'{(1,1),(0,0);(2,2),(0,0)}'", "error"},
	} {
		exec(t, pg, "CREATE TABLE was AS SELECT ("+c.value+")::"+c.typ+" AS v")
		exec(t, pg, "CREATE TABLE t (LIKE was)")
		var out bytes.Buffer
		opts := &batchinsert.ExportOptions{Format: batchinsert.AsNDJSON}
		if _, err := batchinsert.Export(t.Context(), pg, "SELECT * FROM was", &out, opts); err != nil {
			t.Fatal(err)
		}
		text := out.String()
		_, err := batchinsert.Load(t.Context(), pg, "t", batchinsert.NDJSON(&out), nil)
		got := "error"
		if err == nil {
			got = get[string](t, pg, "SELECT coalesce(v::text, '') FROM t")
		}
		if got != c.want {
			t.Errorf("%s %s, as %s: %q, want %q (%v)", c.typ, c.value, text, got, c.want, err)
		}
		exec(t, pg, "DROP TABLE was, t")
	}
}
