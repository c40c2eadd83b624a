package catalog_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/headrace/headrace/integration/internal/soak"
	"github.com/headrace/headrace/integration/pgtest"
	"github.com/headrace/headrace/internal/catalog"
	"github.com/headrace/headrace/internal/sqltext"
)

// TestRandomSchemas creates schemas with random links between tables, views,
// functions, rules and foreign keys, runs statements, and compares their
// effects with the locks that the server took.
func TestRandomSchemas(t *testing.T) {
	t.Parallel()
	held, seeds := 0, soak.Count(3, 100)
	for seed := range seeds {
		held += randomSchema(t, uint64(seed))
	}
	if held < 10*seeds {
		t.Errorf("only %d statements ran", held)
	}
}

const tables = 6

// randomSchema returns the number of statements that could be run.
func randomSchema(t *testing.T, seed uint64) (held int) {
	t.Helper()
	conn := connect(t)
	r := rand.New(rand.NewPCG(seed, 1))
	var parents []string // that are not partitioned
	for i := range tables {
		sql := randomTable(r, i, parents)
		pgtest.Exec(t, conn, sql)
		if !strings.Contains(sql, "PARTITION") {
			parents = append(parents, fmt.Sprintf("t%d", i))
		}
	}
	for i := range tables {
		for _, sql := range randomLinks(r, i) {
			_, _ = conn.Exec(t.Context(), sql) // some do not fit together: the server refuses those
		}
	}
	pgtest.Exec(t, conn, `SET session_replication_role = replica`)
	for i := range tables {
		pgtest.Exec(t, conn, fmt.Sprintf(`INSERT INTO t%d SELECT g, g FROM generate_series(1, 4) g`, i))
	}
	pgtest.Exec(t, conn, `RESET session_replication_role`)
	for range 40 {
		sql := randomStatement(r)
		e, err := catalog.Examine(t.Context(), conn, sqltext.Analyze(sql))
		if _, refused := errors.AsType[*pgconn.PgError](err); refused {
			continue // a view that cannot be written through, a function that was not made
		}
		if err != nil {
			t.Fatalf("seed %d: %s: %v", seed, sql, err)
		}
		if _, err := conn.Exec(t.Context(), "BEGIN; "+sql); err != nil {
			pgtest.Exec(t, conn, "ROLLBACK") // a rule that leads to itself, a key that is violated
			continue
		}
		held++
		locked, err := locks(t.Context(), conn)
		if err != nil {
			t.Fatal(err)
		}
		pgtest.Exec(t, conn, "ROLLBACK")
		for _, relation := range locked {
			if e.WritesKnown && !slices.Contains(e.Writes, relation) {
				t.Errorf("seed %d: %s: %s was locked, known were %q", seed, sql, relation, names(e.Writes))
			}
		}
		if e.ReadsKnown && e.WritesKnown && len(e.Writes) == 0 {
			heldAgainstLocks(t, conn, sql, e)
		}
	}
	return held
}

func randomTable(r *rand.Rand, i int, parents []string) string {
	switch r.IntN(4) {
	case 0:
		return fmt.Sprintf(`CREATE TABLE t%d (id int PRIMARY KEY, ref int) PARTITION BY RANGE (id);
CREATE TABLE t%[1]d_low PARTITION OF t%[1]d FOR VALUES FROM (MINVALUE) TO (3);
CREATE TABLE t%[1]d_high PARTITION OF t%[1]d FOR VALUES FROM (3) TO (MAXVALUE)`, i)
	case 1:
		if len(parents) > 0 {
			return fmt.Sprintf(`CREATE TABLE t%d (id int PRIMARY KEY, ref int); ALTER TABLE t%[1]d INHERIT %s`, i, parents[r.IntN(len(parents))])
		}
	}
	return fmt.Sprintf(`CREATE TABLE t%d (id int PRIMARY KEY, ref int)`, i)
}

// randomLinks returns links from table i to others.
func randomLinks(r *rand.Rand, i int) []string {
	actions := []string{"CASCADE", "SET NULL", "SET DEFAULT", "NO ACTION"}
	action := func() string { return actions[r.IntN(len(actions))] }
	commands := []string{"INSERT", "UPDATE", "DELETE"}
	other := func() int { return r.IntN(tables) }
	effect := func() string {
		return []string{
			fmt.Sprintf("DELETE FROM t%d WHERE id = 1", other()),
			fmt.Sprintf("UPDATE t%d SET ref = NULL", other()),
			fmt.Sprintf("INSERT INTO t%d (id) SELECT max(id) + 10 FROM t%d", other(), other()),
		}[r.IntN(3)]
	}
	links := []string{
		fmt.Sprintf(`ALTER TABLE t%d ADD FOREIGN KEY (ref) REFERENCES t%d ON DELETE %s ON UPDATE %s`, i, other(), action(), action()),
		fmt.Sprintf(`CREATE VIEW v%d AS SELECT id, ref FROM t%d WHERE id > 0`, i, other()),
		fmt.Sprintf(`CREATE VIEW j%d AS SELECT a.id, b.ref FROM t%d a JOIN t%d b ON a.id = b.ref`, i, other(), other()),
		fmt.Sprintf(`CREATE FUNCTION f%d() RETURNS int LANGUAGE sql BEGIN ATOMIC %s; SELECT max(id) FROM t%d; END`, i, effect(), other()),
		fmt.Sprintf(`CREATE FUNCTION g%d(n int) RETURNS int LANGUAGE sql AS 'SELECT max(n + id)::int FROM v%d'`, i, r.IntN(i+1)),
		fmt.Sprintf(`CREATE VIEW w%d AS SELECT id, g%d(ref) FROM v%d`, i, r.IntN(i+1), r.IntN(i+1)),
	}
	if r.IntN(3) == 0 {
		links = append(links, fmt.Sprintf(`CREATE RULE r%d AS ON %s TO t%d DO ALSO %s`, i, commands[r.IntN(3)], other(), effect()))
	}
	if r.IntN(3) == 0 {
		links = append(links, fmt.Sprintf(`CREATE RULE r%d AS ON %s TO j%d DO INSTEAD %s`, i, commands[r.IntN(3)], r.IntN(i+1), effect()))
	}
	if r.IntN(3) == 0 {
		links = append(links, fmt.Sprintf(`ALTER TABLE t%d ALTER ref SET DEFAULT f%d()`, other(), r.IntN(i+1)))
	}
	return links
}

func randomStatement(r *rand.Rand) string {
	source := func() string { return fmt.Sprintf("%c%d", "ttvjw"[r.IntN(5)], r.IntN(tables)) }
	target := func() string { return fmt.Sprintf("%c%d", "tttvj"[r.IntN(5)], r.IntN(tables)) }
	switch r.IntN(7) {
	case 0:
		return fmt.Sprintf(`SELECT a.id FROM %s a, %s b WHERE a.id = b.id`, source(), source())
	case 1:
		return fmt.Sprintf(`SELECT f%d(), g%d(1)`, r.IntN(tables), r.IntN(tables))
	case 2:
		return fmt.Sprintf(`INSERT INTO %s (id) VALUES (%d)`, target(), 5+r.IntN(9))
	case 3:
		return fmt.Sprintf(`INSERT INTO t%d (id) VALUES (%d) ON CONFLICT (id) DO UPDATE SET id = 20`, r.IntN(tables), r.IntN(9))
	case 4:
		return fmt.Sprintf(`UPDATE %s SET id = id + 10 WHERE id < %d`, target(), r.IntN(5))
	case 5:
		return fmt.Sprintf(`WITH gone AS (DELETE FROM %s RETURNING id) SELECT count(*) FROM gone, %s`, target(), source())
	}
	return fmt.Sprintf(`DELETE FROM %s WHERE id < %d`, target(), r.IntN(5))
}
