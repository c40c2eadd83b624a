package dbprom

import (
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/querycache"
)

// handle returns a handle that has not connected yet.
func handle(t *testing.T) *db.DB {
	t.Helper()
	pool, err := pgxpool.New(t.Context(), "postgres://nobody@localhost/nowhere?pool_max_conns=7")
	if err != nil {
		t.Fatal(err)
	}
	pg, err := db.New(pool, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pg.Close)
	return pg
}

func TestNamesAreConventional(t *testing.T) {
	t.Parallel()
	cache, err := querycache.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer cache.Close()
	c := New(handle(t), &Options{Caches: map[string]*querycache.Cache{"main": cache}})
	registry := prometheus.NewPedanticRegistry()
	if err := registry.Register(c); err != nil {
		t.Fatal(err)
	}
	problems, err := testutil.GatherAndLint(registry)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
	if err := registry.Register(New(handle(t), nil)); err == nil {
		t.Error("a second collector without a label was registered")
	}
	second := prometheus.WrapRegistererWith(prometheus.Labels{"db": "second"}, prometheus.NewPedanticRegistry())
	if err := second.Register(New(handle(t), nil)); err != nil {
		t.Error(err)
	}
}

func TestBucketsAreSorted(t *testing.T) {
	t.Parallel()
	given := []time.Duration{time.Second, time.Millisecond, time.Second}
	c := New(handle(t), &Options{Buckets: given})
	if len(c.bounds) != 2 || c.bounds[0] != time.Millisecond || given[0] != time.Second {
		t.Errorf("bounds %v of %v", c.bounds, given)
	}
	if _, err := testutil.CollectAndLint(c); err != nil {
		t.Error(err)
	}
}
