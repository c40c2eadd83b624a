package db_test

import (
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

// TestStringsThatEscape: if a session reads backslashes in plain strings as
// escapes, a string ends elsewhere than the text alone shows.
func TestStringsThatEscape(t *testing.T) {
	t.Parallel()
	const hidden = `SELECT '\'', put(1) --'`
	for name, write := range map[string]func(tx pgx.Tx) error{
		"hidden call": func(tx pgx.Tx) error { return exec(tx, hidden) },
		"hidden statement": func(tx pgx.Tx) error {
			return exec(tx, `SELECT '\''; INSERT INTO a VALUES (1); --'`, pgx.QueryExecModeSimpleProtocol)
		},
		"batch": func(tx pgx.Tx) error { return batch(tx, "SELECT 1", hidden) },
		"prepared": func(tx pgx.Tx) error {
			if _, err := tx.Conn().Prepare(t.Context(), "hidden", hidden); err != nil {
				return err
			}
			return exec(tx, "hidden")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pg := open(t, nil, "CREATE TABLE a (id int)",
				"CREATE FUNCTION put(int) RETURNS int LANGUAGE plpgsql AS 'BEGIN INSERT INTO a VALUES ($1); RETURN 1; END'")
			log := watch(t, pg)
			for range 2 {
				err := begin(pg, func(tx pgx.Tx) error {
					if err := exec(tx, "SET LOCAL standard_conforming_strings = off"); err != nil {
						return err
					}
					return write(tx)
				})
				if err != nil {
					t.Fatal(err)
				}
				if announced := log.takeKnown(); !strings.Contains(announced, "*") && !strings.Contains(announced, "public.a") {
					t.Errorf("announced %q", announced)
				}
			}
		})
	}
}
