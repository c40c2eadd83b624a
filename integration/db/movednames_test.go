package db_test

import (
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/headrace/headrace/db"
)

// TestFunctionsThatChangeNames: settings that a function makes for the rest of
// the transaction determine which tables later statements write to.
func TestFunctionsThatChangeNames(t *testing.T) {
	t.Parallel()
	plpgsql := func(body string) string {
		return "CREATE FUNCTION move() RETURNS int LANGUAGE plpgsql AS $$ " + body + " $$"
	}
	for _, tt := range []struct{ name, setup, call string }{
		{name: "set local", setup: plpgsql("BEGIN SET LOCAL search_path = other; RETURN 1; END")},
		{name: "set_config", setup: plpgsql("BEGIN PERFORM set_config('search_path', 'other', true); RETURN 1; END")},
		{name: "set schema", setup: plpgsql("BEGIN SET LOCAL SCHEMA 'other'; RETURN 1; END")},
		{name: "sql", setup: "CREATE FUNCTION move() RETURNS text LANGUAGE sql AS $$ SELECT set_config('search_path', 'other', true) $$"},
		{name: "standard", setup: "CREATE FUNCTION move() RETURNS text RETURN set_config('search_path', 'other', true)"},
		{name: "nested", setup: "CREATE FUNCTION inner_move() RETURNS text RETURN set_config('search_path', 'other', true);" + plpgsql("BEGIN PERFORM inner_move(); RETURN 1; END")},
		{name: "procedure", setup: "CREATE PROCEDURE move() LANGUAGE plpgsql AS $$ BEGIN SET LOCAL search_path = other; END $$", call: "CALL move()"},
		{
			name: "trigger", call: "INSERT INTO public.audited VALUES (1)",
			setup: `CREATE TABLE audited (id int);
CREATE FUNCTION move() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN SET LOCAL search_path = other; RETURN new; END $$;
CREATE TRIGGER move BEFORE INSERT ON audited FOR EACH ROW EXECUTE FUNCTION move()`,
		},
		{name: "do", call: "DO $$ BEGIN SET LOCAL search_path = other; END $$"},
	} {
		call := tt.call
		if call == "" {
			call = "SELECT move()"
		}
		for way, write := range map[string]func(*db.DB) error{
			"in a transaction": func(pg *db.DB) error {
				return begin(pg, func(tx pgx.Tx) error { return execAll(tx, call, "INSERT INTO a VALUES (1)") })
			},
			"in a batch": func(pg *db.DB) error { return batch(pg, call, "INSERT INTO a VALUES (1)") },
			"in one text": func(pg *db.DB) error {
				_, err := pg.Exec(t.Context(), call+"; INSERT INTO a VALUES (1)", pgx.QueryExecModeSimpleProtocol)
				return err
			},
		} {
			t.Run(tt.name+" "+way, func(t *testing.T) {
				t.Parallel()
				setup := []string{"CREATE TABLE a (id int)", "CREATE SCHEMA other", "CREATE TABLE other.a (id int)"}
				if tt.setup != "" {
					setup = append(setup, tt.setup)
				}
				pg := open(t, nil, setup...)
				log := watch(t, pg)
				for range 3 { // what the call does is known from the second time on
					if err := write(pg); err != nil {
						t.Fatal(err)
					}
					if announced := log.takeKnown(); !strings.Contains(announced, "other.a") && !strings.Contains(announced, "*") {
						t.Errorf("announced %q, want other.a", announced)
					}
				}
			})
		}
	}
}
