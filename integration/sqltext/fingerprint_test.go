package sqltext_test

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/headrace/headrace/integration/sqltext/corpus"
	"github.com/headrace/headrace/internal/sqltext"
)

// A pair is two texts whose query identifiers of the server (as in
// pg_stat_statements), and whose fingerprints, are compared.
type pair struct{ a, b, reason string }

// A deviation is a pair for which the two comparisons differ.
type deviation struct {
	pair
	until int // the version from which on they say the same; 0: in none
}

// alike lists pairs with one identifier and one fingerprint.
var alike = []pair{
	{"SELECT id FROM nodes WHERE id = 1", "select ID\nfrom nodes -- c\nwhere id=2;", "literals, white space, comments, case"},
	{"SELECT id FROM nodes WHERE id = 1", "SELECT id FROM nodes WHERE id = -1", "the sign of a number"},
	{"SELECT id FROM nodes WHERE label = 'a'", "SELECT id FROM nodes WHERE label = E'b\\n' ", "kinds of strings"},
	{"SELECT id FROM nodes WHERE label = 'a'", "SELECT id FROM nodes WHERE label = 'b'\n'c'", "continued strings"},
	{"SELECT id FROM nodes WHERE label = 'a'", "SELECT id FROM nodes WHERE label = U&'!0061' UESCAPE '!'", "strings with UESCAPE"},
	{"UPDATE nodes SET label = 'a'", "UPDATE nodes SET label = NULL", "NULL as a value"},
	{"SELECT id FROM nodes WHERE (id = 1) = true", "SELECT id FROM nodes WHERE (id = 1) = false", "truth values"},
	{"SELECT date '2024-01-01'", "SELECT date '2024-01-02'", "typed literals"},
	{"SELECT id FROM nodes WHERE id <> 1", "SELECT id FROM nodes WHERE id != 1", "two spellings of an operator"},
	{"SELECT id FROM nodes LIMIT 1 OFFSET 2", "SELECT id FROM nodes LIMIT 3 OFFSET 4", "limits"},
	{"INSERT INTO nodes VALUES (1, 2, 'a')", "INSERT INTO nodes VALUES (3, 4, 'b')", "values"},
}

// apart lists pairs with two identifiers and two fingerprints.
var apart = []pair{
	{"SELECT id FROM nodes WHERE id = 1", "SELECT id FROM nodes WHERE id > 1", "another operator"},
	{"SELECT id FROM nodes WHERE id = 1", "SELECT id FROM nodes WHERE parent_id = 1", "another column"},
	{"SELECT id FROM nodes", "SELECT id FROM cities", "another table"},
	{"SELECT id FROM nodes WHERE label IS NULL", "SELECT id FROM nodes WHERE label IS NOT NULL", "IS NULL is no literal"},
	{"SELECT id FROM nodes WHERE (id = 1) IS TRUE", "SELECT id FROM nodes WHERE (id = 1) IS FALSE", "IS TRUE is no literal"},
	{"SELECT id - 1 FROM nodes", "SELECT id + 1 FROM nodes", "a binary minus"},
	{"SELECT id FROM nodes ORDER BY id", "SELECT id FROM nodes ORDER BY id DESC", "direction"},
	{"SELECT id FROM nodes", "SELECT DISTINCT id FROM nodes", "DISTINCT"},
	{"SELECT id FROM nodes", "SELECT id FROM nodes FOR UPDATE", "locking"},
	{"SELECT upper(label) FROM nodes", "SELECT lower(label) FROM nodes", "another function"},
	{"SELECT id FROM nodes WHERE id IN (1, 2)", "SELECT id FROM nodes WHERE id NOT IN (1, 2)", "NOT"},
	{"VALUES (1, 2)", "VALUES (1, 2, 3)", "width of rows"},
}

// merged lists deviations with two identifiers and one fingerprint.
var merged = []deviation{
	{pair{"SELECT id FROM nodes WHERE id IN (1, 2)", "SELECT id FROM nodes WHERE id IN (1, 2, 3)", "length of a list; squashed since 18"}, 18},
	{pair{"SELECT id FROM nodes WHERE id IN (1)", "SELECT id FROM nodes WHERE id IN (1, 2)", "a list of one is a comparison"}, 0},
	{pair{"SELECT ARRAY[1, 2]", "SELECT ARRAY[1, 2, 3]", "length of an array; squashed since 18"}, 18},
	{pair{"INSERT INTO nodes (id) VALUES (1)", "INSERT INTO nodes (id) VALUES (1), (2)", "number of rows: one row is no list"}, 0},
	{pair{"INSERT INTO nodes (id) VALUES (1), (2)", "INSERT INTO nodes (id) VALUES (1), (2), (3)", "number of rows"}, 0},
	{pair{"INSERT INTO nodes (id, label) VALUES (1, 'a')", "INSERT INTO nodes (id, label) VALUES (1, DEFAULT)", "DEFAULT among the values"}, 0},
	{pair{"SELECT 1", "SELECT 'a'", "the type of a literal"}, 0},
	{pair{"SELECT id FROM nodes WHERE id > 1", "SELECT id FROM nodes WHERE id > 1.5", "the type of a literal, and with it the operator"}, 0},
}

// splitUp lists deviations with one identifier and two fingerprints.
var splitUp = []deviation{
	{pair{"SELECT id AS a FROM nodes", "SELECT id AS b FROM nodes", "aliases of columns"}, 0},
	{pair{"SELECT n.id FROM nodes n", "SELECT m.id FROM nodes m", "aliases of tables; told apart since 18"}, 18},
	{pair{"SELECT id FROM nodes", "SELECT nodes.id FROM nodes", "qualified columns"}, 0},
	{pair{"SELECT id FROM nodes", "SELECT id FROM public.nodes", "schemas named"}, 0},
	{pair{"SELECT id FROM nodes", `SELECT "id" FROM "nodes"`, "quoted names"}, 0},
	{pair{"SELECT id, parent_id, label FROM nodes", "SELECT * FROM nodes", "the star"}, 0},
	{pair{"TABLE nodes", "SELECT * FROM nodes", "TABLE"}, 0},
	{pair{"SELECT id FROM nodes WHERE (id = 1)", "SELECT id FROM nodes WHERE id = 1", "parentheses that change nothing"}, 0},
	{pair{"SELECT CAST(id AS text) FROM nodes", "SELECT id::text FROM nodes", "two spellings of a cast"}, 0},
	{pair{"SELECT id FROM nodes JOIN lines ON true", "SELECT id FROM nodes INNER JOIN lines ON true", "optional words"}, 0},
	{pair{"SELECT id FROM nodes ORDER BY id", "SELECT id FROM nodes ORDER BY id ASC", "what is the default"}, 0},
	{pair{"SELECT '1'::int", "SELECT 1", "literals with a cast, which are literals of its type"}, 0},
	{pair{"SELECT id = ANY('{1}') FROM nodes", "SELECT id = ANY('{1}'::int[]) FROM nodes", "casts that are implied"}, 0},
}

func TestFingerprintAgainstQueryIdentifier(t *testing.T) {
	t.Parallel()
	conn := connect(t)
	version := serverVersion(t, conn)
	check := func(p pair, server, ours bool) {
		t.Helper()
		a, b := queryID(t, conn, p.a), queryID(t, conn, p.b)
		if (a == b) != server {
			t.Errorf("%s: the server's identifiers are %d and %d\n%s\n%s", p.reason, a, b, p.a, p.b)
		}
		x, y := sqltext.Analyze(p.a), sqltext.Analyze(p.b)
		if (x.Fingerprint == y.Fingerprint) != ours {
			t.Errorf("%s: the fingerprints are of\n%s\n%s", p.reason, x.FingerprintText(), y.FingerprintText())
		}
	}
	for _, p := range alike {
		check(p, true, true)
	}
	for _, p := range apart {
		check(p, false, false)
	}
	for _, d := range merged {
		check(d.pair, d.until != 0 && version >= d.until, true)
	}
	for _, d := range splitUp {
		check(d.pair, d.until == 0 || version < d.until, false)
	}
}

// Parameters are literals for the fingerprint, but not for the server.
func TestFingerprintOfParameters(t *testing.T) {
	a := sqltext.Analyze("SELECT id FROM nodes WHERE id = $1 AND label = $2")
	b := sqltext.Analyze("SELECT id FROM nodes WHERE id = 1 AND label = $1")
	if a.Fingerprint != b.Fingerprint {
		t.Errorf("fingerprints are of %s and %s", a.FingerprintText(), b.FingerprintText())
	}
}

// For the whole corpus: changed literals change neither identifier nor
// fingerprint, and two statements share both or none.
func TestFingerprintsOfTheCorpus(t *testing.T) {
	t.Parallel()
	conn := connect(t)
	type ids struct {
		server int64
		ours   uint64
	}
	var all []ids
	for _, text := range corpus.Statements {
		st := sqltext.Analyze(text)
		id := ids{queryID(t, conn, text), st.Fingerprint}
		all = append(all, id)
		if other := queryID(t, conn, st.Normalized); other != id.server {
			t.Errorf("normalizing changes the server's identifier of %s", text)
		}
		changed := numbers.ReplaceAllStringFunc(st.Normalized, nextNumber)
		if other := sqltext.Analyze(changed); other.Fingerprint != id.ours {
			t.Errorf("fingerprints are of\n%s\n%s", st.FingerprintText(), other.FingerprintText())
		}
	}
	for i, a := range all {
		for j, b := range all[:i] {
			if (a.server == b.server) != (a.ours == b.ours) && !splitInCorpus(corpus.Statements[i], corpus.Statements[j]) {
				t.Errorf("one for the server: %v, for the fingerprint: %v\n%s\n%s", a.server == b.server, a.ours == b.ours, corpus.Statements[i], corpus.Statements[j])
			}
		}
	}
}

// splitInCorpus reports whether the fingerprints of two statements of the
// corpus differ and their identifiers do not: by the alias of a column, or by
// the spelling of a name.
func splitInCorpus(a, b string) bool {
	both := func(part string) bool { return strings.Contains(a, part) && strings.Contains(b, part) }
	return strings.Contains(a, "$$it's$$") && strings.Contains(b, "'x' AS y") || both(`U&"d`)
}

// numbers are compared with in the corpus.
var numbers = regexp.MustCompile(`([<>=] )(\d+)\b`)

func nextNumber(match string) string {
	groups := numbers.FindStringSubmatch(match)
	n, _ := strconv.Atoi(groups[2])
	return groups[1] + strconv.Itoa(n+1)
}

// queryID returns the identifier that the server computes for a statement, as
// pg_stat_statements uses it.
func queryID(t *testing.T, conn *pgx.Conn, sql string) int64 {
	t.Helper()
	if _, err := conn.Exec(t.Context(), "SET compute_query_id = on"); err != nil {
		t.Fatal(err)
	}
	var plan []struct {
		ID int64 `json:"Query Identifier"`
	}
	err := conn.QueryRow(t.Context(), "EXPLAIN (VERBOSE, FORMAT json) "+sql, pgx.QueryExecModeSimpleProtocol).Scan(&plan)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	if len(plan) != 1 || plan[0].ID == 0 {
		t.Fatalf("%s: no query identifier in %v", sql, plan)
	}
	return plan[0].ID
}

func serverVersion(t *testing.T, conn *pgx.Conn) int {
	t.Helper()
	var version int
	if _, err := fmt.Sscan(conn.PgConn().ParameterStatus("server_version"), &version); err != nil && version == 0 {
		t.Fatal(err)
	}
	return version
}

// Each pair is stated once.
func TestPairsAreStatedOnce(t *testing.T) {
	pairs := slices.Concat(alike, apart)
	for _, d := range slices.Concat(merged, splitUp) {
		pairs = append(pairs, d.pair)
	}
	seen := map[[2]string]bool{}
	for _, p := range pairs {
		if key := [2]string{p.a, p.b}; seen[key] {
			t.Errorf("twice: %s", p.reason)
		} else {
			seen[key] = true
		}
	}
}
