package target

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
		line, column, ok := CopyPlace(err, "cities")
		got := ""
		if ok {
			got = fmt.Sprintf("%d|%s", line, column)
		}
		if got != want {
			t.Errorf("%q: %q, want %q", where, got, want)
		}
	}
	if _, _, ok := CopyPlace(errors.New("no server"), "cities"); ok {
		t.Error("a place from nowhere")
	}
}

// Where CONTEXT names no column, the error's other fields may.
func TestCopyPlaceNamesTheColumn(t *testing.T) {
	for _, c := range []struct {
		err  pgconn.PgError
		want string
	}{
		{pgconn.PgError{Code: "23502", Where: `COPY cities, line 3: "1,,2"`, ColumnName: "name"}, "name"},
		{pgconn.PgError{Code: "23502", Where: `COPY cities, line 3, column id: null input`, ColumnName: "name"}, "id"},
		// of the table that a trigger writes to
		{pgconn.PgError{Code: "23502", Where: "PL/pgSQL function audit() line 3\nCOPY cities, line 3", ColumnName: "who"}, ""},
		{pgconn.PgError{Code: "22P04", Where: "COPY cities, line 3: \"1\"", Message: `missing data for column "pop"`}, "pop"},
		{pgconn.PgError{Code: "22P04", Where: "COPY cities, line 3: \"1\"", Message: `missing data for column "a "b" c"`}, ""},
		{pgconn.PgError{Code: "22P04", Where: "COPY cities, Zeile 3: »1«", Message: `fehlende Daten für Spalte »pop«`}, "pop"},
		{pgconn.PgError{Code: "22P04", Where: "COPY cities, ligne 3 : « 1 »", Message: "données manquantes pour la colonne «\u00a0pop\u00a0»"}, "pop"},
		{pgconn.PgError{Code: "22P04", Where: "COPY cities, line 3", Message: `extra data after last expected column`}, ""},
		{pgconn.PgError{Code: "22P04", Where: "COPY cities, line 1", Message: `column name mismatch in header line field 1: got "x", expected "id"`}, ""},
		{pgconn.PgError{Code: "22P02", Where: "COPY cities, line 3", Message: `invalid input syntax for type json: "x"`}, ""},
	} {
		line, column, ok := CopyPlace(&c.err, "cities")
		if !ok || line == 0 || column != c.want {
			t.Errorf("%s: line %d, column %q, want %q", c.err.Message+c.err.Where, line, column, c.want)
		}
	}
}
