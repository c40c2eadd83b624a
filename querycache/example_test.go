package querycache_test

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/headrace/headrace/querycache"
)

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
