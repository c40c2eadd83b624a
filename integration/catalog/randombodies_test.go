package catalog_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/headrace/headrace/integration/internal/soak"
	"github.com/headrace/headrace/integration/pgtest"
	"github.com/headrace/headrace/internal/catalog"
)

// TestRandomBodies creates functions that use tables in random unusual ways,
// runs them, and compares their effects with the read-level and write-level
// locks that the server took.
func TestRandomBodies(t *testing.T) {
	t.Parallel()
	seeds := soak.Count(2, 100)
	if testing.Short() {
		seeds = 1
	}
	held, known := 0, 0
	for seed := range seeds {
		h, k := randomBodies(t, uint64(seed))
		held, known = held+h, known+k
	}
	t.Logf("%d calls were held against the server's locks, %d of which were known to write what", held, known)
	if held < 10*seeds || known < held/3 {
		t.Errorf("only %d calls were held against the server's locks, %d known", held, known)
	}
}

// oddTables are names of tables in SQL syntax. Some are in two schemas.
var oddTables = []string{
	"t0", "t1", "t2", "Заказы", `"Odd Name"`, `"with ""quotes"""`, `"select"`, "update", "key", `"DO"`,
	strings.Repeat("long_", 13), strings.Repeat("длинно", 7),
}

// A maker generates bodies.
type maker struct {
	r         *rand.Rand
	functions []string // that can be called without arguments
}

func (m *maker) pick(list ...string) string { return list[m.r.IntN(len(list))] }

// table returns a table in one of several spellings.
func (m *maker) table() string {
	name := m.pick(oddTables...)
	switch m.r.IntN(4) {
	case 0:
		name = m.pick("public", "s1", `"S2"`) + m.pick(".", " . ", "/**/.\n") + name
	case 1:
		if name[0] != '"' {
			name = upperASCII(name)
		}
	}
	return name
}

func upperASCII(s string) string {
	return strings.Map(func(r rune) rune {
		if 'a' <= r && r <= 'z' {
			return r - 'a' + 'A'
		}
		return r
	}, s)
}

// expression returns a number.
func (m *maker) expression() string {
	switch m.r.IntN(6) {
	case 0:
		return fmt.Sprintf("(SELECT count(*)::int FROM %s)", m.table())
	case 1:
		return fmt.Sprintf("(SELECT max(id) FROM %s WHERE id IN (SELECT id FROM %s))", m.table(), m.table())
	case 2:
		if len(m.functions) > 0 {
			return m.pick(m.functions...) + m.pick("()", " ( )", "/* */()")
		}
	case 3:
		return fmt.Sprintf("(WITH %s AS (TABLE %s) SELECT 1)", m.pick("x", "t1"), m.table())
	}
	return fmt.Sprint(m.r.IntN(9))
}

// write returns a statement that changes rows.
func (m *maker) write() string {
	return []string{
		fmt.Sprintf("INSERT INTO %s (id) VALUES (%s)", m.table(), m.expression()),
		fmt.Sprintf("INSERT INTO %s (id) VALUES (1) ON CONFLICT DO NOTHING", m.table()),
		fmt.Sprintf("UPDATE %s SET id = id WHERE id = %s", m.table(), m.expression()),
		fmt.Sprintf("UPDATE ONLY %s AS u SET id = u.id FROM %s v WHERE u.id = v.id", m.table(), m.table()),
		fmt.Sprintf("DELETE FROM %s WHERE id = %s", m.table(), m.expression()),
		fmt.Sprintf("WITH gone AS (DELETE FROM %s RETURNING id) INSERT INTO %s (id) SELECT id FROM gone", m.table(), m.table()),
		fmt.Sprintf("MERGE INTO %s a USING %s b ON a.id = b.id WHEN MATCHED THEN DO NOTHING", m.table(), m.table()),
	}[m.r.IntN(7)]
}

// statement returns one of PL/pgSQL.
func (m *maker) statement(depth int) string {
	nested := "NULL"
	if depth > 0 {
		nested = m.statement(depth - 1)
	}
	if m.r.IntN(12) == 0 {
		return m.hiding(nested)
	}
	return []string{
		m.write(),
		fmt.Sprintf("PERFORM 1 FROM %s WHERE id = %s", m.table(), m.expression()),
		fmt.Sprintf("n := %s", m.expression()),
		fmt.Sprintf("SELECT %s INTO n", m.expression()),
		fmt.Sprintf("FOR r IN SELECT id FROM %s LOOP %s; END LOOP", m.table(), nested),
		fmt.Sprintf("FOR r IN DELETE FROM %s RETURNING id LOOP %s; END LOOP", m.table(), nested),
		fmt.Sprintf("IF %s > 3 THEN %s; ELSE %s; END IF", m.expression(), nested, nested),
		fmt.Sprintf("BEGIN %s; EXCEPTION WHEN division_by_zero THEN %s; END", nested, nested),
		fmt.Sprintf("DECLARE c CURSOR FOR SELECT id FROM %s; BEGIN FOR x IN c LOOP %s; END LOOP; END", m.table(), nested),
		fmt.Sprintf("DECLARE c refcursor; BEGIN OPEN c FOR UPDATE %s SET id = id RETURNING id; CLOSE c; END", m.table()),
		fmt.Sprintf("DECLARE v %s%%ROWTYPE; BEGIN %s; END", m.table(), nested),
		fmt.Sprintf("DECLARE key int; update int; BEGIN key := 1; %s; END", nested),
		"SET LOCAL search_path = " + m.pick("s1, public", `"S2", s1, public`, "public"),
		"PERFORM set_config('search_path', 's1, public', true)",
		fmt.Sprintf("FOREACH n IN ARRAY (SELECT array_agg(id) FROM %s) LOOP %s; END LOOP", m.table(), nested),
		fmt.Sprintf("/* %s */ -- %s\n NULL", m.table(), m.table()),
		fmt.Sprintf("PERFORM %s FROM %s FOR %s", m.expression(), m.table(), m.pick("UPDATE", "NO KEY UPDATE", "KEY SHARE")),
		fmt.Sprintf("TRUNCATE %s", m.table()),
	}[m.r.IntN(18)]
}

// hiding returns a statement whose effects the text does not show.
func (m *maker) hiding(nested string) string {
	return []string{
		fmt.Sprintf("DO %s$x$ BEGIN %s; END $x$", m.pick("", "LANGUAGE plpgsql "), m.write()),
		fmt.Sprintf("EXECUTE %s", quoteText(m.write())),
		"CREATE TEMP TABLE IF NOT EXISTS made_here (id int)",
		fmt.Sprintf("DECLARE c CURSOR FOR TABLE %s; BEGIN OPEN c; FETCH c INTO n; %s; END", m.table(), nested),
	}[m.r.IntN(4)]
}

func quoteText(sql string) string { return "'" + strings.ReplaceAll(sql, "'", "''") + "'" }

// function returns the command that creates a function, and its name.
func (m *maker) function(i int) (name, sql string) {
	name = fmt.Sprintf("f%d", i)
	options := m.pick("", "", "STABLE", "SECURITY DEFINER", "SET search_path = s1, public", `STABLE SET search_path = "S2", public`,
		`SET search_path = "$user", s1, public`)
	if m.r.IntN(3) == 0 {
		body := "SELECT " + m.expression()
		if m.r.IntN(2) == 0 {
			body = m.write() + "; " + body
		}
		return name, fmt.Sprintf("CREATE FUNCTION public.%s() RETURNS int LANGUAGE sql %s AS %s", name, options, quoteText(body))
	}
	var body strings.Builder
	for range 1 + m.r.IntN(3) {
		body.WriteString(m.statement(2) + ";\n")
	}
	return name, fmt.Sprintf("CREATE FUNCTION public.%s() RETURNS int LANGUAGE plpgsql %s AS %s", name, options,
		quoteText("DECLARE n int; r record; BEGIN\n"+body.String()+"RETURN 1; END"))
}

// randomBodies returns the number of calls that could be run, and the number of
// those with known writes.
func randomBodies(t *testing.T, seed uint64) (held, known int) {
	t.Helper()
	conn := connect(t)
	m := &maker{r: rand.New(rand.NewPCG(seed, 2))}
	pgtest.Exec(t, conn, `CREATE SCHEMA s1; CREATE SCHEMA "S2"; SET check_function_bodies = off`)
	for i, name := range oddTables {
		for j, schema := range []string{"public", "s1", `"S2"`} {
			if j == 0 || (i+j)%3 != 0 {
				pgtest.Exec(t, conn, fmt.Sprintf("CREATE TABLE %s.%s (id int); INSERT INTO %[1]s.%[2]s VALUES (1), (2)", schema, name))
			}
		}
	}
	for i := range 40 {
		name, sql := m.function(i)
		pgtest.Exec(t, conn, sql)
		if m.functions = append(m.functions, name); len(m.functions) > 4 {
			m.functions = m.functions[1:]
		}
		call := fmt.Sprintf("SELECT public.%s()", name)
		e := examine(t, conn, call)
		byName, namesKnown := byNames(t, conn, call, catalog.PathScope)
		read, written, ok := locksOf(t, conn, call)
		if !ok {
			continue
		}
		held++
		if e.WritesKnown {
			known++
		}
		for _, r := range written {
			if e.WritesKnown && !slices.Contains(e.Writes, r) {
				t.Errorf("seed %d: %s\n%s was written, known were %q", seed, sql, r, names(e.Writes))
			}
			if namesKnown && !strings.Contains(" "+byName+" ", " "+names([]catalog.Relation{r})+" ") {
				t.Errorf("seed %d: %s\n%s was written, by names known were %q", seed, sql, r, byName)
			}
		}
		for _, r := range read {
			if e.ReadsKnown && !slices.Contains(e.Reads, r) && !slices.Contains(e.Writes, r) {
				t.Errorf("seed %d: %s\n%s was read, known were %q", seed, sql, r, names(e.Reads))
			}
		}
	}
	return held, known
}

// locksOf runs a statement and returns the relations on which it took
// read-level and write-level locks. ok is false if it fails.
func locksOf(t *testing.T, conn *pgx.Conn, sql string) (read, written []catalog.Relation, ok bool) {
	t.Helper()
	defer pgtest.Exec(t, conn, "ROLLBACK")
	if _, err := conn.Exec(t.Context(), "BEGIN; "+sql); err != nil {
		return nil, nil, false
	}
	written, err := locks(t.Context(), conn)
	if err != nil {
		t.Fatal(err)
	}
	written = slices.DeleteFunc(written, func(r catalog.Relation) bool { return r.Persistence == catalog.Temporary })
	rows, err := conn.Query(t.Context(), `
SELECT DISTINCT c.oid, n.nspname::text, c.relname::text, c.relkind::text, c.relpersistence::text
FROM pg_locks l JOIN pg_class c ON c.oid = l.relation JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE l.pid = pg_backend_pid() AND l.relation >= 16384 AND c.relkind IN ('r', 'p', 'm', 'S', 'f') AND c.relpersistence <> 't'`)
	if err != nil {
		t.Fatal(err)
	}
	var r catalog.Relation
	var kind, persistence string
	_, err = pgx.ForEachRow(rows, []any{&r.OID, &r.Schema, &r.Name, &kind, &persistence}, func() error {
		r.Kind, r.Persistence = catalog.Kind(kind[0]), catalog.Persistence(persistence[0])
		read = append(read, r)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return read, written, true
}
