package corpus

// Schema creates the relations that Statements name. They have no triggers,
// foreign keys, views or partitions, so that a statement affects only what it
// names.
const Schema = `
CREATE SCHEMA geo;
CREATE TABLE cities (
	id int PRIMARY KEY, name text NOT NULL, country text NOT NULL, population bigint, tags text[],
	doc jsonb NOT NULL DEFAULT '{}', founded date, updated timestamptz NOT NULL DEFAULT 'epoch'
);
CREATE TABLE geo.countries (code text PRIMARY KEY, name text NOT NULL, area numeric(12, 2));
CREATE TABLE orders (id int PRIMARY KEY, customer_id int NOT NULL, state text NOT NULL, total numeric(9, 2), placed_at timestamptz);
CREATE TABLE lines (order_id int, line int, sku text, quantity int, price numeric(9, 2), PRIMARY KEY (order_id, line));
CREATE TABLE nodes (id int PRIMARY KEY, parent_id int, label text);
CREATE TABLE "Odd ""Name" (id int PRIMARY KEY, "From" text, "select" int);
INSERT INTO cities SELECT i, 'city ' || i, chr(65 + i % 5), i * 1000, ARRAY['t' || i % 3], jsonb_build_object('k', i, 'x', 'a'), '2000-01-01' FROM generate_series(1, 40) i;
INSERT INTO geo.countries SELECT chr(64 + i), 'country ' || i, i FROM generate_series(1, 6) i;
INSERT INTO orders SELECT i, i % 7, (ARRAY['open', 'paid', 'sent'])[1 + i % 3], i, '2024-01-01' FROM generate_series(1, 30) i;
INSERT INTO lines SELECT i, j, 'sku' || j, j, i FROM generate_series(1, 30) i, generate_series(1, 2) j;
INSERT INTO nodes SELECT i, nullif(i / 2, 0), 'node ' || i FROM generate_series(1, 20) i;
INSERT INTO "Odd ""Name" VALUES (1, 'x', 2);
`

// Statements are texts of one statement each, valid in Schema, without
// parameters.
var Statements = []string{
	// Plain reads.
	`SELECT 1`,
	`SELECT id, name FROM cities WHERE id = 7`,
	"SELECT id,\n\tname -- the name\nFROM   Cities /* all of them */ WHERE ID=7;",
	`SELECT c.* FROM cities AS c ORDER BY c.population DESC NULLS LAST, c.id LIMIT 10 OFFSET 5`,
	`SELECT c.name, co.name FROM cities c JOIN geo.countries co ON co.code = c.country WHERE co.area > 1.5e0`,
	`SELECT * FROM cities NATURAL LEFT JOIN (SELECT code AS country, area FROM geo.countries) x`,
	`SELECT * FROM orders o LEFT JOIN lines l ON l.order_id = o.id AND l.quantity > -1 RIGHT JOIN cities c ON c.id = o.id`,
	`SELECT * FROM orders FULL OUTER JOIN lines ON order_id = id`,
	`SELECT * FROM orders o CROSS JOIN LATERAL (SELECT * FROM lines l WHERE l.order_id = o.id ORDER BY l.line LIMIT 1) l`,
	`SELECT * FROM (orders o INNER JOIN lines l ON l.order_id = o.id) JOIN cities c ON c.id = o.id`,
	`SELECT * FROM orders JOIN lines JOIN nodes ON nodes.id = line ON order_id = orders.id`,
	`SELECT * FROM lines a JOIN lines b USING (order_id, line) AS j WHERE j.line = 1`,
	`SELECT FROM nodes`,
	`TABLE nodes`,
	`TABLE ONLY geo.countries ORDER BY code FETCH FIRST 2 ROWS ONLY`,
	`VALUES (1, 'a'), (2, 'b')`,
	`VALUES ((SELECT max(id) FROM nodes)), (3) ORDER BY 1 DESC`,
	`SELECT * FROM ONLY nodes, ONLY (lines), geo.countries * WHERE nodes.id = line AND code = 'A'`,
	`SELECT * FROM "Odd ""Name" "o" WHERE o."From" = 'x' AND o."select" = 2`,
	`SELECT o.select, (o).select FROM "Odd ""Name" o`,
	`SELECT n AS from, n AS "where" FROM (SELECT id AS n FROM nodes) AS x`,
	`SELECT id select, label table, parent_id only FROM nodes`,

	// Literals.
	`SELECT 'it''s', E'a\'b\\', B'101', X'1F', N'nat', U&'d\0061t\+000061', U&'d!0061' UESCAPE '!'`,
	"SELECT 'foo'\n 'bar', E'\\1' -- comment\n\t'01', 'x' AS y",
	"SELECT $$it's$$, $q$ $$ $q$, $ü$;$ü$",
	`SELECT U&"d\0061ta" FROM (SELECT 1 AS data) t`,
	`SELECT U&"d!0061ta" UESCAPE '!' FROM (SELECT 1 AS data) t`,
	`SELECT 1, 1., .5, 1.5e-3, 1E+2, -1, - 1, +1, 2 - -1, 12345678901234567890`,
	`SELECT DATE '2024-02-29', TIMESTAMP WITH TIME ZONE '2024-02-29 10:00+02', INTERVAL '1' DAY, INTERVAL '1 day 2 hours', numeric(9, 2) '1.234', bit varying(3) '101'`,
	`SELECT true, FALSE, NULL, NULL IS NULL, true IS NOT FALSE, 1 IS DISTINCT FROM NULL`,
	`SELECT ARRAY[1, 2, 3], ARRAY[[1, 2], [3, 4]], '{1,2}'::int[], (ARRAY[1, 2, 3])[2:3], (ARRAY[1, 2])[1]`,

	// Operators.
	`SELECT doc->'x', doc->>'x', doc#>>'{x}', doc @> '{"k": 1}', doc ? 'x', doc ?| ARRAY['x'], doc ?& ARRAY['x'] FROM cities`,
	`SELECT 1+2*-3, 2^3, |/4.0, @ -5, 5%3, 1<<2, ~1, 5 & 3, 5|3, 5#3, 'a'||'b', 1<>2, 1!=2, 1<=2, 'abc'~'b', 'abc' !~* 'B'`,
	`SELECT 3 OPERATOR(pg_catalog.+) 4, id::text||'x', population::numeric(12,2), name COLLATE "C" FROM cities`,
	`SELECT 1--2
	+3, 4/*5*/+6`,
	`SELECT updated AT TIME ZONE 'UTC', founded + interval '1 day', name LIKE 'c%' ESCAPE '!', name NOT ILIKE '%x', name SIMILAR TO 'c%' FROM cities`,
	`SELECT id BETWEEN 1 AND 3, id NOT BETWEEN SYMMETRIC 3 AND 1, id IN (1, 2), id NOT IN (4, 5, 6), (id, name) IN ((1, 'a'), (2, 'b')) FROM cities`,
	`SELECT id = ANY('{1,2}'), id <> ALL(ARRAY[1, 2]), id = ANY(SELECT order_id FROM lines), id = SOME(VALUES (1), (2)) FROM cities`,
	`SELECT CASE WHEN id = 1 THEN 'one' WHEN id < (SELECT avg(id) FROM nodes) THEN 'few' ELSE 'many' END, CASE country WHEN 'A' THEN 1 END - 1 FROM cities`,

	// Functions.
	`SELECT count(*), count(DISTINCT country), sum(population) FILTER (WHERE id > 3), array_agg(name ORDER BY id DESC) FROM cities`,
	`SELECT extract(year FROM founded), substring(name FROM 1 FOR 2), trim(BOTH 'c' FROM name), position('i' IN name), overlay(name PLACING 'X' FROM 1 FOR 2), upper(name) FROM cities`,
	`SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY population), mode() WITHIN GROUP (ORDER BY country) FROM cities GROUP BY country`,
	`SELECT id, row_number() OVER (PARTITION BY country ORDER BY id), sum(id) OVER w, lag(id, 1) OVER (w ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) FROM cities WINDOW w AS (ORDER BY id)`,
	`SELECT coalesce(parent_id, 0), nullif(id, 1), greatest(id, 2), least(id, 2, 3) FROM nodes`,
	`SELECT pg_catalog.lower(label), current_date, current_timestamp(3), localtime, current_user, session_user FROM nodes WHERE label = current_setting('search_path')`,
	`SELECT * FROM generate_series(1, 3) WITH ORDINALITY AS g(v, n), unnest(ARRAY[1, 2]) u, ROWS FROM (generate_series(1, 2), generate_series(1, 3)) AS r(x, y)`,
	`SELECT * FROM json_to_recordset('[{"a": 1, "b": "x"}]') AS r(a int, b varchar(10)), nodes WHERE nodes.id = r.a`,
	`SELECT * FROM nodes n TABLESAMPLE bernoulli (50) REPEATABLE (1)`,
	`SELECT xmlelement(name x, label), xmlforest(id, label AS l) FROM nodes`,
	`SELECT left(name, 1), right(name, 1) FROM cities c JOIN nodes n ON left(c.name, 1) = right(n.label, 1) LEFT JOIN lines ON true`,
	`SELECT collation for (name), name IS NORMALIZED, (SELECT 1) FROM cities`,

	// Grouping, set operations, subqueries.
	`SELECT country, count(*) FROM cities GROUP BY country HAVING count(*) > (SELECT min(id) FROM nodes) ORDER BY 2 DESC, 1`,
	`SELECT country, founded, sum(population) FROM cities GROUP BY GROUPING SETS ((country), (founded), ()), ROLLUP (country), CUBE (founded)`,
	`SELECT DISTINCT ON (country) country, name FROM cities ORDER BY country, population DESC`,
	`SELECT DISTINCT country FROM cities`,
	`SELECT id FROM cities UNION ALL SELECT id FROM nodes UNION SELECT order_id FROM lines ORDER BY 1 LIMIT 3`,
	`(SELECT id FROM cities ORDER BY id LIMIT 1) UNION ALL (SELECT id FROM nodes ORDER BY id DESC LIMIT 1)`,
	`SELECT id FROM cities INTERSECT (SELECT id FROM nodes EXCEPT SELECT order_id FROM lines)`,
	`((SELECT id FROM cities) ORDER BY id) LIMIT 1`,
	`SELECT * FROM ((SELECT id FROM cities) UNION SELECT id FROM nodes) q`,
	`SELECT * FROM (VALUES (1, 'a'), (2, 'b'), (3, 'c')) AS v(i, t) WHERE i IN (VALUES (1), (2))`,
	`SELECT EXISTS (TABLE nodes), ARRAY(SELECT id FROM nodes ORDER BY id), ROW(1, (SELECT 2)), ((SELECT 1) + 2)`,
	`SELECT id FROM cities WHERE (id, country) = (SELECT id, country FROM cities WHERE id = 1) AND NOT EXISTS (SELECT FROM lines WHERE order_id = cities.id)`,
	`SELECT (SELECT name FROM geo.countries WHERE code = c.country) FROM cities c WHERE c.id IN (SELECT id FROM nodes WHERE parent_id IN (SELECT order_id FROM lines))`,

	// WITH.
	`WITH cities AS (SELECT * FROM cities WHERE id < 3) SELECT * FROM cities`,
	`WITH a AS (SELECT id FROM nodes), b AS NOT MATERIALIZED (SELECT id FROM a), c (x) AS MATERIALIZED (SELECT id FROM b) SELECT * FROM c, a`,
	`WITH a AS (SELECT 1 AS id) SELECT * FROM a JOIN public.nodes AS nodes USING (id)`,
	`WITH RECURSIVE t(id, depth) AS (SELECT id, 1 FROM nodes WHERE parent_id IS NULL UNION ALL SELECT n.id, t.depth + 1 FROM nodes n JOIN t ON n.parent_id = t.id) SELECT * FROM t`,
	`WITH RECURSIVE a AS (SELECT * FROM b), b AS (SELECT 1 AS x) SELECT * FROM a`,
	`WITH RECURSIVE t AS (SELECT id, parent_id FROM nodes WHERE id = 1 UNION ALL SELECT n.id, n.parent_id FROM nodes n JOIN t ON n.parent_id = t.id) SEARCH DEPTH FIRST BY id SET o CYCLE id SET c USING p SELECT * FROM t ORDER BY o`,
	`SELECT * FROM (WITH x AS (SELECT 1 AS id) SELECT * FROM x) q JOIN nodes USING (id)`,
	`WITH lines AS (SELECT 1) SELECT * FROM (WITH lines AS (TABLE nodes) SELECT * FROM lines) q, (SELECT 2) r`,

	// Writes.
	`INSERT INTO nodes VALUES (100, NULL, 'x')`,
	`INSERT INTO nodes (id, label) VALUES (101, 'a'), (102, DEFAULT), (103, 'c') RETURNING id, (SELECT count(*) FROM lines)`,
	`INSERT INTO nodes AS n (id, label) VALUES (1, 'x') ON CONFLICT (id) DO UPDATE SET label = excluded.label, parent_id = (SELECT min(order_id) FROM lines) WHERE n.label <> excluded.label RETURNING n.*`,
	`INSERT INTO nodes SELECT id + 1000, NULL, name FROM cities ON CONFLICT DO NOTHING`,
	`INSERT INTO nodes (id) (SELECT 200 UNION ALL SELECT 201)`,
	`INSERT INTO nodes (id) WITH x AS (SELECT 300 AS id) TABLE x`,
	`INSERT INTO "Odd ""Name" OVERRIDING USER VALUE VALUES (9, 'y', 1)`,
	`INSERT INTO geo.countries (code, name) VALUES ('Z', 'z') ON CONFLICT ON CONSTRAINT countries_pkey DO NOTHING`,
	`UPDATE nodes SET label = 'x', parent_id = parent_id + 1 WHERE id = 3`,
	`UPDATE ONLY nodes AS n SET (label, parent_id) = (SELECT name, 1 FROM cities WHERE id = n.id), id = DEFAULT FROM lines l LEFT JOIN orders o ON o.id = l.order_id WHERE l.order_id = n.id AND false RETURNING *`,
	`UPDATE nodes n SET label = p.label FROM nodes p WHERE p.id = n.parent_id`,
	`DELETE FROM nodes WHERE id = 3`,
	`DELETE FROM lines AS l USING orders o, cities c WHERE o.id = l.order_id AND c.id = o.id AND o.state = 'open' RETURNING l.*`,
	`WITH gone AS (DELETE FROM lines WHERE order_id = 1 RETURNING *), kept AS (UPDATE orders SET total = 0 WHERE id IN (SELECT order_id FROM gone) RETURNING id) INSERT INTO nodes (id) SELECT id + 5000 FROM kept`,
	`WITH moved AS (DELETE FROM lines RETURNING *) SELECT count(*) FROM moved`,
	`MERGE INTO nodes AS n USING (SELECT * FROM cities WHERE id < 30) AS c ON n.id = c.id WHEN MATCHED AND n.label = c.name THEN DO NOTHING WHEN MATCHED AND c.id = 2 THEN DELETE WHEN MATCHED THEN UPDATE SET label = CASE WHEN c.id > 3 THEN c.name END WHEN NOT MATCHED THEN INSERT (id, label) VALUES (c.id, DEFAULT)`,
	`SELECT * FROM nodes WHERE id = 1 FOR UPDATE`,
	`SELECT * FROM nodes n JOIN lines l ON l.order_id = n.id FOR NO KEY UPDATE OF n NOWAIT FOR SHARE OF l SKIP LOCKED`,
	`SELECT * FROM (SELECT * FROM nodes FOR KEY SHARE) q`,
}

// Utility are statements that the server does not plan. A read-only transaction
// rejects those that write.
var Utility = []string{
	`SHOW search_path`,
	`EXPLAIN SELECT * FROM nodes`,
	`EXPLAIN DELETE FROM nodes`,
	`EXPLAIN ANALYZE DELETE FROM nodes`,
	`EXPLAIN (ANALYZE, COSTS off) SELECT * FROM nodes`,
	`COPY nodes TO STDOUT`,
	`COPY (SELECT * FROM nodes) TO STDOUT`,
	`COPY (DELETE FROM nodes RETURNING *) TO STDOUT`,
	`TRUNCATE TABLE ONLY nodes, lines * RESTART IDENTITY`,
	`CREATE TABLE x (id int)`,
	`CREATE TABLE x AS SELECT 1`,
	`SELECT * INTO x FROM nodes`,
	`DROP TABLE nodes`,
	`ALTER TABLE nodes ADD x int`,
	`CREATE INDEX ON nodes (label)`,
	`GRANT SELECT ON nodes TO PUBLIC`,
	`COMMENT ON TABLE nodes IS 'x'`,
}

// Grammar are texts that parse, with names and syntax that Schema does not
// support.
var Grammar = []string{
	``,
	`;;`,
	`SELECT $1, $2::text, $3 + $1 FROM t WHERE a = ANY($4)`,
	`SELECT a; INSERT INTO t VALUES ($1); ; COMMIT`,
	`SELECT "a""b"."C".d.*, (e).f.g, h[1], i[1:2], j[:3], k[4:], l[1:2][:], m[a::int:b] FROM n.o`,
	`SELECT f(a => 1, b := 2), f(VARIADIC c), s.g(DISTINCT d ORDER BY e), h() FILTER (WHERE i) OVER (PARTITION BY j)`,
	`SELECT a.b.c(1), "Quoted"(2), "select"(3), over(4), partition(5), filter(6), sets(7), "left"(8)`,
	`SELECT values, time, zone, position, share, set, key FROM t`,
	`SELECT (values) FROM t WHERE (values, a) IN (VALUES (1, 2))`,
	`SELECT a AS within, within, b AS filter, filter, c partition, over FROM t GROUP BY d`,
	`SELECT CURRENT_CATALOG, CURRENT_SCHEMA, CURRENT_ROLE, USER, SYSTEM_USER, LOCALTIMESTAMP(2), CURRENT_TIME FROM current_date AS d`,
	`SELECT trim(a), trim(LEADING 'x' FROM a), trim(TRAILING FROM a), substring(a, 1), substring(a SIMILAR b ESCAPE c), overlay(a, b, 1), normalize(a, NFC), a IS NFC NORMALIZED`,
	`SELECT (a, b) OVERLAPS (c, d), a NOT SIMILAR TO b ESCAPE c, a LIKE b ESCAPE c, a ILIKE ANY (ARRAY['x'])`,
	`SELECT a AT TIME ZONE b AT TIME ZONE (SELECT c FROM d), e AT LOCAL`,
	`SELECT xmlparse(DOCUMENT a), xmlroot(a, VERSION '1.0'), xmlserialize(CONTENT a AS text), xmlpi(name b), xmlexists('x' PASSING a), a IS DOCUMENT`,
	`SELECT json_object('a': 1, 'b' VALUE 2), json_array(1, 2 NULL ON NULL), json_array(SELECT a FROM b), json_objectagg(k: v), j IS JSON OBJECT, json_value(j, '$.a' RETURNING int DEFAULT 0 ON EMPTY), json_exists(j, '$.b')`,
	`SELECT * FROM json_table(j, '$[*]' COLUMNS (id FOR ORDINALITY, a int PATH '$.a', NESTED PATH '$.b' COLUMNS (c text))) AS jt, t`,
	`SELECT * FROM xmltable(XMLNAMESPACES ('u' AS x), '/a' PASSING (SELECT d FROM e) COLUMNS i FOR ORDINALITY, j numeric(9, 2) PATH 'b' DEFAULT 1) AS x, t`,
	`SELECT * FROM cast(1 AS int) c, coalesce(1, 2) d, LATERAL s.f(c) WITH ORDINALITY AS g(a, b), (a1 NATURAL JOIN a2) AS z`,
	`SELECT * FROM f() AS (a int, b numeric(9, 2)), g() AS h(a varchar(3)), i j TABLESAMPLE s.k(1, 2) REPEATABLE (3), LATERAL ROWS FROM (l(1) AS (m int))`,
	`SELECT * FROM a NATURAL FULL OUTER JOIN b CROSS JOIN ONLY (c) LEFT JOIN d e(f, g) USING (h) AS i, j.k.l`,
	`SELECT * FROM (((a JOIN b ON true) JOIN ((SELECT 1) UNION ALL (SELECT 2)) c ON false)), (TABLE d) e, (VALUES (1)) f(g), (WITH h AS (TABLE i) TABLE h) k`,
	`SELECT a, b FROM c GROUP BY DISTINCT ROLLUP (a, (b, c)), GROUPING SETS (CUBE (a), ROLLUP (b), ()) HAVING grouping(a) = 1`,
	`SELECT ALL a FROM b ORDER BY c USING >, d COLLATE "C" NULLS FIRST LIMIT (SELECT e FROM f) OFFSET 1 ROWS FOR UPDATE OF b SKIP LOCKED FOR SHARE`,
	`SELECT a FROM b ORDER BY c FETCH FIRST (1 + 1) ROWS WITH TIES FOR READ ONLY`,
	`SELECT a FROM b LIMIT ALL OFFSET $1`,
	`SELECT a INTO TEMPORARY b FROM c UNION SELECT d FROM e`,
	`SELECT DISTINCT a IS NOT DISTINCT FROM b FROM c`,
	`WITH a(b) AS (VALUES (1)), c AS (WITH a AS (TABLE d) SELECT * FROM a) SELECT * FROM a, c, (SELECT * FROM e WHERE f IN (TABLE a)) g`,
	`WITH RECURSIVE a AS (SELECT 1 UNION SELECT * FROM a) CYCLE b, c SET d TO 1 DEFAULT 0 USING e, f AS (SELECT * FROM a, f) SELECT * FROM f`,
	`WITH a AS (INSERT INTO b SELECT * FROM c RETURNING *), d AS (MERGE INTO e USING f ON g WHEN MATCHED THEN DELETE RETURNING *) SELECT * FROM a, d`,
	`WITH a AS (SELECT 1) UPDATE b SET c = (SELECT * FROM a) FROM d JOIN e ON true WHERE f RETURNING (SELECT g FROM h)`,
	`INSERT INTO a DEFAULT VALUES RETURNING b`,
	`INSERT INTO a.b AS c (d, e[1], f.g) OVERRIDING SYSTEM VALUE VALUES (1, DEFAULT, (SELECT h FROM i)) ON CONFLICT (lower(d), (e || f) COLLATE "C") WHERE j > 0 DO UPDATE SET (d, e) = ROW (1, DEFAULT), f[1] = 2 WHERE k IN (SELECT l FROM m) RETURNING *`,
	`INSERT INTO a SELECT b FROM c JOIN d ON conflict = 1 ON CONFLICT DO NOTHING`,
	`INSERT INTO a ((SELECT b FROM c) UNION TABLE d) ON CONFLICT ON CONSTRAINT e DO NOTHING`,
	`UPDATE ONLY (a) SET b[1] = 2, c.d = 3, (e, f) = (SELECT g, h FROM i), j = DEFAULT WHERE CURRENT OF k`,
	`UPDATE a * AS set SET set = 1`,
	`DELETE FROM ONLY a AS b USING c, LATERAL d(c.e) f WHERE b.g = f.h RETURNING *`,
	`MERGE INTO ONLY a b USING c d ON b.e = d.e WHEN NOT MATCHED BY SOURCE THEN DELETE WHEN NOT MATCHED BY TARGET AND (SELECT f FROM g) THEN INSERT (h, i) OVERRIDING USER VALUE VALUES (1, DEFAULT) WHEN MATCHED THEN UPDATE SET j = CASE WHEN k THEN 1 END WHEN NOT MATCHED THEN INSERT DEFAULT VALUES RETURNING merge_action(), *`,
	`COPY a (b, c) FROM STDIN WITH (FORMAT csv, HEADER true) WHERE d > 0`,
	`COPY (WITH a AS (TABLE b) SELECT * FROM a) TO PROGRAM 'cat'`,
	`COPY BINARY a TO STDOUT`,
	`TRUNCATE a, ONLY b, c.d * CASCADE`,
	`EXPLAIN (ANALYZE false, FORMAT json) DELETE FROM a`,
	`EXPLAIN ("analyze") DELETE FROM a`,
	`EXPLAIN (ANALYZE) ((SELECT a FROM b))`,
	`EXPLAIN ANALYZE VERBOSE EXECUTE a(1, 2)`,
	`EXPLAIN CREATE MATERIALIZED VIEW a AS SELECT b FROM c`,
	`DECLARE a INSENSITIVE SCROLL CURSOR WITH HOLD FOR SELECT b FROM c FOR UPDATE`,
	`PREPARE a (int) AS SELECT b FROM c WHERE d = $1`,
	`CALL a.b(1, c => (SELECT 2))`,
	`CREATE OR REPLACE FUNCTION a(b int) RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT CASE b WHEN 1 THEN 2 END; DELETE FROM c; END; SELECT 1`,
	`CREATE RULE a AS ON INSERT TO b DO INSTEAD (DELETE FROM c; SELECT 1)`,
	`LOCK TABLE a IN SHARE MODE`,
	`VACUUM (FULL) a`,
	`SET LOCAL search_path TO a, "B"`,
	`BEGIN; SAVEPOINT a; ROLLBACK TO a; RELEASE a; COMMIT AND CHAIN`,
}
