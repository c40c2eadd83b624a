package batchinsert_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/headrace/headrace/batchinsert"
)

func TestUpdateMany(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, source func([]item) batchinsert.Source[item]) {
		pg := open(t, createItems)
		rows := manyItems(900)
		if _, err := items.Copy(t.Context(), pg, batchinsert.Rows(rows[:600])); err != nil {
			t.Fatal(err)
		}
		for i := range 200 {
			rows[i].Name = "changed"
			rows[i].Price = nil
		}
		rows = append(rows, item{ID: 3, Name: "last"})
		counts, err := items.UpdateMany(t.Context(), pg, source(rows), "id")
		if want := (batchinsert.Counts{Updated: 200, Unchanged: 400, Missing: 300, Duplicates: 1}); err != nil || counts != want {
			t.Errorf("%+v, %v; want %+v", counts, err, want)
		}
		if got := get[string](t, pg, "SELECT concat_ws(' ', count(*), count(price)) FROM items WHERE name = 'changed'"); got != "199 0" {
			t.Error(got)
		}
		if got := get[string](t, pg, "SELECT name FROM items WHERE id = 3"); got != "last" {
			t.Error(got)
		}
		n, err := items.DeleteMany(t.Context(), pg, source(rows[100:700]), "id")
		if err != nil || n != 500 {
			t.Errorf("%d deleted, %v", n, err)
		}
		wantCount(t, pg, "items", 100)
	})
}

// A struct of the key and one column updates that column only.
func TestUpdateOneColumn(t *testing.T) {
	t.Parallel()
	type rename struct {
		ID   int64
		Name string
	}
	pg := open(t, createItems)
	if _, err := items.Copy(t.Context(), pg, batchinsert.Rows(manyItems(3))); err != nil {
		t.Fatal(err)
	}
	counts, err := batchinsert.MustTable[rename]("items").UpdateMany(t.Context(), pg, batchinsert.Rows([]rename{{2, "two"}}), "id")
	if err != nil || counts.Updated != 1 {
		t.Errorf("%+v, %v", counts, err)
	}
	if got := get[string](t, pg, "SELECT string_agg(name || price, ' ' ORDER BY id) FROM items"); got != "item 10 two0.25 item 30.5" {
		t.Error(got)
	}
	type key struct{ ID int64 }
	keys := batchinsert.MustTable[key]("items")
	if n, err := keys.DeleteMany(t.Context(), pg, batchinsert.Rows([]key{{1}, {1}, {9}}), "id"); n != 1 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	_, err = keys.UpdateMany(t.Context(), pg, batchinsert.Rows([]key{{1}}), "id")
	wantError(t, err, "nothing to update")
	_, err = keys.DeleteMany(t.Context(), pg, batchinsert.Rows([]key{{1}}))
	wantError(t, err, "no key columns")
	_, err = keys.DeleteMany(t.Context(), pg, batchinsert.Rows([]key{{1}}), "name")
	wantError(t, err, `key "name" has no field`)
}

// Updates, deletes and upserts of the same rows in any order never deadlock.
func TestChangesDoNotDeadlock(t *testing.T) {
	t.Parallel()
	pg := open(t, createItems)
	rounds := 60
	if testing.Short() {
		rounds = 10
	}
	ctx := context.WithoutCancel(t.Context())
	var wg sync.WaitGroup
	for writer := range 4 {
		wg.Go(func() {
			rnd := rand.New(rand.NewPCG(2, uint64(writer)))
			rows := manyItems(300)
			for round := range rounds {
				rnd.Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
				for i := range rows {
					rows[i].Name = fmt.Sprint(writer, " ", round)
				}
				source, some := batchinsert.Rows(rows), batchinsert.Rows(rows[:50])
				if rnd.IntN(2) == 0 { // through the temporary table
					source, some = batchinsert.Seq(slices.Values(rows)), batchinsert.Seq(slices.Values(rows[:50]))
				}
				var err error
				switch round % 3 {
				case 0:
					_, err = items.Upsert(ctx, pg, source, byID)
				case 1:
					_, err = items.UpdateMany(ctx, pg, source, "id")
				case 2:
					_, err = items.DeleteMany(ctx, pg, some, "id")
				}
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	wantNoDeadlocks(t, pg)
}
