package tablecache_test

import (
	"testing"
	"time"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/querycache/tablecache"
)

const count = "SELECT count(*) FROM headrace.cache_entries"

// eventually waits until a query returns at most a number.
func eventually(t *testing.T, pg *db.DB, query string, most int64) {
	t.Helper()
	for until := time.Now().Add(60 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		n, err := db.One[int64](t.Context(), pg, db.SQL(query))
		if err != nil {
			t.Fatal(err)
		}
		if n <= most {
			return
		}
		if time.Now().After(until) {
			t.Fatalf("%s: %d, want at most %d", query, n, most)
		}
	}
}

// Expired results are removed in small steps, and so are versions that have not
// been raised for a long time. The others stay.
func TestExpiredResultsAreRemoved(t *testing.T) {
	t.Parallel()
	url, pg := installed(t)
	exec(t, pg, `CREATE TABLE steps (n bigint)`)
	exec(t, pg, `CREATE FUNCTION step() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO steps SELECT count(*) FROM gone; RETURN NULL; END'`)
	exec(t, pg, `CREATE TRIGGER step AFTER DELETE ON headrace.cache_entries REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION step()`)
	exec(t, pg, `INSERT INTO headrace.cache_entries SELECT 'old ' || i, 'value', now() - interval '1 second' FROM generate_series(1, 20000) i`)
	exec(t, pg, `INSERT INTO headrace.cache_entries SELECT 'new ' || i, 'value', now() + interval '1 hour' FROM generate_series(1, 100) i`)
	exec(t, pg, `INSERT INTO headrace.cache_versions SELECT 'old ' || i, i, now() - interval '8 days' FROM generate_series(1, 700) i`)
	exec(t, pg, `INSERT INTO headrace.cache_versions SELECT 'new ' || i, i, now() - interval '6 days' FROM generate_series(1, 10) i`)
	open(t, url, nil)
	open(t, url, nil)
	eventually(t, pg, count, 100)
	eventually(t, pg, "SELECT count(*) FROM headrace.cache_versions", 11) // with that of New
	if n, err := db.One[int64](t.Context(), pg, db.SQL(count+" WHERE key LIKE 'new%'")); err != nil || n != 100 {
		t.Errorf("%d results are left, want 100 (%v)", n, err)
	}
	if n, err := db.One[int64](t.Context(), pg, db.SQL("SELECT max(n) FROM steps")); err != nil || n > 500 {
		t.Errorf("%d results were removed at once (%v)", n, err)
	}
}

// The results of all processes stay within the bound; those next to expire go
// first.
func TestResultsAreBounded(t *testing.T) {
	t.Parallel()
	url, pg := installed(t)
	exec(t, pg, `INSERT INTO headrace.cache_entries SELECT 'key ' || i, convert_to(repeat('x', 1000), 'UTF8'), now() + i * interval '1 minute' FROM generate_series(1, 3000) i`)
	open(t, url, &tablecache.Options{MaxBytes: 1_000_000})
	eventually(t, pg, "SELECT sum(octet_length(value)) FROM headrace.cache_entries", 1_000_000)
	n, err := db.One[int64](t.Context(), pg, db.SQL(count))
	if err != nil || n != 1000 {
		t.Errorf("%d results are left, want 1000 (%v)", n, err)
	}
	if first, err := db.One[string](t.Context(), pg, db.SQL("SELECT key FROM headrace.cache_entries ORDER BY expires LIMIT 1")); err != nil || first != "key 2001" {
		t.Errorf("the first that is left is %q (%v)", first, err)
	}
}
