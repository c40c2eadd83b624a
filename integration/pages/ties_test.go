package pages_test

import (
	"testing"

	"github.com/headrace/headrace/db"
)

// TestMillionTies pages through a million rows with equal leading keys, in
// mixed directions: a walk through the ties would read thousands of blocks per
// page.
func TestMillionTies(t *testing.T) {
	t.Parallel()
	pg := open(t, split(`
		CREATE TABLE jobs (id int PRIMARY KEY, status text NOT NULL, due int);
		INSERT INTO jobs SELECT i, CASE WHEN i % 100000 = 0 THEN 'rare' ELSE 'done' END, CASE WHEN i % 2 = 0 THEN 1 END
		FROM generate_series(1, 1000000) i;
		CREATE INDEX ON jobs (status, id DESC);
		CREATE INDEX ON jobs (due, id DESC);
		VACUUM ANALYZE jobs`)...)
	conn, err := pg.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Release()
	stmt := db.MustCompile[unread]("SELECT * FROM jobs")
	for _, tt := range []struct {
		name string
		keys []db.Order
	}{
		{"of a value", []db.Order{db.Asc("status").NotNull(), db.Desc("id")}},
		{"of a value and of NULL", []db.Order{db.Asc("due"), db.Desc("id")}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := db.Pager{Keys: tt.keys}
			explained := &explainer{conn: conn}
			at, rows := db.Cursor(""), 0
			for at != "" || rows == 0 {
				// Long pages through the ties, a short one behind each of them.
				long, err := stmt.Page(t.Context(), conn, p, at, 200_000)
				if err != nil {
					t.Fatal(err)
				}
				rows += len(long.Items)
				if at = long.Next; at == "" {
					break
				}
				short, err := stmt.Page(t.Context(), explained, p, at, 50)
				if err != nil {
					t.Fatal(err)
				}
				if explained.buffers > 70 {
					t.Errorf("after row %d: %d buffers for 50 rows:\n%s", rows, explained.buffers, explained.plan)
				}
				rows += len(short.Items)
				at = short.Next
			}
			if rows != 1_000_000 {
				t.Errorf("met %d rows", rows)
			}
			t.Logf("last short page: %d buffers", explained.buffers)
		})
	}
}
