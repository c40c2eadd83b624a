package pages_test

import (
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/headrace/headrace/db"
)

// TestGenericPlansAreUsed reads one page repeatedly: from the sixth time on the server
// uses its generic plan, if that looks no more expensive than a custom one.
// Planning a page takes longer than reading it.
func TestGenericPlansAreUsed(t *testing.T) {
	t.Parallel()
	pg := open(t, split(`
		CREATE TABLE goods (id int PRIMARY KEY, price float8 NOT NULL, sold timestamptz, grade int NOT NULL, note text NOT NULL);
		INSERT INTO goods SELECT i, (i * 7919 % 100003) / 100.0,
			CASE WHEN i % 10 <> 0 THEN timestamptz '2026-01-01 00:00+00' + (i * 7919 % 100003) * interval '1 s' END, i * 17 % 1009, repeat('x', 80)
		FROM generate_series(1, 100000) i;
		CREATE INDEX ON goods (price DESC, id);
		CREATE INDEX ON goods (sold, id);
		CREATE INDEX ON goods (sold, id DESC);
		CREATE INDEX ON goods (grade, price DESC, id);
		VACUUM ANALYZE goods`)...)
	stmt := db.MustCompile[unread]("SELECT * FROM goods")
	for name, keys := range map[string][]db.Order{
		"unique":             {db.Asc("id")},
		"nullable":           {db.Asc("sold"), db.Asc("id")},
		"mixed":              {db.Desc("price").NotNull(), db.Asc("id")},
		"mixed and nullable": {db.Asc("sold"), db.Desc("id")},
		"mixed twice":        {db.Asc("grade").NotNull(), db.Desc("price").NotNull(), db.Asc("id")},
	} {
		t.Run(name, func(t *testing.T) {
			conn, err := pg.Acquire(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Release()
			p := db.Pager{Keys: keys}
			first, err := stmt.Page(t.Context(), conn, p, "", 40_000)
			for range 20 {
				if err == nil {
					_, err = stmt.Page(t.Context(), conn, p, first.Next, 50)
				}
			}
			if err != nil {
				t.Fatal(err)
			}
			type used struct {
				Statement            string
				CustomPlans, ForMany int
			}
			plans, err := db.All[used](t.Context(), conn, db.SQL(
				"SELECT statement, custom_plans, generic_plans AS for_many FROM pg_prepared_statements WHERE statement LIKE '%WHERE%LIMIT 51%/* types%'",
				pgx.QueryExecModeExec)) // which is none of them
			if err != nil || len(plans) == 0 {
				t.Fatalf("%d statements, error %v", len(plans), err)
			}
			for _, one := range plans {
				if one.ForMany < 10 {
					t.Errorf("planned %d times of %d:\n%s", one.CustomPlans, one.CustomPlans+one.ForMany, one.Statement)
				}
			}
			_ = conn.Conn().Close(t.Context()) // the next one has its own
		})
	}
}
