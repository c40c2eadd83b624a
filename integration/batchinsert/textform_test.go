package batchinsert_test

import (
	"database/sql"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/headrace/headrace/batchinsert"
	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/integration/internal/soak"
)

type textual[V any] struct{ V V }

// writeText inserts and copies a value, and returns what the table has, or the
// error.
func writeText[V any](t *testing.T, pg *db.DB, v V) (string, error) {
	t.Helper()
	table, rows := batchinsert.MustTable[textual[V]]("texts"), batchinsert.Rows([]textual[V]{{v}})
	_, insertErr := table.Insert(t.Context(), pg, rows)
	_, err := table.Copy(t.Context(), pg, rows)
	if (err == nil) != (insertErr == nil) {
		t.Errorf("%v: insert: %v; copy: %v", v, insertErr, err)
	}
	if err != nil && insertErr != nil {
		return "", err
	}
	got := get[string](t, pg, "WITH gone AS (DELETE FROM texts RETURNING v) SELECT coalesce(string_agg(DISTINCT v::text, ' '), '') FROM gone")
	return got, err
}

// Accepted text has the same meaning as for the server.
func TestTextIsParsedAsByTheServer(t *testing.T) {
	t.Parallel()
	spellings := []string{
		"1_0.5", "1_0", "1_000", "0x10", "0x1p4", "0x1_0p1", "0b1", "0o7", "inf", "+Inf", "infinity", "-INFINITY", "+infinity", "nan", "NaN", "-nan",
		"1e400", "1e-400", "0e-400", "1e-320", "1e-50", "1e39", "0x1p-2000", "0x0p-2000", "1e5", "1E+5", ".5", "5.", "+1", "-0", "007", " 1", "1 ", "", "e5", "1e",
		"TRUE", "True", "tr", "T", "y", "of", "on", "1", "0", "99999999999999999999", "2024-01-05", "Jan 5, 2024", "P1Y2M", "1 day", "24:00:00",
	}
	for _, typ := range []string{"float8", "float4", "numeric", "int2", "int4", "int8", "bool", "interval", "date", "time", "timestamp", "timestamptz", "uuid"} {
		pg := open(t, "SET timezone = 'UTC'", "CREATE TABLE texts (v "+typ+")")
		for i, s := range spellings {
			var pgErr *pgconn.PgError
			var want string
			err := pg.QueryRow(t.Context(), "SELECT $1::text::"+typ+"::text", s).Scan(&want)
			if err != nil && !errors.As(err, &pgErr) {
				t.Fatal(err)
			}
			got, ours := writeText(t, pg, s)
			if ours == nil && (err != nil || got != want) {
				t.Errorf("%q into %s: %q; the server: %q, %v", s, typ, got, want, err)
			}
			others := []func() (string, error){
				func() (string, error) { return writeText(t, pg, &s) },
				func() (string, error) { return writeText(t, pg, sql.NullString{String: s, Valid: true}) },
			}
			if !soak.On { // in turn
				others = others[i%2:][:1]
			}
			for _, other := range others {
				if again, err := other(); again != got || (err == nil) != (ours == nil) {
					t.Errorf("%q into %s: %q, %v; as string %q, %v", s, typ, again, err, got, ours)
				}
			}
		}
	}
}

func TestRefusedTextNamesAcceptedForms(t *testing.T) {
	t.Parallel()
	example, address := regexp.MustCompile(`which is ("[^;]*");`), regexp.MustCompile(`0x[0-9a-f]{6}|0xc000`)
	for _, typ := range []string{"float8", "float4", "numeric", "int4", "bool", "interval", "date", "time", "timestamp", "timestamptz", "uuid", "bytea", "inet", "macaddr"} {
		pg := open(t, "CREATE TABLE texts (v "+typ+")")
		const secret = "s3cr\xc3\xa9t"
		for name, try := range map[string]func() error{
			"string":     func() error { _, err := writeText(t, pg, secret); return err },
			"pointer":    func() error { _, err := writeText(t, pg, new(string)); return err },
			"NullString": func() error { _, err := writeText(t, pg, sql.NullString{String: secret, Valid: true}); return err },
		} {
			err := try()
			if err == nil && typ == "bytea" {
				continue // takes any
			}
			wantError(t, err, "row 1", `column "v"`, "tring into ", "use a field of type")
			if err == nil {
				continue
			}
			if address.MatchString(err.Error()) || strings.Contains(err.Error(), secret) {
				t.Errorf("%s of %s: %v", typ, name, err)
			}
			var text string
			if m := example.FindStringSubmatch(err.Error()); m == nil {
				t.Errorf("%s of %s: %v", typ, name, err)
			} else if _, scanErr := fmt.Sscanf(m[1], "%q", &text); scanErr != nil {
				t.Error(scanErr)
			} else if _, err := writeText(t, pg, text); err != nil {
				t.Errorf("%s: the example %q: %v", typ, text, err)
			}
		}
	}
}
