package batchinsert_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/headrace/headrace/batchinsert"
)

// Values that are equal by their type's operator but have other bytes are
// written. The same value is not written again.
func TestEqualValuesWithOtherBytesAreWritten(t *testing.T) {
	t.Parallel()
	type row struct {
		ID int64
		V  *string
	}
	byID, rows := batchinsert.OnConflict{Keys: []string{"id"}}, func(v string) []row { return []row{{1, &v}} }
	pg := open(t, "CREATE EXTENSION citext",
		"CREATE COLLATION blind (provider = icu, locale = 'und-u-ks-level2', deterministic = false)",
		"CREATE TYPE span AS (months interval, share numeric)",
		"CREATE TYPE spans AS RANGE (subtype = interval)",
		"CREATE DOMAIN share AS numeric(6,3)", "CREATE DOMAIN long AS interval CHECK (VALUE > '0')",
		"CREATE DOMAIN sharing AS share", "CREATE DOMAIN shares AS numeric[]")
	for _, c := range []struct{ typ, old, new string }{
		{"interval", "30 days", "1 mon"},
		{"interval[]", "{30 days}", `{"1 mon"}`},
		{"interval(0)", "30 days", "1 mon"},
		{"numeric", "1.0", "1.00"},
		{"numeric[]", "{1.0,NULL}", "{1.00,NULL}"},
		{"shares", "{1.0}", "{1.00}"},
		{"double precision", "0", "-0"},
		{"real", "-0", "0"},
		{"real[]", "{0}", "{-0}"},
		{"numrange", "[1.0,2)", "[1.00,2)"},
		{"nummultirange", "{[1.0,2)}", "{[1.00,2)}"},
		{"spans", "[30 days,2 years)", "[1 mon,2 years)"},
		{"span", "(30 days,1.0)", `("1 mon",1.00)`},
		{"span[]", `{"(30 days,1.0)"}`, `{"(\"1 mon\",1.0)"}`},
		{"long", "30 days", "1 mon"},
		{"jsonb", `{"a": 1.0}`, `{"a": 1.00}`},
		{"json", `{"a":1}`, `{"a": 1}`},
		{"xml", "<a/>", "<a></a>"},
		{"citext", "Bob", "BOB"},
		{"citext[]", "{Bob}", "{BOB}"},
		{"text COLLATE blind", "Bob", "BOB"},
		{"text[] COLLATE blind", "{Bob}", "{BOB}"},
		{"varchar(9) COLLATE blind", "Bob", "BOB"},
		{"box", "(2,1),(0,0)", "(1,2),(0,0)"},
		{"circle", "<(0,0),1>", "<(1,1),1>"},
		{"point", "(0,0)", "(0,-0)"},
		{"path", "((0,0),(1,1))", "((0,0),(2,2))"},
		{"tsvector", "'a':1", "'a':2"},
		{"inet", "10.0.0.1/8", "10.0.0.1/16"},
		{"timetz", "10:00:00+00", "11:00:00+01"},
		{"text", "a", "a "},
		{"share", "1.5", "1.25"},
		{"sharing", "1.5", "1.25"},
	} {
		exec(t, pg, "DROP TABLE IF EXISTS kept")
		exec(t, pg, "CREATE TABLE kept (id bigint PRIMARY KEY, v "+c.typ+")")
		kept := batchinsert.MustTable[row]("kept")
		load := func(v string) (batchinsert.Counts, error) {
			file := "id,v\n1,\"" + strings.ReplaceAll(v, `"`, `""`) + "\"\n"
			report, err := batchinsert.Load(t.Context(), pg, "kept", batchinsert.CSV(strings.NewReader(file)), &batchinsert.LoadOptions{OnConflict: &byID})
			return report.Counts, err
		}
		for name, write := range map[string]func(v string) (batchinsert.Counts, error){
			"upsert": func(v string) (batchinsert.Counts, error) {
				return kept.Upsert(t.Context(), pg, batchinsert.Rows(rows(v)), byID)
			},
			"upsert staged": func(v string) (batchinsert.Counts, error) {
				return kept.Upsert(t.Context(), pg, batchinsert.Seq(slices.Values(rows(v))), byID)
			},
			"update": func(v string) (batchinsert.Counts, error) {
				return kept.UpdateMany(t.Context(), pg, batchinsert.Rows(rows(v)), "id")
			},
			"update staged": func(v string) (batchinsert.Counts, error) {
				return kept.UpdateMany(t.Context(), pg, batchinsert.Seq(slices.Values(rows(v))), "id")
			},
			"load": load,
		} {
			exec(t, pg, "TRUNCATE kept")
			exec(t, pg, "INSERT INTO kept VALUES (1, $1::text::"+c.typ+")", c.old)
			counts, err := write(c.new)
			if want := (batchinsert.Counts{Updated: 1}); err != nil || counts != want {
				t.Errorf("%s, %s: %+v, %v", c.typ, name, counts, err)
				continue
			}
			exec(t, pg, "CREATE TABLE wanted AS SELECT $1::text::"+c.typ+" AS v", c.new)
			if got, want := get[string](t, pg, "SELECT v::text FROM kept"), get[string](t, pg, "SELECT v::text FROM wanted"); got != want {
				t.Errorf("%s, %s: %s is there, want %s", c.typ, name, got, want)
			}
			exec(t, pg, "DROP TABLE wanted")
			counts, err = write(c.new)
			if want := (batchinsert.Counts{Unchanged: 1}); err != nil || counts != want {
				t.Errorf("%s, %s, again: %+v, %v", c.typ, name, counts, err)
			}
		}
	}
}

// A column's length is taken into account: a value that becomes what is there is
// not written again, one that is too long is refused.
func TestValuesAreComparedAtTheirColumnsLength(t *testing.T) {
	t.Parallel()
	type row struct {
		ID    int64
		Code  string
		Price float64
		Label string
	}
	pg := open(t, "CREATE TABLE goods (id bigint PRIMARY KEY, code char(5), price numeric(10,2), label varchar(3))")
	goods := batchinsert.MustTable[row]("goods")
	rows := []row{{1, "ab", 1.5, "abc"}}
	long := []row{{1, "ab", 1.5, "abcd"}}
	if _, err := goods.Insert(t.Context(), pg, batchinsert.Rows(rows)); err != nil {
		t.Fatal(err)
	}
	for name, write := range map[string]func([]row) (batchinsert.Counts, error){
		"upsert": func(rows []row) (batchinsert.Counts, error) {
			return goods.Upsert(t.Context(), pg, batchinsert.Rows(rows), byID)
		},
		"upsert staged": func(rows []row) (batchinsert.Counts, error) {
			return goods.Upsert(t.Context(), pg, batchinsert.Seq(slices.Values(rows)), byID)
		},
		"update": func(rows []row) (batchinsert.Counts, error) {
			return goods.UpdateMany(t.Context(), pg, batchinsert.Rows(rows), "id")
		},
		"update staged": func(rows []row) (batchinsert.Counts, error) {
			return goods.UpdateMany(t.Context(), pg, batchinsert.Seq(slices.Values(rows)), "id")
		},
	} {
		counts, err := write(rows)
		if want := (batchinsert.Counts{Unchanged: 1}); err != nil || counts != want {
			t.Errorf("%s: %+v, %v", name, counts, err)
		}
		_, err = write(long)
		wantError(t, err, "22001")
	}
}
