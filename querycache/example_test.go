package querycache_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"strings"
	"time"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/querycache"
)

// The handle pg reads the current state, and reads may be a minute old. The
// program's own writes are seen at once.
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

func ExampleMemoize() {
	cache, err := querycache.New(nil)
	if err != nil {
		panic(err)
	}
	defer cache.Close()
	shout, err := querycache.Memoize(cache, "shout", querycache.Policy{TTL: time.Minute},
		func(_ context.Context, s string) (string, error) {
			fmt.Println("working")
			return strings.ToUpper(s), nil
		})
	if err != nil {
		panic(err)
	}
	for range 2 {
		s, err := shout(context.Background(), "hello")
		fmt.Println(s, err)
	}
	// Output:
	// working
	// HELLO <nil>
	// HELLO <nil>
}

func ExampleNewAside() {
	ctx := context.Background()
	cache, err := querycache.New(nil)
	if err != nil {
		panic(err)
	}
	defer cache.Close()
	prices := map[string]int{"tea": 3, "coffee": 4}
	aside, err := querycache.NewAside(cache, querycache.AsideOptions[string, int]{
		Name:   "prices",
		Policy: querycache.Policy{TTL: time.Minute},
		LoadMany: func(_ context.Context, names []string) (map[string]int, error) {
			fmt.Println("loading", names)
			found := map[string]int{}
			for _, name := range names {
				if price, ok := prices[name]; ok {
					found[name] = price
				}
			}
			return found, nil
		},
	})
	if err != nil {
		panic(err)
	}
	fmt.Println(aside.GetMany(ctx, []string{"tea", "coffee", "gold"}))
	fmt.Println(aside.Get(ctx, "tea"))
	err = aside.Update(ctx, "tea", func(context.Context) error { prices["tea"] = 5; return nil })
	fmt.Println(err)
	fmt.Println(aside.Get(ctx, "tea"))
	// Output:
	// loading [tea coffee gold]
	// map[coffee:4 tea:3] <nil>
	// 3 <nil>
	// <nil>
	// loading [tea]
	// 5 <nil>
}
