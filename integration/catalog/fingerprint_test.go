package catalog_test

import (
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/headrace/headrace/integration/pgtest"
	"github.com/headrace/headrace/internal/catalog"
)

func fingerprint(t *testing.T, conn *pgx.Conn, d catalog.Dependencies) int64 {
	t.Helper()
	version, err := catalog.Fingerprint(t.Context(), conn, d)
	if err != nil {
		t.Fatal(err)
	}
	return version
}

// TestFingerprintChanges has a line for each schema change that may invalidate
// the effects of a statement.
func TestFingerprintChanges(t *testing.T) {
	t.Parallel()
	conn := connect(t)
	pgtest.Exec(t, conn, `
SET search_path = other, public;
CREATE FUNCTION late() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM street';`)
	const (
		read  = `SELECT o.* FROM old_city_name o, animal, account, reading, person WHERE cities_of($1) > 1 AND lower(o.name) = late()::text`
		write = `DELETE FROM country WHERE code = $1`
	)
	for _, c := range []struct{ sql, change string }{
		{read, `ALTER TABLE public.city ADD population int`},
		{read, `ALTER TABLE public.city RENAME tags TO labels`},
		{read, `ALTER TABLE public.city ALTER tags TYPE varchar[]`},
		{read, `ALTER TABLE country RENAME TO land`},
		{read, `ALTER TABLE street SET SCHEMA other`},
		{read, `ALTER SCHEMA public RENAME TO published`},
		{read, `CREATE OR REPLACE VIEW public.old_city AS SELECT id, name, country FROM city`},
		{read, `CREATE TABLE other.reading (LIKE public.country)`},
		{read, `CREATE VIEW other.animal AS SELECT 'x'::text AS name`},
		{read, `CREATE TABLE dog () INHERITS (animal)`},
		{read, `CREATE TABLE lion () INHERITS (cat)`},
		{read, `ALTER TABLE kitten NO INHERIT cat`},
		{read, `CREATE TABLE reading_2027 PARTITION OF reading FOR VALUES FROM ('2027-01-01') TO ('2028-01-01')`},
		{read, `ALTER TABLE reading DETACH PARTITION reading_2026`},
		{read, `CREATE POLICY more ON account USING (true)`},
		{read, `ALTER POLICY mine ON account USING (true)`},
		{read, `ALTER TABLE public.city ENABLE ROW LEVEL SECURITY`},
		{read, `ALTER TABLE account DISABLE ROW LEVEL SECURITY`},
		{read, `CREATE OR REPLACE FUNCTION cities_of(c text) RETURNS bigint LANGUAGE sql STABLE BEGIN ATOMIC SELECT 1; END`},
		{read, `CREATE OR REPLACE FUNCTION late() RETURNS bigint LANGUAGE sql AS 'SELECT 1'`},
		{read, `CREATE FUNCTION other.cities_of(c text) RETURNS bigint LANGUAGE sql AS 'SELECT 1'`},
		{read, `CREATE FUNCTION other.lower(text) RETURNS text LANGUAGE sql AS 'SELECT 1'`},
		{read, `ALTER TABLE kitten SET UNLOGGED`},
		{read, `ALTER TYPE mood RENAME VALUE 'sad' TO 'unhappy'`},
		{read, `REVOKE ALL ON public.city FROM PUBLIC; GRANT SELECT ON public.city TO PUBLIC`},
		{read, `DROP VIEW old_city_name`},
		{read, `ALTER TABLE street ADD x int`},

		{write, `CREATE TRIGGER t AFTER DELETE ON street EXECUTE FUNCTION note_change()`},
		{write, `CREATE TRIGGER t AFTER DELETE ON country EXECUTE FUNCTION note_change()`},
		{write, `CREATE RULE r AS ON DELETE TO country DO ALSO DELETE FROM plain`},
		{write, `CREATE TABLE river (country text REFERENCES country ON DELETE CASCADE)`},
		{write, `ALTER TABLE street DROP CONSTRAINT street_city_fkey`},
		{write, `CREATE TABLE canal () INHERITS (country)`},
		{write, `ALTER TABLE street ALTER name SET DEFAULT 'x'`},
		{write, `CREATE INDEX ON public.city (lower(name))`},
		{write, `ALTER TABLE public.city ADD CHECK (name <> '')`},
	} {
		e := examine(t, conn, c.sql)
		if now := fingerprint(t, conn, e.Dependencies); now != e.Version {
			t.Fatalf("%s: version %d, a moment later %d", c.sql, e.Version, now)
		}
		pgtest.Exec(t, conn, "BEGIN; "+c.change)
		if fingerprint(t, conn, e.Dependencies) == e.Version {
			t.Errorf("not noticed: %s", c.change)
		}
		pgtest.Exec(t, conn, "ROLLBACK")
	}
}

// TestFingerprintStays has a line for each frequent event that changes no
// definition.
func TestFingerprintStays(t *testing.T) {
	t.Parallel()
	conn := connect(t)
	e := examine(t, conn, `SELECT o.*, cities_of('x') FROM old_city_name o, reading`)
	other := pgtest.Connect(t, conn.Config().ConnString())
	for _, sql := range []string{
		`CREATE TABLE unrelated (id int); DROP TABLE unrelated`,
		`CREATE FUNCTION unrelated() RETURNS int LANGUAGE sql AS 'SELECT 1'`,
		`CREATE TABLE other.country (LIKE public.country); DROP TABLE other.country`, // the view is bound to its tables
		`INSERT INTO country VALUES ('a', 'A'); INSERT INTO city VALUES (1, 'x', 'a')`,
		`TRUNCATE country CASCADE`,
		`CREATE TEMP TABLE country (code text DEFAULT 'x' CHECK (code <> '')); CREATE TEMP TABLE other_city (id int PRIMARY KEY)`,
		`CREATE TEMP VIEW seen AS SELECT * FROM country; DROP TABLE pg_temp.country CASCADE`,
		`CREATE INDEX ON city (name)`,
		`ANALYZE`,
		`VACUUM FREEZE city`,
		`VACUUM FULL city`,
		`REINDEX TABLE city`,
	} {
		pgtest.Exec(t, other, sql)
		if fingerprint(t, conn, e.Dependencies) != e.Version {
			t.Errorf("changed by %s", sql)
			e.Version = fingerprint(t, conn, e.Dependencies)
		}
	}
}
