package pages_test

import (
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/headrace/headrace/db"
)

// Pages of columns that follow the order of insertion are in few blocks, which
// reveals each further index descent. Pages of other columns have a block per
// row, which reveals each further row.
const deepTable = `
	CREATE TYPE step AS ENUM ('new', 'paid', 'sent', 'done', 'lost');
	CREATE TABLE deep (
		id bigint PRIMARY KEY,
		written timestamptz NOT NULL,  -- follows id, pairs of equal ones
		code int NOT NULL,             -- unique
		scattered int,                 -- every tenth is NULL, few equal ones
		paid timestamptz,              -- follows id, every tenth is NULL
		score int NOT NULL,            -- few equal ones
		status step NOT NULL           -- five
	);
	INSERT INTO deep
	SELECT i, timestamptz '2026-01-01 00:00+00' + i / 2 * interval '1 s',
		(i::bigint * 7919 % 1000003)::int,
		CASE WHEN i % 10 <> 0 THEN (i::bigint * 7919 % 400009)::int END,
		CASE WHEN i % 10 <> 0 THEN timestamptz '2026-01-01 00:00+00' + i * interval '1 s' END,
		(i::bigint * 6007 % 300007)::int,
		(enum_range(NULL::step))[1 + i % 5]
	FROM generate_series(1, 1000000) i;
	CREATE INDEX ON deep (written, id);
	CREATE INDEX ON deep (written DESC, id);
	CREATE INDEX ON deep (scattered, code);
	CREATE INDEX ON deep (paid DESC NULLS LAST, id DESC);
	CREATE INDEX ON deep (paid, id DESC);
	CREATE INDEX ON deep (score DESC, id);
	CREATE INDEX ON deep (status, score DESC, id);
	CREATE INDEX ON deep (status, scattered, code);
	VACUUM ANALYZE deep`

// unread is a row with any columns that it does not read.
type unread struct{}

func (*unread) ScanRow(pgx.Rows) error { return nil }

// TestBuffersAreFlat compares the buffers of page 10,000 with those of page 1.
func TestBuffersAreFlat(t *testing.T) {
	t.Parallel()
	pg := open(t, split(deepTable)...)
	conn, err := pg.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Release()
	const limit, pages = 50, 10_000
	for _, tt := range []struct {
		name string
		sql  string
		keys []db.Order
	}{
		{"unique", "SELECT * FROM deep", []db.Order{db.Asc("id")}},
		{"one direction", "SELECT * FROM deep", []db.Order{db.Asc("written").NotNull(), db.Asc("id")}},
		{"one direction, nothing promised", "SELECT * FROM deep", []db.Order{db.Asc("written"), db.Asc("id")}},
		{"backward through the index", "SELECT * FROM deep", []db.Order{db.Desc("written"), db.Desc("id")}},
		{"nullable, scattered", "SELECT * FROM deep", []db.Order{db.Asc("scattered"), db.Asc("code")}},
		{"nullable, NULLs first", "SELECT * FROM deep", []db.Order{db.Desc("scattered"), db.Desc("code")}},
		{"nullable, in order", "SELECT * FROM deep", []db.Order{db.Desc("paid").NullsLast(), db.Desc("id")}},
		{"mixed, scattered", "SELECT * FROM deep", []db.Order{db.Desc("score"), db.Asc("id")}},
		{"mixed, in order", "SELECT * FROM deep", []db.Order{db.Desc("written"), db.Asc("id")}},
		{"mixed and nullable", "SELECT * FROM deep", []db.Order{db.Asc("paid"), db.Desc("id")}},
		{"many ties, mixed", "SELECT * FROM deep",
			[]db.Order{db.Asc("status"), db.Desc("score").NotNull(), db.Asc("id")}},
		{"many ties, nullable within", "SELECT * FROM deep",
			[]db.Order{db.Asc("status"), db.Asc("scattered"), db.Asc("code")}},
		{"WITH", "WITH d AS (SELECT * FROM deep) SELECT * FROM d", []db.Order{db.Asc("scattered"), db.Asc("code")}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			stmt := db.MustCompile[unread](tt.sql)
			p := db.Pager{Keys: tt.keys}
			// buffers is how many a page touches, on average over some pages
			// in a row: a page may lie on one block or on two.
			buffers := func(at db.Cursor, pages int) float64 {
				explained, sum := &explainer{conn: conn}, 0
				for range pages {
					page, err := stmt.Page(t.Context(), explained, p, at, limit)
					if err != nil {
						t.Fatal(err)
					}
					if explained.sorts() {
						t.Fatalf("no index served the page:\n%s", explained.plan)
					}
					sum, at = sum+explained.buffers, page.Next
				}
				return float64(sum) / float64(pages)
			}
			first := buffers("", 10)
			// One long page leads to the depth: cursors don't know limits.
			long, err := stmt.Page(t.Context(), conn, p, "", limit*(pages-1))
			if err != nil {
				t.Fatal(err)
			}
			deep := buffers(long.Next, 10)
			t.Logf("page 1: %.0f buffers, pages 1 to 10: %.1f, from page %d on: %.1f", buffers("", 1), first, pages, deep)
			if deep > 1.1*first {
				t.Errorf("from page %d on a page touches %.1f buffers, more than 1.1 times the %.1f at the beginning", pages, deep, first)
			}
		})
	}
}
