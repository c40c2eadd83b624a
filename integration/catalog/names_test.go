package catalog_test

import (
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/headrace/headrace/integration/pgtest"
	"github.com/headrace/headrace/internal/catalog"
	"github.com/headrace/headrace/internal/sqltext"
)

// byNames examines the names of a text. ok is false if they are not sufficient.
func byNames(t *testing.T, c *pgx.Conn, sql string, in catalog.NameScope) (writes string, ok bool) {
	t.Helper()
	n, ok := catalog.NamesOf(sqltext.Analyze(sql))
	if !ok {
		return "", false
	}
	e, err := catalog.ExamineNames(t.Context(), c, n, in)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return names(e.Writes), e.WritesKnown
}

// TestNamesIncludeParsed: the effects by names include those by the server's
// parser.
func TestNamesIncludeParsed(t *testing.T) {
	t.Parallel()
	conn := connect(t)
	pgtest.Exec(t, conn, writers)
	sufficed := 0
	for _, c := range writeCases {
		for _, in := range []catalog.NameScope{catalog.PathScope, catalog.AnyScope} {
			got, ok := byNames(t, conn, c.sql, in)
			if !ok {
				continue
			}
			sufficed++
			if c.writes == unknown {
				t.Errorf("%s: effects by names are %q, want unknown", c.sql, got)
				continue
			}
			for name := range strings.FieldsSeq(c.writes) {
				if !strings.Contains(" "+got+" ", " "+name+" ") {
					t.Errorf("%s: effects by names: %q in scope %v, want %q in it", c.sql, got, in, name)
				}
			}
		}
	}
	if sufficed < 40 {
		t.Errorf("names sufficed for %d statements only", sufficed)
	}
}

// TestNamesAreExact: for plain statements the effects by names equal those by
// the parser, whatever else is in the database.
func TestNamesAreExact(t *testing.T) {
	t.Parallel()
	conn := connect(t)
	for _, c := range writeCases {
		switch c.name {
		case "insert", "update", "delete", "no action of keys on insert", "foreign key that cascades", "CTE", "read", "trigger",
			"partition", "view", "rule", "insert stays in the parent", "row security":
			if got, ok := byNames(t, conn, c.sql, catalog.PathScope); !ok || got != c.writes {
				t.Errorf("%s: effects by names: %q, %v, want %q", c.sql, got, ok, c.writes)
			}
		}
	}
	pgtest.Exec(t, conn, `CREATE TEMP TABLE staging (id int); CREATE TEMP VIEW street AS SELECT * FROM plain`)
	for sql, want := range map[string]string{
		`INSERT INTO other.plain VALUES (1)`:           "other.plain",
		`INSERT INTO plain VALUES (1)`:                 "other.plain plain",
		`SELECT * FROM city, country`:                  "",
		`SELECT * FROM staging`:                        "",
		`INSERT INTO plain SELECT 1 FROM nothing`:      unknown,
		`SELECT pg_temp.something()`:                   unknown,
		`SELECT U&"\0061dd_note"()`:                    unknown,
		`DELETE FROM house; SELECT 1`:                  unknown,
		`SELECT count(*), lower(min(note)) FROM plain`: "",
	} {
		got, ok := byNames(t, conn, sql, catalog.AnyScope)
		if !ok {
			got = unknown
		}
		if got != want {
			t.Errorf("%s: effects by names: %q anywhere, want %q", sql, got, want)
		}
	}
	if got, ok := byNames(t, conn, `DELETE FROM street`, catalog.AnyScope); !ok || !strings.Contains(got, "plain") {
		t.Errorf("a temporary view hides a table: %q, %v", got, ok)
	}
}

// TestNamesKey: statements that differ only in constants share a key.
func TestNamesKey(t *testing.T) {
	t.Parallel()
	key := func(sql string) string {
		n, ok := catalog.NamesOf(sqltext.Analyze(sql))
		if !ok {
			t.Fatalf("no names in %s", sql)
		}
		return n.Key
	}
	same := key(`UPDATE a SET v = 'x' WHERE id = 1`)
	if got := key(`update a set v = $1 where id IN (2, 3)`); got != same {
		t.Errorf("%q and %q", got, same)
	}
	for _, sql := range []string{
		`UPDATE b SET v = 'x' WHERE id = 1`, `UPDATE s.a SET v = 'x' WHERE id = 1`, `DELETE FROM a`, `SELECT v FROM a`,
		`UPDATE a SET v = f('x') WHERE id = 1`, `UPDATE a SET v = a.f WHERE id = 1`, `UPDATE a SET v = (SELECT w FROM b) WHERE id = 1`,
	} {
		if key(sql) == same {
			t.Errorf("%s has the shape of another", sql)
		}
	}
}
