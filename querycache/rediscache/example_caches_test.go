package rediscache_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/redis/rueidis"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/querycache"
	"github.com/headrace/headrace/querycache/rediscache"
)

// Each process of a fleet reads from memory, then from Redis, then from the
// server. Its commits through pg are seen by the caches of all of them.
func Example() {
	ctx := context.Background()
	pg, err := db.Open(ctx, os.Getenv("DATABASE_URL"), nil)
	if err != nil {
		log.Fatal(err)
	}
	defer pg.Close()
	tier, err := rediscache.New(ctx, rediscache.Options{
		Client: rueidis.ClientOption{InitAddress: []string{"redis:6379"}},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer tier.Close() // after the cache
	cache, err := querycache.New(&querycache.Options{Tiers: []querycache.Tier{tier}})
	if err != nil {
		log.Fatal(err)
	}
	defer cache.Close()
	stop, err := cache.Follow(pg)
	if err != nil {
		log.Fatal(err)
	}
	defer stop()
	reads, err := cache.ReadThrough(pg, querycache.Policy{TTL: time.Minute})
	if err != nil {
		log.Fatal(err)
	}

	total := db.MustCompile[int64]("SELECT sum(population) FROM cities WHERE country = $1")
	fmt.Println(total.One(ctx, reads, "BE"))
	for _, t := range cache.Stats().Tiers {
		fmt.Println(t.Name, t.Hits, "hits,", t.Misses, "misses,", t.Passed, "passed over")
	}
}
