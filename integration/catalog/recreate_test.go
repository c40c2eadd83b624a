package catalog_test

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/headrace/headrace/integration/pgtest"
	"github.com/headrace/headrace/internal/catalog"
	"github.com/headrace/headrace/internal/sqltext"
)

// recreated is the schema of TestChangesOfTheSchemaAreNoticed. The search path
// begins with s, which is empty.
const recreated = `
CREATE SCHEMA s;
CREATE TABLE x (id int PRIMARY KEY, name text);
INSERT INTO x VALUES (1, 'b'), (2, 'A'), (3, NULL);
CREATE TABLE y (id int PRIMARY KEY, name text);
INSERT INTO y VALUES (1, 'y');
CREATE VIEW xv AS SELECT id, name FROM x;
CREATE VIEW xvv AS SELECT count(name) AS n FROM xv;
CREATE FUNCTION standard() RETURNS bigint STABLE BEGIN ATOMIC SELECT count(*) FROM xv; END;
CREATE FUNCTION text_body() RETURNS bigint LANGUAGE sql STABLE AS 'SELECT count(*) FROM x WHERE id > 0';
CREATE FUNCTION words() RETURNS bigint LANGUAGE plpgsql STABLE AS 'BEGIN RETURN (SELECT count(*) FROM xv); END';
CREATE FUNCTION pure(int) RETURNS int IMMUTABLE RETURN $1 + 1;
CREATE FUNCTION same(a text, b text) RETURNS bool IMMUTABLE RETURN lower(a) = lower(b);
CREATE OPERATOR === (LEFTARG = text, RIGHTARG = text, FUNCTION = same);
CREATE FUNCTION valid(text) RETURNS bool LANGUAGE sql STABLE AS 'SELECT true';
CREATE DOMAIN d AS text CHECK (valid(VALUE));
CREATE TYPE e AS ENUM ('one', 'two');
CREATE TYPE c AS (a int, b text);
CREATE AGGREGATE total (int) (SFUNC = int4pl, STYPE = int, INITCOND = '0');
CREATE COLLATION co FROM "C";
CREATE TABLE parent (id int);
CREATE TABLE kid () INHERITS (parent);
INSERT INTO kid VALUES (1);
CREATE TABLE root (id int) PARTITION BY LIST (id);
CREATE TABLE part PARTITION OF root FOR VALUES IN (1, 2);
CREATE TABLE secured (id int, owner text);
INSERT INTO secured VALUES (1, 'z');
CREATE TABLE target (id int PRIMARY KEY, name text);
CREATE TABLE log (what text);
CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO log VALUES (TG_OP); RETURN NULL; END';
CREATE FUNCTION writes() RETURNS void LANGUAGE plpgsql AS 'BEGIN UPDATE target SET name = name; END';
CREATE VIEW tv AS SELECT * FROM target;`

// changes are changes of that schema, in sequence. Some make names in
// statements refer to other objects, some recreate objects.
var changes = []string{
	`DROP TABLE y; CREATE TABLE y (id int PRIMARY KEY, name text)`,
	`DROP TABLE x CASCADE; CREATE TABLE x (id int PRIMARY KEY, name text); CREATE VIEW xv AS SELECT id, name FROM x; CREATE VIEW xvv AS SELECT count(name) AS n FROM xv;
		CREATE FUNCTION standard() RETURNS bigint STABLE BEGIN ATOMIC SELECT count(*) FROM xv; END`,
	`DROP VIEW xv CASCADE; CREATE VIEW xv AS SELECT id, name FROM x; CREATE VIEW xvv AS SELECT count(name) AS n FROM xv; CREATE FUNCTION standard() RETURNS bigint STABLE BEGIN ATOMIC SELECT count(*) FROM xv; END`,
	`ALTER TABLE x RENAME TO x_old; CREATE TABLE x (id int PRIMARY KEY, name text)`, // the view stays with x_old
	`CREATE OR REPLACE VIEW xv AS SELECT id, name FROM x`,
	`BEGIN; ALTER TABLE x RENAME TO x_tmp; ALTER TABLE y RENAME TO x; ALTER TABLE x_tmp RENAME TO y; COMMIT`,
	`CREATE TABLE s.x (id int, name text); INSERT INTO s.x VALUES (7, 'shadow')`,
	`CREATE VIEW s.xv AS SELECT * FROM y`,
	`DROP VIEW s.xv; DROP TABLE s.x`,
	`CREATE MATERIALIZED VIEW s.x AS SELECT 1 AS id, 'm' AS name`,
	`DROP MATERIALIZED VIEW s.x`,
	`CREATE SEQUENCE s.x`, `DROP SEQUENCE s.x`,
	`DROP FUNCTION text_body; CREATE FUNCTION text_body() RETURNS bigint LANGUAGE sql STABLE AS 'SELECT count(*) FROM y WHERE id > 0'`,
	`CREATE FUNCTION s.text_body() RETURNS bigint LANGUAGE sql STABLE AS 'SELECT 99::bigint'`,
	`DROP FUNCTION s.text_body()`,
	`CREATE OR REPLACE FUNCTION words() RETURNS bigint LANGUAGE plpgsql STABLE AS 'BEGIN RETURN (SELECT count(*) FROM y); END'`,
	`ALTER FUNCTION words() SET search_path = s`, `ALTER FUNCTION words() RESET ALL`, `ALTER FUNCTION words() SECURITY DEFINER`, `ALTER FUNCTION words() VOLATILE`, `ALTER FUNCTION words() STABLE SECURITY INVOKER`,
	`ALTER FUNCTION text_body() SET search_path = s, public`, `ALTER FUNCTION text_body() SET role = 'pg_monitor'`, `ALTER FUNCTION text_body() RESET ALL`,
	`ALTER FUNCTION text_body() OWNER TO pg_monitor`, `REVOKE ALL ON FUNCTION words() FROM PUBLIC`,
	`CREATE FUNCTION pure(smallint) RETURNS int LANGUAGE plpgsql STABLE AS 'BEGIN RETURN (SELECT count(*) FROM y); END'`,
	`CREATE FUNCTION s.pure(int) RETURNS int LANGUAGE plpgsql STABLE AS 'BEGIN RETURN (SELECT count(*) FROM x); END'`,
	`DROP FUNCTION s.pure(int); DROP FUNCTION pure(smallint)`,
	`CREATE FUNCTION other_same(text, text) RETURNS bool LANGUAGE plpgsql STABLE AS 'BEGIN RETURN EXISTS (SELECT FROM y); END'; CREATE OPERATOR s.=== (LEFTARG = text, RIGHTARG = text, FUNCTION = other_same)`,
	`DROP OPERATOR s.=== (text, text)`,
	`CREATE OPERATOR public.=== (LEFTARG = int, RIGHTARG = int, FUNCTION = int4ne)`,
	`CREATE CAST (c AS text) WITH INOUT AS IMPLICIT`, `DROP CAST (c AS text)`,
	`CREATE FUNCTION to_text(c) RETURNS text LANGUAGE sql STABLE AS 'SELECT max(name) FROM y'; CREATE CAST (c AS text) WITH FUNCTION to_text(c) AS IMPLICIT`,
	`DROP CAST (c AS text)`,
	`CREATE OR REPLACE FUNCTION valid(text) RETURNS bool LANGUAGE sql STABLE AS 'SELECT EXISTS (SELECT FROM y) OR true'`,
	`ALTER DOMAIN d ADD CONSTRAINT short CHECK (length(VALUE) < 20)`, `ALTER DOMAIN d DROP CONSTRAINT short`, `ALTER DOMAIN d SET DEFAULT 'x'`, `ALTER DOMAIN d SET NOT NULL`, `ALTER DOMAIN d DROP NOT NULL`,
	`CREATE DOMAIN s.d AS varchar(3)`, `DROP DOMAIN s.d`,
	`ALTER TYPE e RENAME VALUE 'one' TO 'uno'`, `ALTER TYPE e RENAME VALUE 'uno' TO 'one'`, `ALTER TYPE e ADD VALUE 'zero' BEFORE 'one'`,
	`CREATE TYPE s.e AS ENUM ('two', 'one')`, `DROP TYPE s.e`, `DROP TYPE e; CREATE TYPE e AS ENUM ('two', 'one')`,
	`ALTER TYPE c ADD ATTRIBUTE f int`, `ALTER TYPE c DROP ATTRIBUTE f`, `ALTER TYPE c ALTER ATTRIBUTE a TYPE bigint`,
	`DROP AGGREGATE total (int); CREATE AGGREGATE total (int) (SFUNC = int4mi, STYPE = int, INITCOND = '0')`,
	`CREATE AGGREGATE s.total (int) (SFUNC = int4larger, STYPE = int)`, `DROP AGGREGATE s.total (int)`,
	`CREATE COLLATION s.co FROM "en-x-icu"`, `DROP COLLATION s.co`, `DROP COLLATION co; CREATE COLLATION co FROM "en-x-icu"`,
	`CREATE TABLE kid2 () INHERITS (parent); INSERT INTO kid2 VALUES (2)`, `CREATE TABLE grandkid () INHERITS (kid)`, `ALTER TABLE kid NO INHERIT parent`, `ALTER TABLE kid INHERIT parent`,
	`DROP TABLE kid CASCADE; CREATE TABLE kid () INHERITS (parent)`,
	`CREATE TABLE part2 PARTITION OF root FOR VALUES IN (3)`, `ALTER TABLE root DETACH PARTITION part`, `ALTER TABLE root ATTACH PARTITION part FOR VALUES IN (1, 2)`,
	`DROP TABLE part; CREATE TABLE part PARTITION OF root FOR VALUES IN (1, 2)`, `CREATE TRIGGER n AFTER INSERT ON part FOR EACH ROW EXECUTE FUNCTION note()`,
	`ALTER TABLE secured ENABLE ROW LEVEL SECURITY`, `CREATE POLICY p ON secured USING (owner IN (SELECT name FROM y))`, `ALTER POLICY p ON secured USING (owner IN (SELECT name FROM x))`,
	`DROP POLICY p ON secured; CREATE POLICY p ON secured USING (owner IN (SELECT name FROM y))`, `ALTER TABLE secured FORCE ROW LEVEL SECURITY`, `ALTER TABLE secured DISABLE ROW LEVEL SECURITY`,
	`CREATE TRIGGER t AFTER UPDATE ON target EXECUTE FUNCTION note()`, `ALTER TABLE target DISABLE TRIGGER t`, `ALTER TABLE target ENABLE TRIGGER t`,
	`CREATE OR REPLACE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO y VALUES (5); RETURN NULL; END'`, `DROP TRIGGER t ON target`,
	`CREATE RULE r AS ON UPDATE TO target DO ALSO INSERT INTO log VALUES ('r')`, `ALTER TABLE target DISABLE RULE r`, `DROP RULE r ON target`,
	`CREATE TABLE refs (target int REFERENCES target ON DELETE CASCADE ON UPDATE CASCADE)`, `ALTER TABLE refs DROP CONSTRAINT refs_target_fkey, ADD FOREIGN KEY (target) REFERENCES target`, `DROP TABLE refs`,
	`DROP TABLE target CASCADE; CREATE TABLE target (id int PRIMARY KEY, name text); CREATE VIEW tv AS SELECT * FROM target`,
	`CREATE TRIGGER i INSTEAD OF UPDATE ON tv FOR EACH ROW EXECUTE FUNCTION note()`, `DROP TRIGGER i ON tv`,
	`CREATE OR REPLACE FUNCTION writes() RETURNS void LANGUAGE plpgsql AS 'BEGIN UPDATE y SET name = name; END'`,
	`CREATE FUNCTION computed(text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS 'BEGIN PERFORM writes(); RETURN $1; END'; CREATE INDEX computed ON target (computed(name))`, `DROP INDEX computed`,
	`ALTER TABLE target ALTER name SET DEFAULT computed('x')`, `ALTER TABLE target ALTER name DROP DEFAULT`, `ALTER TABLE target ADD CONSTRAINT ck CHECK (computed(name) <> '')`, `ALTER TABLE target DROP CONSTRAINT ck`,
	`ALTER TABLE target ADD note d`, `ALTER TABLE target DROP note`,
	`CREATE FUNCTION on_ddl() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO log VALUES (1); END'; CREATE EVENT TRIGGER et ON ddl_command_end EXECUTE FUNCTION on_ddl()`,
	`CREATE OR REPLACE FUNCTION on_ddl() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN UPDATE y SET name = name; END'`, `ALTER EVENT TRIGGER et DISABLE`, `ALTER EVENT TRIGGER et ENABLE`, `DROP EVENT TRIGGER et`,
	`ALTER TABLE x SET SCHEMA s`, `ALTER SCHEMA s RENAME TO s2`, `ALTER SCHEMA s2 RENAME TO s`, `ALTER TABLE s.x SET SCHEMA public`,
	`ALTER TABLE x SET UNLOGGED`, `ALTER TABLE x SET LOGGED`, `ALTER TABLE x OWNER TO pg_monitor`, `REVOKE ALL ON x FROM PUBLIC; GRANT SELECT ON x TO PUBLIC`,
	`ALTER TABLE y ADD extra int DEFAULT 5`, `ALTER TABLE y DROP extra`, `ALTER TABLE y RENAME name TO label`, `ALTER TABLE y RENAME label TO name`, `ALTER TABLE secured ALTER id TYPE bigint`, `CREATE INDEX gin ON y USING gin (to_tsvector('english', name))`,
	`CREATE TEXT SEARCH CONFIGURATION s.english (COPY = pg_catalog.simple)`, `DROP TEXT SEARCH CONFIGURATION s.english`,
}

// TestChangesOfTheSchemaAreNoticed: if a change alters the effects of a
// statement, or its result, the fingerprint of the earlier examination changes
// too.
func TestChangesOfTheSchemaAreNoticed(t *testing.T) {
	t.Parallel()
	conn := pgtest.Connect(t, pgtest.New(t))
	pgtest.Exec(t, conn, recreated)
	pgtest.Exec(t, conn, "SET search_path = s, public")
	migrating := pgtest.Connect(t, conn.Config().ConnString())
	var list []*noticed
	for _, sql := range []string{
		"SELECT * FROM x", "SELECT * FROM y ORDER BY id", "SELECT * FROM xv", "SELECT * FROM xvv", "SELECT standard()", "SELECT text_body()", "SELECT words()", "SELECT pure(1::smallint)", "SELECT pure(1)",
		"SELECT 'a' === 'A'", "SELECT 1 === 1", "SELECT ROW(1, 'b')::c || 'x'", "SELECT 'v'::d", "SELECT name::d FROM y", "SELECT 'one'::e < 'two'::e", "SELECT enum_first(NULL::e)", "SELECT total(id) FROM parent",
		"SELECT name FROM (VALUES ('b'), ('A'), ('a')) v (name) ORDER BY name COLLATE co", "SELECT count(*) FROM parent", "SELECT count(*) FROM ONLY parent", "SELECT count(*) FROM root", "SELECT * FROM secured",
		"SELECT to_tsvector('english', 'the cats')", "TABLE x", "SELECT (ROW(1, 'b')::c).*", "SELECT y.pure FROM (SELECT 1) y (pure)",
		"UPDATE target SET name = 'n' WHERE id = 1", "DELETE FROM target WHERE id = 1", "INSERT INTO target (id) VALUES (100)", "UPDATE tv SET name = 'n'", "INSERT INTO root VALUES (1)", "DELETE FROM parent", "SELECT writes()",
		"TRUNCATE part", "COPY target FROM STDIN", "CREATE TABLE made (id int)", "DO 'BEGIN PERFORM 1; END'", "EXPLAIN ANALYZE DELETE FROM kid", "INSERT INTO y SELECT id + 100, name FROM x",
	} {
		st := sqltext.Analyze(sql)
		reads := st.Kind == sqltext.Select || st.Kind == sqltext.TableQuery
		list = append(list, &noticed{name: sql, ask: catalog.Question{Statement: st}, runs: reads})
		if n, ok := catalog.NamesOf(st); ok && !reads {
			for _, in := range []catalog.NameScope{catalog.PathScope, catalog.TemporaryScope, catalog.AnyScope} {
				list = append(list, &noticed{name: fmt.Sprintf("names of %s (%d)", sql, in), ask: catalog.Question{Names: &n, Scope: in}})
			}
		}
	}
	look(t, conn, list)
	kept, lost := 0, 0
	for _, change := range changes {
		before := make([]noticed, len(list))
		for i, n := range list {
			before[i] = *n
		}
		pgtest.Exec(t, migrating, change)
		look(t, conn, list)
		for i, n := range list {
			was := before[i]
			if was.err != nil || errors.Is(n.err, catalog.ErrLocked) {
				continue // nothing is kept, or it is asked again
			}
			if was.Version == n.now {
				kept++
			}
			if was.Version != n.now {
				lost++
				continue
			}
			if n.err != nil {
				t.Errorf("%s: of %s is not noticed: %v", change, n.name, n.err)
			} else if diff := different(was.Effects, n.Effects); diff != "" {
				t.Errorf("%s: of %s is not noticed: %s", change, n.name, diff)
			} else if was.Cacheable && was.answer != n.answer {
				t.Errorf("%s: of %s is not noticed: the answer was %s, is %s", change, n.name, was.answer, n.answer)
			}
		}
	}
	if kept < 2*lost {
		t.Errorf("%d fingerprints changed, %d stayed: too many for changes of other objects", lost, kept)
	}
}

// A noticed is a question, and its answer after the last change.
type noticed struct {
	name string
	ask  catalog.Question
	runs bool // it is asked for its answer

	catalog.Effects
	err    error
	answer string
	now    int64 // the fingerprint of the dependencies before
}

// look answers all questions again.
func look(t *testing.T, conn *pgx.Conn, list []*noticed) {
	t.Helper()
	sets := make([]catalog.Dependencies, len(list))
	asked := make([]catalog.Question, len(list))
	for i, n := range list {
		sets[i], asked[i] = n.Dependencies, n.ask
	}
	versions, err := catalog.Fingerprints(t.Context(), conn, sets)
	if err != nil {
		t.Fatal(err)
	}
	for i, a := range catalog.ExamineAll(t.Context(), conn, asked) {
		n := list[i]
		n.now, n.Effects, n.err = versions[i], a.Effects, a.Err
		if n.runs && a.Effects.Cacheable {
			n.answer = answerOf(t, conn, n.ask.Statement.Text)
		}
	}
}

// answerOf returns the rows of a statement as text.
func answerOf(t *testing.T, conn *pgx.Conn, sql string) string {
	t.Helper()
	results, err := conn.PgConn().Exec(t.Context(), sql).ReadAll()
	if err != nil {
		return err.Error()
	}
	var b strings.Builder
	for _, row := range results[0].Rows {
		for _, value := range row {
			fmt.Fprintf(&b, "%q ", value)
		}
	}
	return b.String()
}

// different describes the relevant differences between two effects.
func different(a, b catalog.Effects) string {
	var list []string
	va, vb := reflect.ValueOf(a), reflect.ValueOf(b)
	for i := range va.NumField() {
		name := va.Type().Field(i).Name
		if name != "Version" && name != "Dependencies" && !reflect.DeepEqual(va.Field(i).Interface(), vb.Field(i).Interface()) {
			list = append(list, fmt.Sprintf("%s was %v, is %v", name, va.Field(i), vb.Field(i)))
		}
	}
	return strings.Join(list, "; ")
}
