package pages_test

import (
	"strings"
	"testing"

	"github.com/headrace/headrace/db"
)

// CheckPages names a missing index, however small the table is.
func TestCheckPagesNamesTheMissingIndex(t *testing.T) {
	t.Parallel()
	pg := open(t, "CREATE TABLE ev (id int PRIMARY KEY, received_at timestamptz, kind text NOT NULL)",
		"INSERT INTO ev SELECT g, CASE WHEN g % 3 > 0 THEN now() END, 'k' FROM generate_series(1, 1000) g", "CREATE INDEX ON ev (received_at)", "ANALYZE ev")
	stmt := db.MustCompile[map[string]any]("SELECT * FROM ev WHERE kind = $1 AND id <> $2")
	named := db.MustCompile[map[string]any]("SELECT e.id, e.received_at AS at FROM ev e WHERE kind = @kind")
	latest := db.Pager{Keys: []db.Order{db.Desc("received_at").NullsLast(), db.Desc("id")}}
	check := func(err error, want string) {
		t.Helper()
		switch {
		case want == "" && err != nil:
			t.Error(err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("error %v, want %q", err, want)
		}
	}
	check(stmt.CheckPages(t.Context(), pg, db.Pager{Keys: []db.Order{db.Asc("id")}}), "")
	check(stmt.CheckPages(t.Context(), pg, db.Pager{Keys: []db.Order{db.Asc("received_at"), db.Asc("id")}}), "there is none on ev (received_at, id)")
	check(stmt.CheckPages(t.Context(), pg, latest), "there is none on ev (received_at DESC NULLS LAST, id DESC)")
	check(named.CheckPages(t.Context(), pg, db.Pager{Keys: []db.Order{db.Asc("at"), db.Asc("id")}}), "there is none on ev (received_at, id)")
	check(stmt.CheckPages(t.Context(), pg, db.Pager{Keys: []db.Order{db.Asc("nope")}}), `"nope"`)
	if _, err := pg.Exec(t.Context(), "CREATE INDEX ON ev (received_at DESC NULLS LAST, id DESC); CREATE INDEX ON ev (received_at, id)"); err != nil {
		t.Fatal(err)
	}
	check(stmt.CheckPages(t.Context(), pg, latest), "")
	check(named.CheckPages(t.Context(), pg, db.Pager{Keys: []db.Order{db.Asc("at"), db.Asc("id")}}), "")
	if n, err := db.One[int](t.Context(), pg.Pool(), db.SQL("SELECT count(*) FROM pg_prepared_statements WHERE name LIKE 'headrace%'")); n != 0 || err != nil {
		t.Errorf("%d statements are left, %v", n, err)
	}
}
