package batchinsert_test

import (
	"testing"

	"github.com/headrace/headrace/batchinsert"
	"github.com/headrace/headrace/db"
)

// suppress makes a trigger that suppresses rows of the table whose name says so.
func suppress(t *testing.T, pg *db.DB, table string) {
	t.Helper()
	exec(t, pg, `CREATE FUNCTION suppress() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.name = 'no ' || lower(TG_OP) THEN RETURN NULL; END IF;
    RETURN NEW;
END $$; CREATE TRIGGER suppress BEFORE INSERT OR UPDATE ON `+table+` FOR EACH ROW EXECUTE FUNCTION suppress()`)
}

func TestSuppressedRowsAreCounted(t *testing.T) {
	t.Parallel()
	const columns = "(id bigint PRIMARY KEY, name text, price numeric)"
	for name, c := range map[string]struct{ create, triggersOf string }{
		"table":       {createItems, "items"},
		"partitioned": {"CREATE TABLE items " + columns + " PARTITION BY HASH (id); CREATE TABLE p0 PARTITION OF items FOR VALUES WITH (MODULUS 2, REMAINDER 0); CREATE TABLE p1 PARTITION OF items FOR VALUES WITH (MODULUS 2, REMAINDER 1)", "items"},
		"partition":   {"CREATE TABLE items " + columns + " PARTITION BY HASH (id); CREATE TABLE p0 PARTITION OF items FOR VALUES WITH (MODULUS 1, REMAINDER 0)", "p0"},
		"view":        {"CREATE TABLE under " + columns + "; CREATE VIEW items AS SELECT * FROM under", "under"},
	} {
		t.Run(name, func(t *testing.T) {
			both(t, func(t *testing.T, source func([]item) batchinsert.Source[item]) {
				pg := open(t, c.create)
				suppress(t, pg, c.triggersOf)
				check := func(way string, got batchinsert.Counts, want batchinsert.Counts, err error) {
					t.Helper()
					if err != nil || got != want {
						t.Errorf("%s: %+v, %v; want %+v", way, got, err, want)
					}
				}
				counts, err := items.Upsert(t.Context(), pg, source([]item{{ID: 1, Name: "a"}, {ID: 2, Name: "no insert"}, {ID: 3, Name: "c"}, {ID: 4, Name: "d"}}), byID)
				check("insert", counts, batchinsert.Counts{Inserted: 3, Suppressed: 1}, err)
				// A row that is inserted comes after one whose update was
				// suppressed.
				rows := []item{{ID: 1, Name: "no update"}, {ID: 2, Name: "b"}, {ID: 3, Name: "c"}, {ID: 4, Name: "e"}, {ID: 5, Name: "no insert"}, {ID: 6, Name: "f"}, {ID: 6, Name: "g"}}
				counts, err = items.Upsert(t.Context(), pg, source(rows), byID)
				check("upsert", counts, batchinsert.Counts{Inserted: 2, Updated: 1, Unchanged: 1, Suppressed: 2, Duplicates: 1}, err)
				counts, err = items.Upsert(t.Context(), pg, source(rows), byID)
				check("again", counts, batchinsert.Counts{Unchanged: 4, Suppressed: 2, Duplicates: 1}, err)
				counts, err = items.UpdateMany(t.Context(), pg, source([]item{{ID: 1, Name: "no update"}, {ID: 2, Name: "b"}, {ID: 3, Name: "x"}, {ID: 9, Name: "y"}}), "id")
				check("update", counts, batchinsert.Counts{Updated: 1, Unchanged: 1, Suppressed: 1, Missing: 1}, err)
				on := byID
				on.DoNothing = true
				counts, err = items.Upsert(t.Context(), pg, source([]item{{ID: 1, Name: "z"}, {ID: 5, Name: "no insert"}, {ID: 7, Name: "h"}}), on)
				check("nothing", counts, batchinsert.Counts{Inserted: 1, Unchanged: 2}, err)
				if got := get[string](t, pg, "SELECT string_agg(id || name, ' ' ORDER BY id) FROM items"); got != "1a 2b 3x 4e 6g 7h" {
					t.Error(got)
				}
			})
		})
	}
}

// A writer does not report a row that a trigger suppresses, as documented.
func TestBufferedWriterAndSuppressedRows(t *testing.T) {
	t.Parallel()
	pg := open(t, createItems)
	suppress(t, pg, "items")
	for _, on := range []*batchinsert.OnConflict{nil, &byID} {
		w := items.NewWriter(pg, &batchinsert.WriterOptions[item]{OnConflict: on})
		if err := w.Write(t.Context(), item{ID: 1, Name: "no insert"}); err != nil {
			t.Error(err)
		}
		closeWriter(t, w)
	}
	wantCount(t, pg, "items", 0)
}
