package dbprom_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/db/dbprom"
	"github.com/headrace/headrace/querycache"
)

// A page with the metrics of a handle and a cache. Programs use db.Open, which
// also measures statements; this handle needs no server until its first
// statement.
func ExampleNew() {
	pool, err := pgxpool.New(context.Background(), "postgres://app@localhost/app?pool_max_conns=8")
	if err != nil {
		log.Fatal(err)
	}
	pg, err := db.New(pool, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer pg.Close()
	cache, err := querycache.New(nil)
	if err != nil {
		log.Fatal(err)
	}
	defer cache.Close()

	registry := prometheus.NewRegistry()
	registry.MustRegister(dbprom.New(pg, &dbprom.Options{Caches: map[string]*querycache.Cache{"main": cache}}))
	page := promhttp.HandlerFor(registry, promhttp.HandlerOpts{})

	answer := httptest.NewRecorder()
	page.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	for line := range strings.Lines(answer.Body.String()) {
		if strings.HasPrefix(line, "headrace_pool_max_connections") || strings.Contains(line, `reason="hit"`) {
			fmt.Print(line)
		}
	}
	// Output:
	// headrace_cache_lookups_total{cache="main",reason="hit"} 0
	// headrace_pool_max_connections 8
}
