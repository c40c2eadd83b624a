package pages_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/querycache"
)

// A page read through a cached handle is cached as a whole, separately from
// other pages, limits, orders and secrets, and invalidated when its table
// changes.
func TestCachedPages(t *testing.T) {
	t.Parallel()
	pg := open(t, cities)
	cache, err := querycache.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cache.Close)
	reads, err := cache.ReadThrough(pg, querycache.Policy{TTL: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := cache.Follow(pg); err != nil {
		t.Fatal(err)
	}
	var q db.Querier
	page := func(p db.Pager, limit int) fetch[city] {
		return func(ctx context.Context, at db.Cursor) (db.Page[city], error) {
			return citiesAbove.Page(ctx, q, p, at, limit, 0)
		}
	}
	pagers := []db.Pager{
		byName,
		{Keys: []db.Order{db.Desc("name"), db.Asc("id")}},
		{Keys: byName.Keys, Sign: [][]byte{oldKey}},
		{Keys: byName.Keys, Sign: [][]byte{newKey, oldKey}},
	}
	for _, p := range pagers {
		for _, limit := range []int{3, 7} {
			q = pg
			want := forward(t, page(p, limit))
			q = reads
			waitForHits(t, cache, (len(want)+limit-1)/limit, func() {
				if got := forward(t, page(p, limit)); !slices.Equal(got, want) {
					t.Errorf("by %d: got %v, want %v", limit, got, want)
				}
			})
		}
	}

	first, err := citiesAbove.Page(t.Context(), reads, byName, "", 3, 0)
	if err != nil {
		t.Fatal(err)
	}
	first.Items[0].Name = "mine" // the caller's own
	again, err := citiesAbove.Page(t.Context(), reads, byName, "", 3, 0)
	if err != nil || again.Items[0].Name == "mine" || again.Next != first.Next {
		t.Errorf("got %+v, %v", again, err)
	}
	if _, err := citiesAbove.Page(t.Context(), reads, byName, first.Next[1:], 3, 0); !errors.Is(err, db.ErrBadCursor) {
		t.Errorf("a bad cursor: %v", err)
	}
	if _, err := pg.Exec(t.Context(), "UPDATE cities SET population = population + 1"); err != nil {
		t.Fatal(err)
	}
	fresh, err := citiesAbove.Page(t.Context(), reads, byName, "", 3, 0)
	if err != nil || fresh.Items[0].Population != 1 {
		t.Errorf("after a write: %+v, %v", fresh, err)
	}

	waitForHits(t, cache, 2, func() { // page and count
		page, err := db.PaginateOffset[city](t.Context(), reads, db.SQL("SELECT * FROM cities"),
			db.OffsetPager{Keys: byName.Keys, Size: 6, Count: db.ExactCount}, 2)
		if err != nil || len(page.Items) != 6 || page.Total != 20 {
			t.Errorf("numbered: %+v, %v", page, err)
		}
	})
}

// waitForHits calls read until n results come from the cache: nothing is cached
// while a new statement is examined.
func waitForHits(t *testing.T, cache *querycache.Cache, n int, read func()) {
	t.Helper()
	var hits uint64
	for range 1000 {
		before := cache.Stats().Answered()
		read()
		if hits = cache.Stats().Answered() - before; hits == uint64(n) {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatalf("%d of %d answers come from the cache", hits, n)
}
