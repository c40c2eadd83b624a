package catalog_test

import (
	"testing"

	"github.com/headrace/headrace/integration/pgtest"
	"github.com/headrace/headrace/internal/catalog"
	"github.com/headrace/headrace/internal/sqltext"
)

// TestRowsOnly states for each statement whether a command tag of no rows means
// that nothing was changed, by the server's parser and by names.
func TestRowsOnly(t *testing.T) {
	t.Parallel()
	conn := connect(t)
	pgtest.Exec(t, conn, `
CREATE TABLE leaf_root (id int) PARTITION BY RANGE (id);
CREATE TABLE leaf PARTITION OF leaf_root FOR VALUES FROM (0) TO (9);
CREATE FUNCTION refuse_row() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO audit VALUES (''x''); RETURN NULL; END';
CREATE TABLE refusing (id int);
CREATE TRIGGER refuse BEFORE INSERT ON refusing FOR EACH ROW EXECUTE FUNCTION refuse_row();
CREATE TABLE by_statement (id int);
CREATE TRIGGER every AFTER UPDATE ON by_statement FOR EACH STATEMENT EXECUTE FUNCTION note_change();
CREATE TABLE leaf_audited (id int) PARTITION BY RANGE (id);
CREATE TABLE leaf_audited_1 PARTITION OF leaf_audited FOR VALUES FROM (0) TO (9);
CREATE TRIGGER refuse BEFORE INSERT ON leaf_audited_1 FOR EACH ROW EXECUTE FUNCTION refuse_row();
CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.at := now(); RETURN NEW; END';
CREATE TABLE stamped (id int, at timestamptz);
CREATE TRIGGER stamp BEFORE UPDATE ON stamped FOR EACH ROW EXECUTE FUNCTION stamp();
CREATE FUNCTION noting_condition(int) RETURNS bool LANGUAGE plpgsql AS 'BEGIN INSERT INTO audit VALUES (''x''); RETURN false; END';
CREATE FUNCTION pure_condition(int) RETURNS bool LANGUAGE plpgsql STABLE AS 'BEGIN RETURN false; END';
CREATE TABLE noting_default (id int PRIMARY KEY, note bool DEFAULT noting_condition(1))`)
	for sql, want := range map[string]bool{
		"INSERT INTO plain VALUES (1, 'x')":                                        true,
		"insert into plain values (1, 'x') ON CONFLICT DO NOTHING":                 true,
		"INSERT INTO plain SELECT id, name FROM city WHERE false RETURNING id":     true,
		"UPDATE plain SET note = 'x' WHERE id = -1":                                true,
		"UPDATE plain SET note = 'with (delete)' WHERE id = -1":                    true,
		"DELETE FROM country":                                                      true, // keys cascade by rows
		"MERGE INTO plain p USING city c ON c.id = p.id WHEN MATCHED THEN DELETE":  true,
		"COPY plain FROM STDIN":                                                    true,
		"INSERT INTO leaf_root VALUES (1)":                                         true,
		"DELETE FROM leaf":                                                         true,
		"UPDATE old_city SET name = 'x'":                                           true, // the tag counts the rows below the view
		"UPDATE stamped SET id = 2":                                                true,
		"DELETE FROM plain WHERE pure_condition(id)":                               true,
		"DELETE FROM plain WHERE note < random()::text":                            true,
		"WITH c AS (SELECT 1 AS id) DELETE FROM plain USING c WHERE c.id = 2":      true,
		"WITH d AS (DELETE FROM city RETURNING id) DELETE FROM plain":              false,
		"WITH d AS (DELETE FROM city RETURNING id) SELECT count(*) FROM d":         false,
		"DELETE FROM plain WHERE noting_condition(id)":                             false,
		"INSERT INTO noting_default VALUES (1) ON CONFLICT DO NOTHING":             false,
		"INSERT INTO refusing VALUES (1)":                                          false,
		"COPY refusing FROM STDIN":                                                 false,
		"INSERT INTO leaf_audited VALUES (1)":                                      false,
		"UPDATE by_statement SET id = 1 WHERE false":                               false,
		"INSERT INTO ruled VALUES (1)":                                             false,
		"DELETE FROM moved":                                                        false,
		"DELETE FROM triggered":                                                    false,
		"EXPLAIN ANALYZE DELETE FROM plain":                                        false,
		"TRUNCATE plain":                                                           false,
		"SELECT 1":                                                                 false,
		"DECLARE c CURSOR FOR SELECT 1":                                            false,
		"COPY (DELETE FROM plain RETURNING *) TO STDOUT":                           false,
		"INSERT INTO plain SELECT noting_condition(1)::int, 'x' FROM city LIMIT 0": false,
	} {
		if got := examine(t, conn, sql).RowsOnly; got != want {
			t.Errorf("%s: RowsOnly is %t by the parser", sql, got)
		}
		n, ok := catalog.NamesOf(sqltext.Analyze(sql))
		if !ok {
			continue
		}
		e, err := catalog.ExamineNames(t.Context(), conn, n, catalog.PathScope)
		if err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
		if e.RowsOnly && !want {
			t.Errorf("%s: RowsOnly by names", sql)
		}
	}
}
