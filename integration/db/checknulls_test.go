package db_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/headrace/headrace/db"
)

// nullSchema has a NULL wherever the definitions of the tables allow one.
var nullSchema = []string{
	`CREATE TABLE users (
		id int PRIMARY KEY, name text NOT NULL, email text, boss int REFERENCES users, score int, tags text[],
		note text CHECK (note IS NOT NULL), kind text CHECK (length(kind) < 9 OR kind IS NULL),
		full_name text GENERATED ALWAYS AS (coalesce(name, '')) STORED, made text DEFAULT 'now', plain text CHECK (length(plain) < 9))`,
	`INSERT INTO users VALUES (1, 'Ann', 'ann@x', NULL, 3, '{a}', 'n', 'k', DEFAULT, NULL, 'p'), (2, 'Bob', NULL, 1, NULL, NULL, 'n', NULL, DEFAULT, 'm', NULL), (3, 'Cy', NULL, 1, NULL, '{b,c}', 'n', NULL, DEFAULT, 'm', NULL),
		(4, 'Di', 'di@x', 2, 1, NULL, 'n', NULL, DEFAULT, 'm', NULL)`,
	`CREATE DOMAIN label AS text NOT NULL; CREATE DOMAIN soft AS text`,
	`CREATE TABLE orders (id int PRIMARY KEY, user_id int NOT NULL REFERENCES users, helper_id int REFERENCES users, total int NOT NULL, coupon text, label label, soft soft)`,
	`INSERT INTO orders VALUES (10, 1, 2, 5, NULL, 'l', NULL), (11, 1, NULL, 7, 'c', 'l', 's'), (12, 2, NULL, 9, NULL, 'l', NULL)`,
	`CREATE TABLE nothing (id int PRIMARY KEY, x int NOT NULL)`,
	`CREATE VIEW contacts AS SELECT id, name, email FROM users`,
	`CREATE VIEW reachable AS SELECT id, name, email FROM users WHERE email IS NOT NULL`,
	`CREATE VIEW histories AS SELECT u.name, o.total FROM users u LEFT JOIN orders o ON o.user_id = u.id`,
	`CREATE VIEW nested AS SELECT h.name, h.total + 1 AS more FROM histories h`,
	`CREATE VIEW counted AS SELECT count(*)::text AS n FROM orders`,
	`CREATE MATERIALIZED VIEW stored AS SELECT name, email FROM users`,
	`CREATE TABLE secured (id int NOT NULL, tenant text, extra text)`,
	`INSERT INTO secured VALUES (1, 't', NULL)`,
	`ALTER TABLE secured ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON secured USING (tenant = 't')`,
	`CREATE TABLE stamped (id int NOT NULL, at text, other text)`,
	`CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.at := ''now''; RETURN NEW; END'`,
	`CREATE TRIGGER stamp BEFORE INSERT OR UPDATE ON stamped FOR EACH ROW EXECUTE FUNCTION stamp()`,
	`INSERT INTO stamped VALUES (1, NULL, NULL)`,
	`CREATE TABLE parted (id int NOT NULL, v text) PARTITION BY RANGE (id); CREATE TABLE part1 PARTITION OF parted FOR VALUES FROM (0) TO (100)`,
	`INSERT INTO parted VALUES (1, NULL)`,
	`CREATE FUNCTION maybe(text) RETURNS text LANGUAGE sql AS 'SELECT coalesce($1, ''x'')'`,
}

// nullCase is a statement whose columns are named a, b, c, d. Its labels say of
// each column: n, never NULL; m, NULL in some row, and found; u, NULL in some
// row, and not found.
type nullCase struct {
	labels string
	sql    string
	args   []any
}

var nullCorpus = []nullCase{
	// Columns of tables.
	{"nmm", "SELECT name AS a, email AS b, boss AS c FROM users", nil},
	{"nnm", "SELECT note AS a, full_name AS b, kind AS c FROM users", nil},
	{"nm", "SELECT label AS a, soft AS b FROM orders", nil},
	{"nm", "SELECT id AS a, v AS b FROM parted", nil},
	{"nnm", "SELECT id AS a, tenant AS b, extra AS c FROM secured", nil},
	{"m", "SELECT email AS a FROM ONLY users WHERE id > 0", nil},
	{"n", "TABLE nothing_but_ids", nil},

	// Conditions.
	{"nm", "SELECT email AS a, plain AS b FROM users WHERE email IS NOT NULL AND (plain IS NULL OR plain > '')", nil},
	{"n", "SELECT email AS a FROM users WHERE email = $1", []any{"ann@x"}},
	{"n", "SELECT email AS a FROM users WHERE lower(email) LIKE '%x'", nil},
	{"n", "SELECT email AS a FROM users WHERE email = ANY ($1)", []any{[]string{"ann@x"}}},
	{"n", "SELECT email AS a FROM users WHERE NOT (email IS NULL)", nil},
	{"n", "SELECT email AS a FROM users WHERE coalesce(email, '') <> ''", nil},
	{"n", "SELECT email AS a FROM users WHERE email IN (SELECT u.email FROM users u)", nil},
	{"n", "SELECT email AS a FROM users u WHERE EXISTS (SELECT FROM users v WHERE v.email = u.email)", nil},
	{"n", "SELECT email AS a FROM users WHERE email > 'a' OR email < 'z'", nil},
	{"m", "SELECT email AS a FROM users WHERE email > 'a' OR id > 1", nil},
	{"m", "SELECT email AS a FROM users WHERE $1::text IS NULL OR email = $1", []any{nil}},
	{"m", "SELECT email AS a FROM users WHERE email IS DISTINCT FROM 'q'", nil},
	{"n", "SELECT email AS a FROM users WHERE email IS DISTINCT FROM NULL::text", nil},
	{"n", "SELECT email AS a FROM users WHERE email BETWEEN 'a' AND 'z'", nil},
	{"u", "SELECT email AS a FROM users WHERE (email = 'x') IS NULL AND email IS NULL", nil},
	{"n", "SELECT u.boss AS a FROM users u JOIN users b ON b.id = u.boss", nil},

	// Outer joins.
	{"nm", "SELECT u.name AS a, o.total AS b FROM users u LEFT JOIN orders o ON o.user_id = u.id", nil},
	{"mn", "SELECT o.total AS a, u.name AS b FROM orders o RIGHT JOIN users u ON o.user_id = u.id", nil},
	{"mm", "SELECT o.total AS a, u.name AS b FROM (SELECT * FROM orders WHERE total = 5) o FULL JOIN (SELECT * FROM users WHERE id > 1) u ON o.user_id = u.id", nil},
	{"nn", "SELECT u.name AS a, o.total AS b FROM users u LEFT JOIN orders o ON o.user_id = u.id WHERE o.total > 1", nil},
	{"nn", "SELECT u.name AS a, o.total AS b FROM users u LEFT JOIN orders o ON o.user_id = u.id WHERE o.id IS NOT NULL", nil},
	{"nm", "SELECT u.name AS a, o.coupon AS b FROM users u LEFT JOIN orders o ON o.user_id = u.id WHERE o.id IS NOT NULL", nil},
	{"nm", "SELECT u.name AS a, o.total AS b FROM users u LEFT JOIN orders o ON o.user_id = u.id WHERE o.id IS NULL", nil},
	{"nmm", "SELECT u.name AS a, o.total AS b, h.name AS c FROM users u LEFT JOIN (orders o JOIN users h ON h.id = o.user_id) ON o.user_id = u.id", nil},
	{"nnn", "SELECT u.name AS a, o.total AS b, h.name AS c FROM users u LEFT JOIN (orders o JOIN users h ON h.id = o.user_id) ON o.user_id = u.id WHERE h.name > ''", nil},
	{"nmm", "SELECT u.name AS a, o.total AS b, n.x AS c FROM users u LEFT JOIN orders o ON o.user_id = u.id LEFT JOIN nothing n ON n.id = o.id", nil},
	{"nnm", "SELECT u.name AS a, o.total AS b, n.x AS c FROM users u LEFT JOIN orders o ON o.user_id = u.id LEFT JOIN nothing n ON n.id = o.id JOIN users z ON z.id = o.user_id", nil},
	{"nm", "SELECT o.total AS a, h.name AS b FROM orders o LEFT JOIN users h ON h.id = o.helper_id", nil},
	{"mm", "SELECT o.helper_id AS a, h.name AS b FROM orders o LEFT JOIN users h ON h.id = o.helper_id", nil},
	{"nn", "SELECT o.total AS a, u.name AS b FROM orders o LEFT JOIN users u ON u.id = o.user_id", nil},
	{"nm", "SELECT o.total AS a, u.name AS b FROM orders o LEFT JOIN users u ON u.id = o.user_id AND u.name > 'B'", nil},
	{"nm", "SELECT o.total AS a, u.name AS b FROM orders o LEFT JOIN (SELECT * FROM users WHERE id > 1) u ON u.id = o.user_id", nil},
	{"mn", "SELECT o.total AS a, u.name AS b FROM orders o FULL JOIN users u ON u.id = o.user_id WHERE u.id > 0", nil},
	{"nn", "SELECT o.total AS a, u.name AS b FROM orders o FULL JOIN users u ON u.id = o.user_id WHERE u.id > 0 AND o.id > 0", nil},
	{"n", "SELECT u.email AS a FROM users u LEFT JOIN users v ON v.email = u.email WHERE v.id > 0", nil},
	{"m", "SELECT u.email AS a FROM users u LEFT JOIN users v ON v.email = u.email WHERE u.id > 0", nil},
	{"nn", "SELECT u.email AS a, v.email AS b FROM users u FULL JOIN users v ON v.email = u.email WHERE v.id > 0 AND u.id > 0", nil},
	{"mm", "SELECT u.email AS a, v.email AS b FROM users u FULL JOIN users v ON v.email = u.email WHERE u.id > 0", nil},
	{"nm", "SELECT id AS a, x AS b FROM users LEFT JOIN nothing USING (id)", nil},
	{"nmm", "SELECT id AS a, x AS b, u.name AS c FROM users u FULL JOIN (SELECT 9 AS id, 1 AS x) n USING (id)", nil},
	{"nm", "SELECT j.name AS a, j.x AS b FROM (users u LEFT JOIN nothing n ON n.id = u.id) AS j (id, name, e, boss, s, t, no, k, f, m, p, nid, x)", nil},
	{"nm", "SELECT u.name AS a, n.x AS b FROM users u LEFT JOIN nothing n ON true", nil},
	{"nn", "SELECT u.name AS a, c.n AS b FROM users u LEFT JOIN LATERAL (SELECT count(*)::text AS n FROM orders o WHERE o.user_id = u.id) c ON true", nil},
	{"nn", "SELECT u.name AS a, v.column1 AS b FROM users u LEFT JOIN (VALUES (1)) v ON true", nil},
	{"nm", "SELECT u.name AS a, l.total AS b FROM users u LEFT JOIN LATERAL (SELECT o.total FROM orders o WHERE o.user_id = u.id ORDER BY o.id LIMIT 1) l ON true", nil},
	{"nn", "SELECT u.name AS a, l.total AS b FROM users u CROSS JOIN LATERAL (SELECT o.total FROM orders o WHERE o.user_id = u.id) l", nil},
	{"nn", "SELECT u.boss AS a, l.b AS b FROM users u CROSS JOIN LATERAL (SELECT v.id AS b FROM users v WHERE v.id = u.boss) l", nil},
	{"nn", "SELECT u.name AS a, t.t AS b FROM users u, unnest(u.tags) t (t)", nil},
	{"nu", "SELECT u.name AS a, t.t AS b FROM users u LEFT JOIN LATERAL unnest(u.tags) t (t) ON true", nil},
	{"nm", "SELECT u.name AS a, t.t AS b FROM users u LEFT JOIN LATERAL unnest(u.tags) t (t) ON t.t > 'b'", nil},
	{"nn", "SELECT u.name AS a, l.b AS b FROM users u JOIN LATERAL (SELECT u.boss AS b) l ON l.b < u.id", nil},

	// Subqueries, WITH, views.
	{"nm", "SELECT s.name AS a, s.email AS b FROM (SELECT * FROM users) s", nil},
	{"nn", "SELECT s.name AS a, s.email AS b FROM (SELECT * FROM users) s WHERE s.email IS NOT NULL", nil},
	{"nn", "SELECT s.name AS a, s.email AS b FROM (SELECT * FROM users WHERE email > '') s", nil},
	{"nm", "WITH w AS (SELECT name, email FROM users) SELECT name AS a, email AS b FROM w", nil},
	{"nm", "WITH w AS (SELECT id FROM users), o AS (SELECT user_id, total FROM orders) SELECT w.id AS a, o.total AS b FROM w LEFT JOIN o ON o.user_id = w.id", nil},
	{"nm", "WITH RECURSIVE r (id, boss) AS (SELECT id, boss FROM users WHERE id = 2 UNION ALL SELECT u.id, u.boss FROM users u JOIN r ON r.boss = u.id) SELECT id AS a, boss AS b FROM r", nil},
	{"nm", "SELECT name AS a, email AS b FROM contacts", nil},
	{"nn", "SELECT name AS a, email AS b FROM reachable", nil},
	{"nm", "SELECT name AS a, total AS b FROM histories", nil},
	{"nm", "SELECT name AS a, more AS b FROM nested", nil},
	{"nn", "SELECT name AS a, more AS b FROM nested WHERE more > 0", nil},
	{"n", "SELECT n AS a FROM counted", nil},
	{"nn", "SELECT u.id AS a, c.n AS b FROM users u LEFT JOIN counted c ON true", nil},
	{"nm", "SELECT name AS a, email AS b FROM stored", nil},
	{"m", "SELECT (SELECT u.email) AS a FROM users u", nil},
	{"u", "SELECT (SELECT o.total FROM orders o WHERE o.user_id = u.id LIMIT 1) AS a FROM users u", nil},
	{"n", "SELECT a FROM (VALUES (1), (2)) v (a)", nil},
	{"m", "SELECT a FROM (VALUES (1), (NULL)) v (a)", nil},

	// Set operations.
	{"nm", "SELECT name AS a, email AS b FROM users UNION SELECT 'x', 'y'", nil},
	{"nm", "SELECT name AS a, 'x' AS b FROM users UNION ALL SELECT name, email FROM users", nil},
	{"m", "SELECT name AS a FROM users UNION ALL SELECT NULL", nil},
	{"n", "SELECT email AS a FROM users INTERSECT SELECT email FROM reachable", nil},
	{"m", "SELECT email AS a FROM users EXCEPT SELECT name FROM users", nil},
	{"n", "SELECT email AS a FROM users EXCEPT SELECT email FROM users WHERE email IS NULL", nil},
	{"m", "(SELECT name AS a FROM users EXCEPT SELECT 'x') UNION (SELECT email FROM users INTERSECT SELECT email FROM contacts)", nil},

	// Expressions.
	{"nnn", "SELECT count(*)::text AS a, 'x' AS b, count(email)::text AS c FROM users", nil},
	{"nn", "SELECT coalesce(email, 'x') AS a, maybe(email) AS b FROM users", nil},
	{"mmm", "SELECT score + 1 AS a, lower(email) AS b, score::text AS c FROM users", nil},
	{"uu", "SELECT CASE WHEN id > 1 THEN name END AS a, tags[7] AS b FROM users", nil},
	{"n", "SELECT CASE WHEN email IS NULL THEN 'x' ELSE email END AS a FROM users", nil},
	{"un", "SELECT lag(name) OVER (ORDER BY id) AS a, row_number() OVER ()::text AS b FROM users", nil},
	{"m", "SELECT NULL::text AS a", nil},
	{"n", "SELECT $1::text AS a", []any{"x"}},
	{"n", "SELECT CURRENT_USER::text AS a FROM users", nil},

	// Aggregates and groups.
	{"mm", "SELECT max(x) AS a, sum(x)::int AS b FROM nothing", nil},
	{"n", "SELECT coalesce(max(x), 0) AS a FROM nothing", nil},
	{"nn", "SELECT user_id AS a, max(total) AS b FROM orders GROUP BY user_id", nil},
	{"mn", "SELECT boss AS a, count(*)::int AS b FROM users GROUP BY boss", nil},
	{"n", "SELECT max(v) AS a FROM (VALUES (1), (2)) t (v)", nil},
	{"u", "SELECT max(x) AS a FROM nothing HAVING count(*) = 0", nil},
	{"m", "SELECT (SELECT max(x) FROM nothing) AS a FROM users", nil},
	{"n", "SELECT max(c.n) AS a FROM counted c", nil},
	{"m", "WITH w AS (SELECT max(x) AS x FROM nothing) SELECT w.x AS a FROM w", nil},
	{"nn", "SELECT u.name AS a, l.m AS b FROM users u, LATERAL (SELECT max(o.total) AS m FROM orders o WHERE o.user_id = u.id) l WHERE EXISTS (SELECT FROM orders o WHERE o.user_id = u.id)", nil},
	{"mn", "SELECT name AS a, count(*)::int AS b FROM users GROUP BY ROLLUP (name)", nil},
	{"nm", "SELECT user_id AS a, total AS b FROM orders GROUP BY user_id, CUBE (total)", nil},
	{"nm", "SELECT user_id AS a, total AS b FROM orders GROUP BY GROUPING SETS ((user_id), (user_id, total))", nil},
	{"n", "SELECT name AS a FROM users GROUP BY ROLLUP (name) HAVING GROUPING(name) = 0", nil},
	{"nm", "SELECT u.name AS a, o.total AS b FROM users u LEFT JOIN orders o ON o.user_id = u.id GROUP BY u.name, o.total", nil},
	{"nm", "SELECT DISTINCT ON (name) name AS a, email AS b FROM users ORDER BY name, id", nil},

	// Writes.
	{"nm", "INSERT INTO users (id, name, note) VALUES (7, 'x', 'n') RETURNING name AS a, email AS b", nil},
	{"nnn", "INSERT INTO users (id, name, note, email) VALUES (7, 'x', 'n', 'e') RETURNING email AS a, made AS b, full_name AS c", nil},
	{"nm", "INSERT INTO users (id, name, note, email) VALUES (7, 'x', 'n', $1) RETURNING name AS a, email AS b", []any{nil}},
	{"nn", "INSERT INTO users (id, name, note, email) VALUES (7, 'x', 'n', coalesce($1, 'e')) RETURNING name AS a, email AS b", []any{nil}},
	{"m", "INSERT INTO users (id, name, note, email) VALUES (7, 'x', 'n', 'e'), (8, 'x', 'n', NULL) RETURNING email AS a", nil},
	{"m", "INSERT INTO users (id, name, note, made) VALUES (7, 'x', 'n', NULL) RETURNING made AS a", nil},
	{"n", "INSERT INTO users (id, name, note, made) VALUES (7, 'x', 'n', DEFAULT) RETURNING made AS a", nil},
	{"m", "INSERT INTO users (id, name, note, email) SELECT id + 100, name, 'n', email FROM users RETURNING email AS a", nil},
	{"n", "INSERT INTO users (id, name, note, email) SELECT id + 100, name, 'n', email FROM users WHERE email IS NOT NULL RETURNING email AS a", nil},
	{"n", "INSERT INTO users (id, name, note, email) VALUES (2, 'x', 'n', 'e') ON CONFLICT (id) DO UPDATE SET email = excluded.email RETURNING email AS a", nil},
	{"m", "INSERT INTO users (id, name, note, email) VALUES (2, 'x', 'n', 'e') ON CONFLICT (id) DO UPDATE SET name = excluded.name RETURNING email AS a", nil},
	{"nu", "INSERT INTO stamped (id) VALUES (7) RETURNING at AS a, other AS b", nil},
	{"m", "UPDATE users SET score = score + 1 RETURNING score AS a", nil},
	{"nm", "UPDATE users SET email = 'x' RETURNING email AS a, plain AS b", nil},
	{"n", "UPDATE users SET name = 'x' WHERE email = 'ann@x' RETURNING email AS a", nil},
	{"m", "UPDATE users SET email = $1 WHERE email = 'ann@x' RETURNING email AS a", []any{nil}},
	{"n", "UPDATE users SET plain = coalesce(plain, '') RETURNING plain AS a", nil},
	{"mn", "UPDATE users u SET name = 'x' FROM orders o WHERE o.user_id = u.id RETURNING u.email AS a, o.total AS b", nil},
	{"nu", "UPDATE stamped SET id = 2 RETURNING at AS a, other AS b", nil},
	{"nm", "DELETE FROM orders WHERE id > 0 RETURNING total AS a, coupon AS b", nil},
	{"nn", "DELETE FROM orders WHERE coupon = 'c' RETURNING total AS a, coupon AS b", nil},
	{"nm", "WITH d AS (DELETE FROM orders RETURNING id, coupon) SELECT id AS a, coupon AS b FROM d", nil},
}

// rows of text, whose fields cannot hold NULL.
type (
	text1 struct{ A string }
	text2 struct{ A, B string }
	text3 struct{ A, B, C string }
)

func compileText(t *testing.T, columns int, sql string) db.Compiled {
	t.Helper()
	var stmt db.Compiled
	var err error
	switch columns {
	case 1:
		stmt, err = db.Compile[text1](sql)
	case 2:
		stmt, err = db.Compile[text2](sql)
	default:
		stmt, err = db.Compile[text3](sql)
	}
	if err != nil {
		t.Fatal(err)
	}
	return stmt
}

// The oracle of the labels is the server: it runs each statement. The labels
// are that of Check.
func TestCheckFindsColumnsThatMayBeNull(t *testing.T) {
	t.Parallel()
	pg := open(t, nil, append(nullSchema, "CREATE VIEW nothing_but_ids AS SELECT id AS a FROM users")...)
	var stmts []db.Compiled
	for i, c := range nullCorpus {
		stmts = append(stmts, compileText(t, len(c.labels), fmt.Sprintf("-- name: Case%d :many\n%s", i, c.sql)))
	}
	found := nullsFound(pg.Check(t.Context(), stmts...))
	for i, c := range nullCorpus {
		seen := nullsSeen(t, pg, c)
		name := fmt.Sprintf("Case%d", i)
		for j, label := range c.labels {
			column := string(rune('a' + j))
			if isNull := strings.Contains(seen, column); isNull != (label != 'n') {
				t.Errorf("%s\ncolumn %s is labelled %c, and NULL in some row: %t", c.sql, column, label, isNull)
			}
			if reported := strings.Contains(found[name], column); reported != (label == 'm') {
				t.Errorf("%s\ncolumn %s (%c) is reported: %t", c.sql, column, label, reported)
			}
		}
		delete(found, name)
	}
	for name, rest := range found {
		t.Errorf("%s: %s", name, rest)
	}
}

// nullsFound returns the columns that Check reports, by the name of the
// statement.
func nullsFound(err error) map[string]string {
	found := map[string]string{}
	if err == nil {
		return found
	}
	for line := range strings.Lines(err.Error()) {
		name, problem, _ := strings.Cut(strings.TrimPrefix(line, "db: check "), ": ")
		if _, column, ok := strings.Cut(problem, `column "`); ok && strings.Contains(problem, "the column may be NULL: cannot scan NULL into *string") {
			found[name] += column[:1]
		} else {
			found[name] += problem
		}
	}
	return found
}

// nullsSeen runs a statement and returns the columns that are NULL in some row.
func nullsSeen(t *testing.T, pg *db.DB, c nullCase) (seen string) {
	t.Helper()
	tx, err := pg.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(t.Context())) }()
	rows, err := tx.Query(t.Context(), c.sql, c.args...)
	if err != nil {
		t.Fatal(c.sql, err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToMap)
	if err != nil {
		t.Fatal(c.sql, err)
	}
	if len(list) == 0 {
		t.Errorf("%s: returns no rows", c.sql)
	}
	for _, row := range list {
		for column, value := range row {
			if value == nil && !strings.Contains(seen, column) {
				seen += column
			}
		}
	}
	return seen
}
