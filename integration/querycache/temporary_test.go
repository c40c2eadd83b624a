package querycache_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/headrace/headrace/batchinsert"
	"github.com/headrace/headrace/querycache"
)

// Statements that create, fill and drop temporary tables do not invalidate
// entries of other tables. A transaction that writes through a temporary table
// invalidates only the entries of its target.
func TestTemporaryTablesInvalidateNothingElse(t *testing.T) {
	t.Parallel()
	b := following(t, minute)
	pg, reads := b.singly(nil)
	read := func() {
		t.Helper()
		for _, sql := range []string{"SELECT name FROM cities WHERE id = $1", "SELECT name FROM rivers WHERE id = $1"} {
			if err := reads.QueryRow(t.Context(), sql, 1).Scan(new(string)); err != nil {
				t.Fatal(err)
			}
		}
	}
	read()
	b.want(querycache.MissCold, querycache.MissCold)

	rows := make([]newCity, 20_000) // too many for arrays
	for i := range rows {
		rows[i] = newCity{ID: int32(i + 1), Name: fmt.Sprintf("new %d", i)}
	}
	if _, err := batchinsert.MustTable[newCity]("cities").Upsert(t.Context(), pg, batchinsert.Rows(rows), batchinsert.OnConflict{Keys: []string{"id"}}); err != nil {
		t.Fatal(err)
	}
	b.resolve()
	read()
	b.want(querycache.MissInvalidated, querycache.Hit)
	read() // the session is unchanged, so its result was stored
	b.want(querycache.Hit, querycache.Hit)

	for _, sql := range []string{
		"CREATE TEMP TABLE mine (id int, name text)",
		"INSERT INTO mine SELECT id, name FROM cities",
		"INSERT INTO pg_temp.mine VALUES (1, 'x')",
		"DELETE FROM mine WHERE id > 1",
	} {
		b.exec(pg, sql)
		read()
		b.want(querycache.Hit, querycache.Hit)
	}
	b.exec(pg, "INSERT INTO mine VALUES (2, 'y')")
	b.exec(pg, "UPDATE rivers SET name = 'new' FROM mine WHERE rivers.id = mine.id OR rivers.id = 1")
	read()
	b.want(querycache.Hit, querycache.RefusedSession) // the session has a table of its own now
}

type newCity struct {
	ID   int32
	Name string
}

// The writes of an event trigger, and of a trigger on a temporary table, are
// seen.
func TestTriggersOnTemporaryTablesAreSeen(t *testing.T) {
	t.Parallel()
	const note = `CREATE FUNCTION note() RETURNS %s LANGUAGE plpgsql AS $$ BEGIN UPDATE rivers SET name = name || '!'; %s END $$`
	read := func(b *bench) string {
		var name string
		if err := b.reads.QueryRow(t.Context(), "SELECT name FROM rivers WHERE id = 1").Scan(&name); err != nil {
			t.Fatal(err)
		}
		return name
	}
	for name, c := range map[string]struct{ setup, write string }{
		"event trigger": {
			fmt.Sprintf(note, "event_trigger", "") + "; CREATE EVENT TRIGGER note ON ddl_command_end EXECUTE FUNCTION note()",
			"CREATE TEMP TABLE mine (id int) ON COMMIT DROP",
		},
		"trigger": {
			fmt.Sprintf(note, "trigger", "RETURN NULL;"),
			"CREATE TEMP TABLE mine (id int); CREATE TRIGGER note AFTER INSERT ON mine EXECUTE FUNCTION note(); INSERT INTO mine VALUES (1)",
		},
		"default": {
			`CREATE FUNCTION note() RETURNS int LANGUAGE plpgsql AS $$ BEGIN UPDATE rivers SET name = name || '!'; RETURN 1; END $$`,
			"CREATE TEMP TABLE mine (id int DEFAULT note(), n int); INSERT INTO mine (n) VALUES (1)",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := following(t, minute)
			b.exec(b.pg, c.setup)
			conn, err := b.pg.Acquire(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Release()
			for sql := range strings.SplitSeq(c.write, "; ") {
				before := read(b)
				b.exec(conn, sql)
				var now string
				if err := b.other.QueryRow(t.Context(), "SELECT name FROM rivers WHERE id = 1").Scan(&now); err != nil {
					t.Fatal(err)
				}
				if got := read(b); got != now {
					t.Errorf("%s: %q before, %q from the cache, the server has %q", sql, before, got, now)
				}
			}
		})
	}
}
