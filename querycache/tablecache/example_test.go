package tablecache_test

import (
	"context"
	"log"
	"os"
	"time"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/migrations"
	"github.com/headrace/headrace/querycache"
	"github.com/headrace/headrace/querycache/tablecache"
)

// Several processes share the results of one database in a table of another.
func ExampleNew() {
	ctx := context.Background()
	pg, err := db.Open(ctx, os.Getenv("DATABASE_URL"), nil)
	if err != nil {
		log.Fatal(err)
	}
	defer pg.Close()
	shared, err := db.Open(ctx, os.Getenv("CACHE_URL"), nil)
	if err != nil {
		log.Fatal(err)
	}
	defer shared.Close()
	if err := migrations.Install(ctx, shared.Pool()); err != nil {
		log.Fatal(err)
	}
	tier, err := tablecache.New(ctx, os.Getenv("CACHE_URL"), &tablecache.Options{MaxBytes: 256 << 20})
	if err != nil {
		log.Fatal(err) // invalid options, or the server refuses
	}
	defer tier.Close()
	cache, err := querycache.New(&querycache.Options{Tiers: []querycache.Tier{tier}})
	if err != nil {
		log.Fatal(err)
	}
	defer cache.Close()
	if _, err := cache.Follow(pg); err != nil {
		log.Fatal(err)
	}
	if _, err := cache.ReadThrough(pg, querycache.Policy{TTL: time.Minute}); err != nil {
		log.Fatal(err)
	}
}
