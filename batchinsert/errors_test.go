package batchinsert

import (
	"errors"
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
)

func TestCopyPlace(t *testing.T) {
	for where, want := range map[string]string{
		"COPY cities, line 7":                                        "7|",
		`COPY cities, line 7, column population: "abc"`:              "7|population",
		"COPY cities, line 12: \"a,b, c\"":                           "12|",
		"COPY cities, Zeile 3, Spalte name: »x, line 9«":             "3|name",
		"COPY cities, line 5, column x: null input":                  "5|x",
		"PL/pgSQL function f() line 3 at RAISE\nCOPY cities, line 8": "8|",
		"COPY other, line 7":                                         "",
		"COPY cities, line x":                                        "",
		"":                                                           "",
		"SQL statement \"INSERT\"":                                   "",
	} {
		err := fmt.Errorf("wrapped: %w", &pgconn.PgError{Where: where})
		line, column, ok := copyPlace(err, "cities")
		got := ""
		if ok {
			got = fmt.Sprintf("%d|%s", line, column)
		}
		if got != want {
			t.Errorf("%q: %q, want %q", where, got, want)
		}
	}
	if _, _, ok := copyPlace(errors.New("no server"), "cities"); ok {
		t.Error("a place from nowhere")
	}
}
