package sqltext

import (
	"fmt"
	"strings"
	"testing"
)

func TestSummary(t *testing.T) {
	for text, want := range map[string]string{
		"select name from Cities where id = 7":                      "SELECT cities",
		"SELECT * FROM geo.cities c JOIN countries USING (country)": "SELECT geo.cities countries",
		"INSERT INTO log SELECT * FROM cities JOIN log USING (id)":  "INSERT log cities",
		"WITH x AS (SELECT 'secret' FROM a) SELECT * FROM x":        "SELECT a",
		"UPDATE cities SET name = 'secret'":                         "UPDATE cities",
		"copy cities (id) from stdin binary":                        "COPY FROM cities",
		"SELECT 1":                                                  "SELECT",
		"BEGIN":                                                     "BEGIN",
		"CREATE TABLE secret ()":                                    "DDL secret",
		"DELETE FROM a; DELETE FROM b":                              "several statements a b",
		"SELECT 'secret":                                            "unrecognized",
		"":                                                          "empty",
	} {
		if got := Analyze(text).Summary(); got != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
	var tables []string
	for i := range 100 {
		tables = append(tables, fmt.Sprint("table_", i))
	}
	got := Analyze("SELECT 1 FROM " + strings.Join(tables, ", ")).Summary()
	if len(got) > mostSummary || !strings.HasSuffix(got, " table_27") {
		t.Errorf("%d bytes: %s", len(got), got)
	}
}
