//go:build server

package querycache_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/querycache"
)

// One handle for the truth, one for reads that may be a minute old. What the
// program writes itself is seen at once.
func ExampleCache_ReadThrough() {
	ctx := context.Background()
	pg, err := db.Open(ctx, os.Getenv("DATABASE_URL"), nil)
	if err != nil {
		log.Fatal(err)
	}
	defer pg.Close()
	cache, err := querycache.New(&querycache.Options{MaxBytes: 32 << 20})
	if err != nil {
		log.Fatal(err)
	}
	defer cache.Close()
	reads, err := cache.ReadThrough(pg, querycache.Policy{TTL: time.Minute})
	if err != nil {
		log.Fatal(err)
	}
	if _, err := pg.Exec(ctx, "CREATE TABLE example_towns (id int PRIMARY KEY, name text)"); err != nil {
		log.Fatal(err)
	}
	defer func() { _, _ = pg.Exec(ctx, "DROP TABLE example_towns") }()
	if _, err := pg.Exec(ctx, "INSERT INTO example_towns VALUES (1, 'Kent')"); err != nil {
		log.Fatal(err)
	}
	if _, err := cache.Follow(pg); err != nil {
		log.Fatal(err)
	}
	name := db.MustCompile[string]("SELECT name FROM example_towns WHERE id = $1")
	for range 2 {
		fmt.Println(name.One(ctx, reads, 1))
	}
	if _, err := pg.Exec(ctx, "UPDATE example_towns SET name = 'Ghent'"); err != nil {
		log.Fatal(err)
	}
	fmt.Println(name.One(ctx, reads, 1))
	fmt.Println(cache.Stats().Lookups[querycache.Hit], "from the cache")
	// Output:
	// Kent <nil>
	// Kent <nil>
	// Ghent <nil>
	// 1 from the cache
}
