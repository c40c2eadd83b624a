package querycache

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/internal/cacheapi"
)

// An adopted pool reports no changes, so an entry without a bound would never
// become invalid.
func TestUnboundedTTLRequiresObservedHandle(t *testing.T) {
	o := newOffline(t, nil, Policy{TTL: time.Hour})
	for _, choose := range []Chooser{forever, ByName{"": {TTL: time.Hour}, "CityByID": forever}} {
		if _, err := o.cache.ReadThrough(o.reads.pg, choose); !errors.Is(err, db.ErrUnobserved) {
			t.Errorf("%v: %v", choose, err)
		}
	}
	h, err := o.cache.ReadThrough(o.reads.pg, asChooser{forever})
	if err != nil {
		t.Fatal(err)
	}
	e := h.Explain(context.Background(), citySQL)
	if e.Cacheable || e.Reason != RefusedPolicy || !strings.Contains(e.Detail, "TTL is -1") {
		t.Errorf("explained as %+v", e)
	}
}

func TestFollowRejectsNilAndClosed(t *testing.T) {
	c := newCache(t, nil)
	if _, err := c.Follow(nil); err == nil {
		t.Error("no error")
	}
	o := newOffline(t, nil, forever)
	for range 2 { // an error leaves no lock held
		if _, err := o.cache.Follow(o.reads.pg); !errors.Is(err, db.ErrUnobserved) {
			t.Errorf("an adopted pool: %v", err)
		}
	}
}

// The records of statements count towards the budget, with their texts.
func TestTextsAreCharged(t *testing.T) {
	o := newOffline(t, &Options{MaxBytes: 1 << 20}, forever)
	ask := func(sql string) {
		read := cacheapi.NewRead(o.reads.source.handle.Tracker.Text(sql), formWire, []any{1})
		defer read.Release()
		if _, _, err := o.reads.Load(t.Context(), read, func(context.Context, cacheapi.Querier) (any, int64, error) { return 1, 8, nil }); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 100 {
		ask(fmt.Sprintf("SELECT name FROM cities WHERE id = $1 AND name <> '%d%s'", i, strings.Repeat("x", 20<<10)))
	}
	if n := len(o.cache.records.all()); n < 2 || n > 4 {
		t.Errorf("%d texts of 20 KB are remembered by a cache of 1 MB", n)
	}
	if r := o.cache.store.Usage().Reserved; r < 80<<10 || r > 128<<10 {
		t.Errorf("%d bytes are set aside for them", r)
	}
	before := o.cache.Stats()
	long := "SELECT name FROM cities WHERE id = $1 AND name <> '" + strings.Repeat("x", 70<<10) + "'"
	ask(long)
	ask(long + " -- again")
	if l := o.cache.Stats().Lookups; l[RefusedText] != 2 || o.cache.Stats().Total() != before.Total()+2 {
		t.Errorf("lookups %v", l)
	}
	if e := o.reads.Explain(t.Context(), long); e.Cacheable || !strings.Contains(e.Detail, "64 KB") {
		t.Errorf("explained as %v %q", e.Reason, e.Detail)
	}
	if err := o.cache.store.Check(); err != nil {
		t.Error(err)
	}
}

// A read of an evicted entry counts as MissEvicted, not as MissCold.
func TestEvictedEntriesAreCounted(t *testing.T) {
	c := newCache(t, &Options{MaxBytes: leastMaxBytes})
	a := newAside(t, c, AsideOptions[int, int]{Policy: forever, Load: func(_ context.Context, id int) (int, error) { return id, nil }})
	n := leastMaxBytes / 40 // more than there is room for
	for id := range 2 * n {
		a.Get(t.Context(), id)
	}
	for id := 2*n - 1; id >= n; id-- { // those that left last are remembered
		a.Get(t.Context(), id)
	}
	if s := c.Stats(); s.Lookups[MissEvicted] == 0 || s.Evicted == 0 || s.Total() != uint64(3*n) {
		t.Errorf("%d evicted, lookups %v", s.Evicted, s.Lookups)
	}
}

// A type of the program's that embeds a ReadThrough serves the typed reads of
// package db from the same entries.
func TestEmbeddedHandleServesTypedReads(t *testing.T) {
	type repository struct{ *ReadThrough }
	o := newOffline(t, nil, forever)
	o.want(context.Background(), "v", says("v"))
	var q db.Querier = repository{o.reads}
	cached, ok := q.(cacheapi.TypedReader)
	if !ok {
		t.Fatal("package db reads it by Query")
	}
	read := cacheapi.NewRead(o.reads.source.handle.Tracker.Text(citySQL), formWire, []any{1})
	defer read.Release()
	if v, _, ok := cached.Cached(context.Background(), read); !ok || v != "v" {
		t.Errorf("%v, %v", v, ok)
	}
}
