package batchinsert_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/headrace/headrace/batchinsert"
	"github.com/headrace/headrace/db"
)

// Each way of writing notifies of changes to the tables that it writes, and to
// no others.
func TestChangesAreAnnounced(t *testing.T) {
	t.Parallel()
	pg := openInstalled(t, createItems)
	told := make(chan db.Change, 100)
	stop, err := pg.OnChange(func(_ context.Context, changes []db.Change) {
		for _, c := range changes {
			told <- c
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	ctx, many := t.Context(), batchinsert.Seq(slices.Values(manyItems(10)))
	one := func(id int64) batchinsert.Source[item] { return batchinsert.Rows([]item{{ID: id, Name: "x"}}) }
	load := func(opts *batchinsert.LoadOptions) error {
		exec(t, pg.Pool(), "TRUNCATE items")
		_, err := batchinsert.Load(ctx, pg, "items", batchinsert.CSV(strings.NewReader(itemsFile(20))), opts)
		return err
	}
	for name, write := range map[string]func() error{
		"Copy":              func() error { _, err := items.Copy(ctx, pg, one(1001)); return err },
		"Insert":            func() error { _, err := items.Insert(ctx, pg, one(1002)); return err },
		"Insert in chunks":  func() error { _, err := items.Insert(ctx, pg, batchinsert.Seq2(itemSeq(1, nil))); return err },
		"Upsert":            func() error { _, err := items.Upsert(ctx, pg, one(1003), byID); return err },
		"Upsert staged":     func() error { _, err := items.Upsert(ctx, pg, many, byID); return err },
		"UpdateMany":        func() error { _, err := items.UpdateMany(ctx, pg, one(1), "id"); return err },
		"UpdateMany staged": func() error { _, err := items.UpdateMany(ctx, pg, many, "id"); return err },
		"DeleteMany":        func() error { _, err := items.DeleteMany(ctx, pg, one(1), "id"); return err },
		"InsertReturning": func() error {
			_, err := batchinsert.InsertReturning[int64](ctx, pg, items, one(1004), "id")
			return err
		},
		"BufferedWriter": func() error {
			w := items.NewWriter(pg, nil)
			defer closeWriter(t, w)
			return w.Write(ctx, item{ID: 1005, Name: "x"})
		},
		"Load":                 func() error { return load(nil) },
		"Load with a ledger":   func() error { return load(&batchinsert.LoadOptions{ID: "x", Jobs: 2, ChunkBytes: 50}) },
		"Load with quarantine": func() error { return load(&batchinsert.LoadOptions{OnBad: batchinsert.Quarantine}) },
		"Load on conflict":     func() error { return load(&batchinsert.LoadOptions{OnConflict: &byID}) },
		"Load truncate":        func() error { return load(&batchinsert.LoadOptions{Truncate: true}) },
	} {
		exec(t, pg.Pool(), "TRUNCATE items; INSERT INTO items (id, name) VALUES (1, 'old')")
		if name == "Insert in chunks" {
			exec(t, pg.Pool(), "TRUNCATE items")
		}
		allTold(told)
		if err := write(); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		found := false
		for _, c := range allTold(told) {
			found = found || c.Table.Name == "items"
			if c.All || c.Table.Name != "items" && c.Table.Schema != "headrace" {
				t.Errorf("%s was announced as a change of %v", name, c)
			}
		}
		if !found {
			t.Errorf("%s was not announced before the call returned", name)
		}
	}
}

// Moving a sequence notifies of no further change, in either kind of
// transaction.
func TestMovedSequencesAreNotAnnounced(t *testing.T) {
	t.Parallel()
	pg := openInstalled(t, "CREATE TABLE words (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, text text)")
	told := make(chan db.Change, 100)
	stop, err := pg.OnChange(func(_ context.Context, changes []db.Change) {
		for _, c := range changes {
			told <- c
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	for name, write := range waysToNumber {
		for _, begin := range []func(func(batchinsert.Writer) error) error{
			func(fn func(batchinsert.Writer) error) error { return fn(pg) },
			func(fn func(batchinsert.Writer) error) error {
				return pgx.BeginFunc(t.Context(), pg, func(tx pgx.Tx) error { return fn(tx) })
			},
		} {
			exec(t, pg.Pool(), "TRUNCATE words RESTART IDENTITY")
			allTold(told)
			if err := begin(func(w batchinsert.Writer) error { return write(t.Context(), w, numbered(1, 2)) }); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			for _, c := range allTold(told) {
				if c.All || c.Table.Name != "words" {
					t.Errorf("%s was announced as a change of %v", name, c)
				}
			}
		}
	}
}

// allTold returns what was told once nothing is in doubt, without the doubts of
// commits that only waited for the server to tell what they had changed.
func allTold(told <-chan db.Change) (changes []db.Change) {
	for doubts := 0; len(told) > 0 || doubts > 0; {
		switch c := <-told; {
		case c.All && c.State == db.InDoubt:
			doubts++
		case c.All && c.State == db.Unchanged:
			doubts--
		case c.All && c.State == db.Resolved:
			doubts--
			changes = append(changes, c)
		default:
			changes = append(changes, c)
		}
	}
	return changes
}
