package db_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/integration/pgtest"
)

// callSchema has functions that write, and objects that call them without a
// word in the text of a statement.
var callSchema = append(slices.Clone(changeSchema),
	`CREATE FUNCTION bump() RETURNS text LANGUAGE plpgsql AS $$ BEGIN UPDATE a SET v = v || '!' WHERE id = 1; RETURN 'x'; END $$`,
	`CREATE FUNCTION hidden() RETURNS text LANGUAGE plpgsql AS $$ BEGIN EXECUTE 'DELETE ' || 'FROM a'; RETURN 'x'; END $$`,
	`CREATE FUNCTION look() RETURNS text LANGUAGE plpgsql STABLE AS $$ BEGIN RETURN (SELECT v FROM a WHERE id = 1); END $$`,
	`CREATE FUNCTION sly() RETURNS text LANGUAGE plpgsql STABLE AS $$ BEGIN RETURN bump(); END $$`,
	`CREATE FUNCTION bumped(int, int) RETURNS int LANGUAGE plpgsql AS $$ BEGIN PERFORM bump(); RETURN 1; END $$`,
	`CREATE FUNCTION bumps(b) RETURNS text LANGUAGE sql AS $$ SELECT bump() $$`,
	`CREATE OPERATOR @+@ (FUNCTION = bumped, LEFTARG = int, RIGHTARG = int)`,
	`CREATE VIEW bumping AS SELECT bump() AS v`,
	`CREATE VIEW looking AS SELECT v FROM a`,
	`CREATE TABLE stamped (id int, at timestamptz)`,
	`CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.at = now(); RETURN NEW; END $$`,
	`CREATE TRIGGER stamp BEFORE INSERT OR UPDATE ON stamped FOR EACH ROW EXECUTE FUNCTION stamp()`,
	`CREATE PROCEDURE quietly() LANGUAGE plpgsql AS $$ BEGIN PERFORM hidden(); END $$`,
	`CREATE TABLE deferred (id int)`,
	`GRANT ALL ON deferred TO PUBLIC`,
	`CREATE CONSTRAINT TRIGGER late AFTER INSERT ON deferred DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION audit()`,
	`GRANT ALL ON b TO PUBLIC`,
	`INSERT INTO b VALUES (1, 'b')`,
)

// A text that only reads is reported by the functions that it calls.
func TestChangesByReads(t *testing.T) {
	t.Parallel()
	run := func(statements ...string) func(pg *db.DB) error {
		return func(pg *db.DB) error {
			return onConn(pg, func(conn *pgxpool.Conn) error {
				for _, sql := range statements {
					if err := exec(conn, sql); err != nil {
						return err
					}
					waitForExaminations(pg)
				}
				return nil
			})
		}
	}
	cases := []changeCase{
		{name: "function", do: run("SELECT bump()"), want: "public.a"},
		{name: "view", do: run("SELECT v FROM bumping"), want: "public.a"},
		{name: "view by TABLE", do: run("TABLE bumping"), want: "public.a"},
		{name: "operator", do: run("SELECT 1 @+@ 2"), want: "public.a"},
		{name: "attribute", do: run("SELECT b.bumps FROM b"), want: "public.a"},
		{name: "COPY of a view", do: run("COPY (SELECT * FROM bumping) TO STDOUT"), want: "public.a"},
		{name: "view that only reads", do: run("SELECT v FROM looking")},
		{name: "STABLE function", do: run("SELECT look()")},
		{name: "STABLE function that calls another", do: run("SELECT sly()"), want: "public.a"},
		{name: "function that makes up its text", do: run("SELECT hidden()"), want: "*"},
		{name: "in a transaction", do: run("BEGIN", "SELECT v FROM bumping", "SELECT v FROM looking", "COMMIT"), want: "public.a"},
		{name: "in a transaction rolled back", do: run("BEGIN", "SELECT v FROM bumping", "ROLLBACK")},
		{name: "trigger that sets a column", do: run("INSERT INTO stamped VALUES (1)"), want: "public.stamped"},
		{name: "constants pasted in", do: run("UPDATE a SET v = 'x' WHERE id = 1", "UPDATE a SET v = 'y' WHERE id = 2"), want: "public.a; public.a"},

		{name: "search_path set before", do: run("SET search_path = public", "SELECT count(*), lower(max(v)) FROM a", "SELECT look()", "EXPLAIN SELECT 1")},
		{name: "search_path set before a write", do: run("SET search_path = public", "DELETE FROM a WHERE id = 3"), want: "public.a"},
		{name: "role set before", do: run("SET ROLE NONE", "SELECT count(*) FROM looking", "SELECT v FROM bumping"), want: "public.a"},
		{name: "temporary view that hides a table", do: run("CREATE TEMP VIEW b AS SELECT * FROM a", "DELETE FROM b WHERE id = 4"), want: "*; public.a public.b"},
		{name: "EXECUTE", do: run("PREPARE w AS DELETE FROM a", "EXECUTE w", "SELECT now()"), want: "*"},
		{name: "cursor", do: run("BEGIN", "DECLARE c CURSOR FOR SELECT v FROM looking", "FETCH ALL FROM c", "COMMIT")},
		{name: "cursor over what writes", do: run("BEGIN", "DECLARE c CURSOR FOR SELECT v FROM bumping", "FETCH ALL FROM c", "COMMIT"), want: "public.a"},
		{name: "set_config", do: run("SELECT set_config('app.tenant', 'x', false)", "DELETE FROM a WHERE id = 3"), want: "public.a"},
		{name: "set_config of a name that is not announced", do: run("SELECT set_config(v, 'x', false) FROM (VALUES ('app.x')) n (v)", "DELETE FROM a WHERE id = 3"), want: "public.a"},

		{name: "DO in a transaction", do: run("BEGIN", "DO $$ BEGIN PERFORM hidden(); END $$", "COMMIT"), want: "public.a"},
		{name: "CALL in a transaction", do: run("BEGIN", "CALL quietly()", "INSERT INTO b VALUES (7)", "COMMIT AND CHAIN", "ROLLBACK"), want: "public.a public.b"},
		{name: "DO that changes nothing", do: run("BEGIN", "DO $$ BEGIN NULL; END $$", "COMMIT")},
		{name: "DO that remakes a view", do: run("BEGIN", "DO $$ BEGIN CREATE OR REPLACE VIEW looking AS SELECT v FROM b; END $$", "COMMIT"), want: "*"},
		{name: "DO that makes a function", do: run("BEGIN", "DO $$ BEGIN CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'; END $$", "COMMIT"), want: "*"},
		{name: "DO with a trigger that waits for COMMIT", do: run("BEGIN", "DO $$ BEGIN INSERT INTO deferred VALUES (1); END $$", "COMMIT"), want: "*"},
		{name: "DO rolled back to a savepoint", do: run("BEGIN", "SAVEPOINT s", "DO $$ BEGIN DELETE FROM a; END $$", "ROLLBACK TO s", "DO $$ BEGIN DELETE FROM b; END $$", "COMMIT"), want: "public.b"},
		{name: "function that makes up its text, in transactions", do: run("BEGIN", "SELECT hidden()", "COMMIT", "BEGIN", "SELECT hidden()", "COMMIT"), want: "*; public.a"},
		{name: "locks that the server does not tell", do: run("SELECT set_config('app.x', 'x', false)",
			"REVOKE EXECUTE ON FUNCTION pg_lock_status() FROM PUBLIC", "SET ROLE pg_read_all_settings",
			"BEGIN", "DO $$ BEGIN INSERT INTO deferred VALUES (1); END $$", "COMMIT", "RESET ROLE"), want: "*; *"},

		{name: "rule", do: run("CREATE RULE r AS ON INSERT TO b DO ALSO DELETE FROM a", "INSERT INTO b VALUES (9)"), want: "*; public.a public.b"},
		{name: "partitions", do: run("CREATE TABLE p (id int) PARTITION BY LIST (id)", "CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1)", "INSERT INTO p1 VALUES (1)", "DELETE FROM p"),
			want: "*; *; public.p public.p1; public.p public.p1"},
		{name: "write through a view", do: run("DELETE FROM looking"), want: "public.a"},
		{name: "TRUNCATE CASCADE", do: run("TRUNCATE parent CASCADE"), want: "public.child public.parent"},
		{name: "view remade by a function", do: run(
			"CREATE FUNCTION remake() RETURNS text LANGUAGE plpgsql AS 'BEGIN CREATE OR REPLACE VIEW looking AS SELECT v FROM b; RETURN 1; END'",
			"DELETE FROM looking", "SELECT remake()", "DELETE FROM looking"), want: "public.a; *; public.b"},
	}
	runChanges(t, callSchema, cases)
}

// COMMIT PREPARED commits unknown changes.
func TestCommitPrepared(t *testing.T) {
	t.Parallel()
	pg := open(t, nil, changeSchema...)
	if count(t, pg, "SELECT current_setting('max_prepared_transactions')::int") == 0 {
		log := watch(t, pg)
		if err := exec(pg, "COMMIT PREPARED 'nothing'"); err == nil {
			t.Error("no error")
		}
		if announced := log.takeKnown(); announced != "*" && announced != "" {
			t.Errorf("announced %q", announced)
		}
		return
	}
	log := watch(t, pg)
	name := fmt.Sprintf("'%s'", t.Name())
	err := onConn(pg, func(conn *pgxpool.Conn) error {
		return execAll(conn, "BEGIN", "DELETE FROM a", "PREPARE TRANSACTION "+name)
	})
	if announced := log.takeKnown(); err != nil || announced != "" {
		t.Errorf("prepared: announced %q, %v", announced, err)
	}
	if err := exec(pg, "COMMIT PREPARED "+name); err != nil {
		t.Error(err)
	}
	if announced := log.takeKnown(); announced != "*" {
		t.Errorf("committed: announced %q", announced)
	}
}

// What a pool's hook does at each acquire is not a change, and does not make
// the changes of statements unknown.
func TestChangesUnderAHook(t *testing.T) {
	t.Parallel()
	for _, sql := range []string{"SELECT set_config('app.tenant', $1, false)", "SET search_path = public", "SET ROLE NONE"} {
		cfg, err := pgxpool.ParseConfig(pgtest.New(t))
		if err != nil {
			t.Fatal(err)
		}
		cfg.PrepareConn = func(ctx context.Context, conn *pgx.Conn) (bool, error) {
			var args []any
			if sql[0:3] == "SEL" {
				args = append(args, "x")
			}
			_, err := conn.Exec(ctx, sql, args...)
			return err == nil, err
		}
		pg, err := db.OpenConfig(t.Context(), cfg, nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(pg.Close)
		must(t)(pg.Exec(t.Context(), "CREATE TABLE a (id int)"))
		log := watch(t, pg)
		for range 3 {
			must(t)(pg.Exec(t.Context(), "SELECT count(*) FROM a"))
		}
		if announced := log.takeKnown(); announced != "" {
			t.Errorf("%s: reads announced %q", sql, announced)
		}
		must(t)(pg.Exec(t.Context(), "INSERT INTO a VALUES (1)"))
		if announced := log.takeKnown(); announced != "public.a" {
			t.Errorf("%s: a write announced %q", sql, announced)
		}
	}
}
