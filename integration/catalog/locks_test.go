package catalog_test

import (
	"testing"

	"github.com/headrace/headrace/internal/catalog"
)

// TestLocks: before COMMIT the transaction's own locks tell what it may have
// changed, whatever did it.
func TestLocks(t *testing.T) {
	t.Parallel()
	conn := connect(t)
	exec(t, conn, `
INSERT INTO country VALUES ('a', 'A');
INSERT INTO city VALUES (1, 'x', 'a');
INSERT INTO watched VALUES (1, '');
CREATE PROCEDURE clear() LANGUAGE plpgsql AS 'BEGIN EXECUTE ''DELETE FROM '' || ''plain''; END';
CREATE TABLE empty (id int);
CREATE TEMP TABLE staging (id int);`)
	for _, c := range []struct{ sql, locked string }{
		{`SELECT * FROM plain`, ""},
		{`SELECT * FROM country FOR UPDATE`, ""},
		{`SELECT hidden('a')`, ""},
		{`UPDATE watched SET note = 'x'`, "audit watched"},
		{`DELETE FROM empty`, "empty"},
		{`DELETE FROM country`, "city country street"},
		{`INSERT INTO reading VALUES ('2025-05-05', 1, 1)`, "reading reading_2025 reading_2025_1"},
		{`SELECT add_note()`, "plain"},
		{`CALL clear()`, "plain"},
		{`DO $$ BEGIN INSERT INTO plain VALUES (7); EXCEPTION WHEN OTHERS THEN NULL; END $$`, "plain"},
		{`SAVEPOINT a; DELETE FROM plain; ROLLBACK TO a`, ""},
		{`SAVEPOINT a; DELETE FROM plain; RELEASE a`, "plain"},
		{`LOCK plain IN SHARE MODE; INSERT INTO ruled VALUES (1)`, "audit plain ruled"},
		{`TRUNCATE plain`, "plain"},
		{`CREATE TABLE made (id int)`, "made"},
	} {
		exec(t, conn, "BEGIN; "+c.sql)
		locked, err := catalog.Locks(t.Context(), conn)
		if err != nil {
			t.Fatal(err)
		}
		if got := names(locked); got != c.locked {
			t.Errorf("%s: locked %q, want %q", c.sql, got, c.locked)
		}
		exec(t, conn, "ROLLBACK")
	}

	exec(t, conn, `BEGIN; INSERT INTO staging VALUES (1)`)
	locked, err := catalog.Locks(t.Context(), conn)
	if err != nil || len(locked) != 1 || locked[0].Persistence != catalog.Temporary {
		t.Errorf("temporary table: %v, %v", locked, err)
	}
	exec(t, conn, `ROLLBACK; BEGIN; DROP TABLE empty`)
	locked, err = catalog.Locks(t.Context(), conn)
	if err != nil || len(locked) != 1 || locked[0].OID == 0 || locked[0].Name != "" {
		t.Errorf("dropped table: %v, %v", locked, err)
	}
	exec(t, conn, `ROLLBACK`)
}

// TestLocksOfOthers: those of other sessions and databases are not told.
func TestLocksOfOthers(t *testing.T) {
	t.Parallel()
	conn := connect(t)
	other := dial(t, conn.Config().ConnString())
	exec(t, other, `BEGIN; DELETE FROM plain`)
	exec(t, conn, `BEGIN; DELETE FROM audit`)
	locked, err := catalog.Locks(t.Context(), conn)
	if err != nil || names(locked) != "audit" {
		t.Errorf("locked %q, %v", names(locked), err)
	}
}

// TestUnknownWritesAreLocked: whatever Examine does not know of, Locks does.
func TestUnknownWritesAreLocked(t *testing.T) {
	t.Parallel()
	conn := connect(t)
	exec(t, conn, `INSERT INTO plain VALUES (1, 'x')`)
	exec(t, conn, `
CREATE FUNCTION made_up() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN EXECUTE ''DELETE FROM '' || ''plain''; RETURN NULL; END';
CREATE TRIGGER made_up AFTER INSERT OR UPDATE ON watched FOR EACH STATEMENT EXECUTE FUNCTION made_up();`)
	for _, sql := range []string{
		`UPDATE watched SET note = ''`, `SELECT query_to_xml('SELECT add_note()', true, true, '')`, `DELETE FROM diverted`,
	} {
		if e := examine(t, conn, sql); e.WritesKnown {
			t.Errorf("%s: known to write %s", sql, names(e.Writes))
		}
		exec(t, conn, "BEGIN; "+sql)
		locked, err := catalog.Locks(t.Context(), conn)
		if err != nil || len(locked) == 0 {
			t.Errorf("%s: locked %q, %v", sql, names(locked), err)
		}
		exec(t, conn, "ROLLBACK")
	}
}
