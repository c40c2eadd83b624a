package db_test

import (
	"strings"
	"testing"
)

// DDL under an event trigger announces the writes of the trigger, even if the
// statement itself changes no row.
func TestChangesByEventTriggers(t *testing.T) {
	t.Parallel()
	pg := open(t, nil,
		"CREATE TABLE log (tag text)",
		"CREATE TABLE a (id int PRIMARY KEY, v text)",
		"CREATE MATERIALIZED VIEW m AS SELECT * FROM a",
		"CREATE FUNCTION note() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO public.log VALUES (tg_tag); END $$")
	log := watch(t, pg)
	statements := []string{
		"CREATE TABLE made (id int)",
		"CREATE TABLE filled AS SELECT 1 AS id",
		"SELECT 1 AS id INTO selected",
		"SELECT 1 AS insert INTO renamed",
		"SELECT insert INTO again FROM renamed",
		"EXPLAIN ANALYZE SELECT 1 AS id INTO explained",
		"EXPLAIN ANALYZE CREATE TABLE explained_as AS SELECT 1 AS id",
		"CREATE TEMP TABLE mine (id int)",
		"CREATE TEMP TABLE passing (id int) ON COMMIT DROP",
		"DROP TABLE pg_temp.mine",
		"CREATE INDEX made_id ON made (id)",
		"REINDEX TABLE made",
		"REFRESH MATERIALIZED VIEW m",
		"COMMENT ON TABLE made IS 'made'",
		"GRANT SELECT ON made TO PUBLIC",
		"ALTER TABLE made ADD COLUMN n int",
		"DROP TABLE made, filled, selected, renamed, again, explained, explained_as",
	}
	conn, err := pg.Acquire(t.Context())
	must(t)(nil, err)
	defer conn.Release()
	for _, sql := range statements { // learned without the trigger
		must(t)(conn.Exec(t.Context(), sql))
	}
	must(t)(conn.Exec(t.Context(), "CREATE EVENT TRIGGER note ON ddl_command_end EXECUTE FUNCTION note()"))
	log.takeKnown()
	for _, sql := range statements {
		before := count(t, pg, "SELECT count(*)::int FROM log")
		log.takeKnown()
		must(t)(conn.Exec(t.Context(), sql))
		if announced := log.takeKnown(); announced != "*" && !strings.Contains(announced, "public.log") && count(t, pg, "SELECT count(*)::int FROM log") > before {
			t.Errorf("%s: announced %q, and the trigger has written", sql, announced)
		}
	}
}
