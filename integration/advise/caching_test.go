package advise_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/db/advise"
	"github.com/headrace/headrace/integration/pgtest"
	"github.com/headrace/headrace/querycache"
)

// TestCaching predicts the hit ratio of a trace of reads and writes, and then
// replays the trace through a cache.
func TestCaching(t *testing.T) {
	t.Parallel()
	const keys = 20
	type read struct {
		ID   int
		Name string
	}
	byID := db.MustCompile[read]("-- name: PlaceByID :one\nSELECT id, name FROM places WHERE id = $1")
	rename := db.MustCompileWrite("UPDATE places SET name = $2 WHERE id = $1")
	setup := []string{
		fmt.Sprintf("CREATE TABLE places (id int PRIMARY KEY, name text); INSERT INTO places SELECT n, 'p' || n FROM generate_series(1, %d) n", keys),
		"CREATE TABLE others (id int)", "ANALYZE",
	}
	for _, share := range []float64{0, 0.002, 0.01, 0.03} { // of writes
		t.Run(fmt.Sprint(share), func(t *testing.T) {
			t.Parallel()
			trace := func(pg *db.DB, q db.Querier) {
				random := rand.New(rand.NewPCG(1, 2))
				for n := range 2000 {
					if random.Float64() < share {
						if _, err := rename.Exec(t.Context(), pg, random.IntN(keys)+1, fmt.Sprint("renamed ", n)); err != nil {
							t.Fatal(err)
						}
						continue
					}
					if _, err := byID.One(t.Context(), q, random.IntN(keys)+1); err != nil {
						t.Fatal(err)
					}
				}
			}
			observed := open(t, setup...)
			trace(observed, observed)
			for range 300 {
				pgtest.Exec(t, observed, "INSERT INTO others VALUES (1)")
			}
			a := one(t, ask(t, observed, nil, byID.SQL(), 1), advise.Caching)
			if a.Saved <= 0 {
				t.Errorf("saved %v", a.Saved)
			}

			pg := open(t, setup...)
			cache, err := querycache.New(nil)
			if err != nil {
				t.Fatal(err)
			}
			defer cache.Close()
			reads, err := cache.ReadThrough(pg, querycache.Policy{TTL: time.Hour})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := cache.Follow(pg); err != nil {
				t.Fatal(err)
			}
			if _, err := rename.Exec(t.Context(), pg, 1, "first"); err != nil {
				t.Fatal(err)
			}
			for cache.Stats().Lookups[querycache.Hit] == 0 { // until the server has examined the write
				if _, err := byID.One(t.Context(), reads, 1); err != nil {
					t.Fatal(err)
				}
			}
			reads.Invalidate(t.Context(), byID.SQL(), 1)
			before := cache.Stats()
			trace(pg, reads)
			stats := cache.Stats()
			actual := float64(stats.Lookups[querycache.Hit]-before.Lookups[querycache.Hit]) / float64(stats.Total()-before.Total())
			t.Logf("predicted %.3f, actual %.3f", a.HitRatio, actual)
			if math.Abs(a.HitRatio-actual) > 0.05 {
				t.Errorf("predicted %.3f, actual %.3f: %v", a.HitRatio, actual, stats.Lookups)
			}
		})
	}
}

// TestNothingToCache asks about statements that a cache would not help.
func TestNothingToCache(t *testing.T) {
	t.Parallel()
	pg := open(t, "CREATE TABLE counters (id int PRIMARY KEY, n int); INSERT INTO counters SELECT n, 0 FROM generate_series(1, 1000) n", "ANALYZE")
	for range 200 {
		pgtest.Exec(t, pg, "SELECT sum(n) FROM counters")
		pgtest.Exec(t, pg, "UPDATE counters SET n = n + 1 WHERE id = 1")
		pgtest.Exec(t, pg, "SELECT n FROM counters WHERE id = $1", 7)
	}
	none(t, ask(t, pg, nil, "SELECT sum(n) FROM counters"), advise.Caching)
	none(t, ask(t, pg, nil, "SELECT n FROM counters WHERE id = $1", 7), advise.Caching)
	none(t, ask(t, pg, nil, "UPDATE counters SET n = n + 1 WHERE id = 1"), advise.Caching)
}
