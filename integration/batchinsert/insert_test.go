package batchinsert_test

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/headrace/headrace/batchinsert"
)

// The cached schema is read again after the table has changed.
func TestInsertNoticesAChangedTable(t *testing.T) {
	t.Parallel()
	pg := open(t, createItems)
	id := int64(0)
	insert := func(name string) error {
		id++
		_, err := items.Insert(t.Context(), pg, batchinsert.Rows([]item{{ID: id, Name: name}}))
		return err
	}
	if err := insert("a"); err != nil {
		t.Fatal(err)
	}
	for _, change := range []string{
		"ALTER TABLE items ALTER name TYPE text",
		"CREATE DOMAIN label AS text CHECK (VALUE <> ''); ALTER TABLE items ALTER name TYPE label",
		"ALTER TABLE items ALTER name TYPE text[] USING ARRAY[name]; ALTER TABLE items ALTER name TYPE text USING name[1]",
		"CREATE TYPE letters AS ENUM ('a', 'b'); ALTER TABLE items ALTER name TYPE letters USING name::text::letters",
		"ALTER TYPE letters ADD VALUE 'c'",
		"ALTER TABLE items DROP COLUMN added",
		"DROP TABLE items; " + createItems,
	} {
		exec(t, pg, change)
		name := "a"
		if strings.Contains(change, "ADD VALUE") {
			name = "c"
		}
		if err := insert(name); err != nil {
			t.Errorf("after %s: %v", change, err)
		}
	}
	exec(t, pg, "ALTER TABLE items DROP COLUMN name")
	wantError(t, insert("a"), "field Name", `no column "Name"`, "price, id, added")
}

// Insert uses COPY for thousands of rows, unless COPY would bypass rules or
// policies of the table.
func TestInsertOfManyRows(t *testing.T) {
	t.Parallel()
	const n = 6000
	rows := manyItems(n)
	rows[n-2], rows[n-1] = rows[n-1], rows[n-2]
	pg := open(t, createItems, "CREATE VIEW items_view AS SELECT id, name, price FROM items")
	insert := func(w batchinsert.Writer, table string, want int64) {
		t.Helper()
		written, err := batchinsert.MustTable[item](table).Insert(t.Context(), w, batchinsert.Rows(rows))
		if err != nil || written != want {
			t.Errorf("%d rows, %v; want %d", written, err, want)
		}
		wantCount(t, pg, "items", want)
	}
	insert(pg, "items", n)
	if got := get[string](t, pg, "SELECT string_agg(id::text, ' ') FROM (SELECT id FROM items ORDER BY ctid OFFSET 5997) AS last"); got != "5998 6000 5999" {
		t.Error(got)
	}
	_, err := items.Insert(t.Context(), pg, batchinsert.Rows(append(manyItems(n)[n-10:], make([]item, n)...)))
	wantError(t, err, "row 1:", "duplicate key")

	exec(t, pg, "TRUNCATE items")
	insert(pg, "items_view", n)

	exec(t, pg, "TRUNCATE items")
	exec(t, pg, "ALTER TABLE items ENABLE ROW LEVEL SECURITY")
	exec(t, pg, "GRANT INSERT, SELECT ON items TO pg_monitor") // a role that is there
	exec(t, pg, "CREATE POLICY all_rows ON items TO pg_monitor USING (true)")
	conn, err := pg.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Release()
	exec(t, conn, "SET ROLE pg_monitor")
	insert(conn, "items", n)
	exec(t, conn, "RESET ROLE")

	exec(t, pg, "TRUNCATE items")
	exec(t, pg, "CREATE RULE none_is_7 AS ON INSERT TO items WHERE new.id = 7 DO INSTEAD NOTHING")
	insert(pg, "items", n-1)
}

// Of two calls that write the same keys in opposite orders, the server aborts
// one for the deadlock. It is retried, and conflicts with the other's rows.
func TestInsertIsRetriedAfterADeadlock(t *testing.T) {
	t.Parallel()
	for name, write := range map[string]func(context.Context, batchinsert.Writer, batchinsert.Source[item]) (int64, error){
		"insert": items.Insert, "chunks": items.With(batchinsert.Options{ChunkRows: 1}).Insert, "copy": items.Copy,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pg := open(t, createItems, `CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.2); RETURN NEW; END $$`,
				"CREATE TRIGGER wait BEFORE INSERT ON items FOR EACH ROW EXECUTE FUNCTION wait()")
			ctx := context.WithoutCancel(t.Context())
			rows := []item{{ID: 1, Name: "a"}, {ID: 2, Name: "b"}}
			errs := make(chan error, 2)
			for range 2 {
				slices.Reverse(rows)
				mine := slices.Clone(rows)
				go func() { _, err := write(ctx, pg, batchinsert.Rows(mine)); errs <- err }()
			}
			first, second := <-errs, <-errs
			if first != nil && second != nil || first == nil && second == nil {
				t.Fatalf("%v; %v", first, second)
			}
			wantError(t, cmp.Or(first, second), "duplicate key")
			wantCount(t, pg, "items", 2)
		})
	}
}
