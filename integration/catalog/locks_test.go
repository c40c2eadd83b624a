package catalog_test

import (
	"testing"

	"github.com/headrace/headrace/integration/pgtest"
	"github.com/headrace/headrace/internal/catalog"
)

// TestLocks: before COMMIT the transaction's own locks show what it may have
// changed, by whatever means.
func TestLocks(t *testing.T) {
	t.Parallel()
	conn := connect(t)
	pgtest.Exec(t, conn, `
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
		pgtest.Exec(t, conn, "BEGIN; "+c.sql)
		locked, err := locks(t.Context(), conn)
		if err != nil {
			t.Fatal(err)
		}
		if got := names(locked); got != c.locked {
			t.Errorf("%s: locked %q, want %q", c.sql, got, c.locked)
		}
		pgtest.Exec(t, conn, "ROLLBACK")
	}

	pgtest.Exec(t, conn, `BEGIN; INSERT INTO staging VALUES (1)`)
	locked, err := locks(t.Context(), conn)
	if err != nil || len(locked) != 1 || locked[0].Persistence != catalog.Temporary {
		t.Errorf("temporary table: %v, %v", locked, err)
	}
	pgtest.Exec(t, conn, `ROLLBACK; BEGIN; DROP TABLE empty`)
	locked, err = locks(t.Context(), conn)
	if err != nil || len(locked) != 1 || locked[0].OID == 0 || locked[0].Name != "" {
		t.Errorf("dropped table: %v, %v", locked, err)
	}
	pgtest.Exec(t, conn, `ROLLBACK`)
}

// TestLocksOfOthers: locks of other sessions and databases are not reported.
func TestLocksOfOthers(t *testing.T) {
	t.Parallel()
	conn := connect(t)
	other := pgtest.Connect(t, conn.Config().ConnString())
	pgtest.Exec(t, other, `BEGIN; DELETE FROM plain`)
	pgtest.Exec(t, conn, `BEGIN; DELETE FROM audit`)
	locked, err := locks(t.Context(), conn)
	if err != nil || names(locked) != "audit" {
		t.Errorf("locked %q, %v", names(locked), err)
	}
}

// TestUnknownWritesAreLocked: writes that Examine does not know are locked.
func TestUnknownWritesAreLocked(t *testing.T) {
	t.Parallel()
	conn := connect(t)
	pgtest.Exec(t, conn, `INSERT INTO plain VALUES (1, 'x')`)
	pgtest.Exec(t, conn, `
CREATE FUNCTION made_up() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN EXECUTE ''DELETE FROM '' || ''plain''; RETURN NULL; END';
CREATE TRIGGER made_up AFTER INSERT OR UPDATE ON watched FOR EACH STATEMENT EXECUTE FUNCTION made_up();`)
	for _, sql := range []string{
		`UPDATE watched SET note = ''`, `SELECT query_to_xml('SELECT add_note()', true, true, '')`, `DELETE FROM diverted`,
	} {
		if e := examine(t, conn, sql); e.WritesKnown {
			t.Errorf("%s: known to write %s", sql, names(e.Writes))
		}
		pgtest.Exec(t, conn, "BEGIN; "+sql)
		locked, err := locks(t.Context(), conn)
		if err != nil || len(locked) == 0 {
			t.Errorf("%s: locked %q, %v", sql, names(locked), err)
		}
		pgtest.Exec(t, conn, "ROLLBACK")
	}
}

// TestWritten: changes that locks do not show make the result unknown, and the
// transaction continues even after an error of the server.
func TestWritten(t *testing.T) {
	t.Parallel()
	conn := connect(t)
	pgtest.Exec(t, conn, `
CREATE TABLE later (id int);
CREATE CONSTRAINT TRIGGER late AFTER INSERT ON later DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION note_change();`)
	for _, c := range []struct{ sql, written string }{
		{`DELETE FROM plain`, "plain"},
		{`UPDATE watched SET note = 'x'`, "watched"}, // no row, no trigger
		{`SELECT count(*) FROM later`, unknown},      // read, and so locked
		{`INSERT INTO later VALUES (1)`, unknown},
		{`CREATE OR REPLACE VIEW old_city AS SELECT id, name, country FROM city`, unknown},
		{`CREATE FUNCTION g() RETURNS int LANGUAGE sql AS 'SELECT 1'`, unknown},
		{`ALTER FUNCTION hidden(text) VOLATILE`, unknown},
		{`ALTER TYPE mood RENAME VALUE 'sad' TO 'down'`, unknown},
		{`CREATE TEMP TABLE t (id int)`, unknown},
		{`SAVEPOINT a; CREATE TABLE t (id int); ROLLBACK TO a`, unknown},
		{`DROP TABLE scratch`, unknown},
	} {
		own := pgtest.Connect(t, conn.Config().ConnString()) // a session counts what it did just before
		pgtest.Exec(t, own, "BEGIN; "+c.sql)
		written, known, err := catalog.Written(t.Context(), own)
		if err != nil {
			t.Fatal(err)
		}
		if known != (c.written != unknown) || known && names(written) != c.written {
			t.Errorf("%s: written %q, known %v, want %q", c.sql, names(written), known, c.written)
		}
		if own.PgConn().TxStatus() != 'T' {
			t.Errorf("%s: the transaction is in state %c", c.sql, own.PgConn().TxStatus())
		}
		pgtest.Exec(t, own, "ROLLBACK")
	}

	pgtest.Exec(t, conn, `REVOKE EXECUTE ON FUNCTION pg_lock_status() FROM PUBLIC; GRANT ALL ON plain TO PUBLIC`)
	pgtest.Exec(t, conn, `SET ROLE pg_read_all_settings; BEGIN; SAVEPOINT mine; INSERT INTO plain VALUES (1)`)
	if _, _, err := catalog.Written(t.Context(), conn); err == nil {
		t.Error("no error without the right to ask")
	}
	pgtest.Exec(t, conn, `RELEASE mine; COMMIT; RESET ROLE`)
}
