package dbprom_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/db/dbprom"
	"github.com/headrace/headrace/integration/pgtest"
	"github.com/headrace/headrace/querycache"
)

var itemName = db.MustCompile[string]("-- name: ItemName :one\nSELECT name FROM items WHERE id = $1")

// Each figure of Stats is exported, under valid names.
func TestFigures(t *testing.T) {
	t.Parallel()
	pg := pgtest.DB(t, nil, itemsTable, "INSERT INTO items VALUES (1, 'a'), (2, 'b')")
	cache, err := querycache.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer cache.Close()
	cached, err := cache.ReadThrough(pg, querycache.Policy{TTL: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	for range 5 {
		if _, err := itemName.One(t.Context(), cached, 1); err != nil {
			t.Fatal(err)
		}
	}
	run(t, pg, "SELECT pg_sleep(0.02)")
	if _, err := pg.Exec(t.Context(), "INSERT INTO items VALUES (1, 'c')"); err == nil {
		t.Fatal("a second row with one key was inserted")
	}
	bounds := []time.Duration{time.Millisecond, 15 * time.Millisecond, time.Minute}
	r := registry(t, dbprom.New(pg, &dbprom.Options{Buckets: bounds, Caches: map[string]*querycache.Cache{"main": cache}}))
	problems, err := testutil.GatherAndLint(r)
	if err != nil || len(problems) > 0 {
		t.Errorf("problems %v, error %v", problems, err)
	}
	got := gather(t, r)
	stats := pg.Stats()
	for _, s := range stats.Statements {
		name := s.Name
		if name == "" {
			name = s.Summary
		}
		labels := fmt.Sprintf(" fingerprint=%016x statement=%s", s.Fingerprint, name)
		want := map[string]float64{
			"headrace_statement_duration_seconds" + labels + " count": float64(s.Calls),
			"headrace_statement_duration_seconds" + labels + " sum":   s.Total.Seconds(),
			"headrace_statement_rows_total" + labels:                  float64(s.Rows),
			"headrace_statement_bytes_total" + labels:                 float64(s.Bytes),
			"headrace_statement_wait_seconds_total" + labels:          s.Wait.Seconds(),
			"headrace_statement_network_seconds_total" + labels:       s.Network.Seconds(),
		}
		for _, b := range bounds {
			want[fmt.Sprintf("headrace_statement_duration_seconds%s %v", labels, b.Seconds())] = float64(s.Times.CountUpTo(b))
		}
		for name, value := range want {
			if g, ok := got[name]; !ok || g != value {
				t.Errorf("%s is %v (%v), want %v", name, g, ok, value)
			}
		}
	}
	for name, value := range map[string]float64{
		"headrace_cache_lookups_total cache=main reason=hit":       4,
		"headrace_cache_lookups_total cache=main reason=miss-cold": 1,
		"headrace_cache_lookups_total cache=main reason=suspended": 0,
		"headrace_cache_evictions_total cache=main":                0,
		"gauge headrace_cache_entries cache=main":                  1,
		"gauge headrace_cache_max_bytes cache=main":                64 << 20,
		"gauge headrace_pool_max_connections":                      float64(stats.Pool.MaxConns()),
		"gauge headrace_pool_connections state=in_use":             0,
		"gauge headrace_pool_waiting_callers":                      0,
		"headrace_pool_wait_seconds count":                         float64(stats.Waits.Count),
		"headrace_pool_acquires_total":                             float64(stats.Pool.AcquireCount()),
		"headrace_pool_opened_connections_total":                   float64(stats.Pool.NewConnsCount()),
	} {
		if g, ok := got[name]; !ok || g != value {
			t.Errorf("%s is %v (%v), want %v", name, g, ok, value)
		}
	}
	failed := false
	for name, value := range got {
		failed = failed || strings.HasPrefix(name, "headrace_statement_errors_total class=23 ") && strings.HasSuffix(name, "statement=INSERT items") && value == 1
	}
	if !failed {
		t.Error("the violated key is not exported")
	}
}

// No counter falls while statements come and go among the few with series of
// their own, in scrapes of two registries.
func TestCountersNeverFall(t *testing.T) {
	t.Parallel()
	pg := pgtest.DB(t, nil, itemsTable)
	c := dbprom.New(pg, &dbprom.Options{MaxStatements: 3})
	first, second := registry(t, c), registry(t, c)
	ctx, stop := context.WithCancel(t.Context())
	var callers sync.WaitGroup
	for worker := range 2 {
		callers.Go(func() {
			random := rand.New(rand.NewPCG(uint64(worker), 1))
			for phase := 0; ctx.Err() == nil; phase++ {
				columns := strings.Repeat(", id", random.IntN(12))
				for range 1 << random.IntN(8) {
					if _, err := pg.Exec(ctx, "SELECT count(*)"+columns+" FROM items GROUP BY id"); err != nil && ctx.Err() == nil {
						t.Error(err)
					}
				}
			}
		})
	}
	series := make(map[string]bool)
	latest := make(map[string]float64)
	for i := 0; i < 200 || len(series) < 6 && i < 20_000; i++ {
		r := first
		if i%2 == 1 {
			r = second
		}
		statements := 0
		for name, value := range gather(t, r) {
			if strings.HasPrefix(name, "gauge ") {
				continue
			}
			if value < latest[name] {
				t.Fatalf("%s fell from %v to %v", name, latest[name], value)
			}
			latest[name] = value
			if strings.HasPrefix(name, "headrace_statement_rows_total") {
				series[name] = true
				statements++
			}
		}
		if statements > 4 {
			t.Fatalf("%d statements in one scrape, want 3 and the rest", statements)
		}
	}
	stop()
	callers.Wait()
	if len(series) < 6 {
		t.Errorf("only %d series in all scrapes: none was exchanged", len(series))
	}
}

// Neither arguments nor constants are exported, also not from the detail of an
// error.
func TestNoArgumentIsExported(t *testing.T) {
	t.Parallel()
	const canary = "canary7391"
	pg := pgtest.DB(t, nil, itemsTable, "CREATE UNIQUE INDEX ON items (name)", "INSERT INTO items VALUES (1, '"+canary+"')")
	cache, err := querycache.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer cache.Close()
	cached, err := cache.ReadThrough(pg, querycache.Policy{TTL: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range []db.Execer{pg, cached} {
		if _, err := q.Exec(t.Context(), "INSERT INTO items VALUES (2, $1)", canary); err == nil || !strings.Contains(fmt.Sprintf("%+v", err), "23505") {
			t.Fatalf("error %v, want a violated unique index", err)
		}
		if _, err := q.Exec(t.Context(), "SELECT '"+canary+"'::int"); err == nil {
			t.Fatal("the text became a number")
		}
	}
	for _, sql := range []string{"SELECT id FROM items WHERE name = '" + canary + "'", "SELECT id /* " + canary + " */ FROM items WHERE name LIKE E'" + canary + "%'"} {
		if _, err := db.All[int](t.Context(), cached, db.SQL(sql)); err != nil {
			t.Fatal(err)
		}
	}
	_, _ = pg.Exec(t.Context(), "SELECT '"+canary) // cannot be read
	r := registry(t, dbprom.New(pg, &dbprom.Options{Caches: map[string]*querycache.Cache{"main": cache}}))
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	seen := false
	for _, f := range families {
		seen = seen || f.GetName() == "headrace_statement_errors_total"
		if strings.Contains(f.String(), canary) {
			t.Errorf("%s has the argument: %s", f.GetName(), f)
		}
	}
	if !seen {
		t.Error("no error was exported")
	}
}
