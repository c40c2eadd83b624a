package rediscache_test

import (
	"context"
	"log"
	"os"

	"github.com/redis/rueidis"

	"github.com/headrace/headrace/querycache"
	"github.com/headrace/headrace/querycache/rediscache"
)

// A Tier with a client of its own. The program starts also while Redis cannot
// be reached.
func ExampleNew() {
	ctx := context.Background()
	tier, err := rediscache.New(ctx, rediscache.Options{
		Client: rueidis.ClientOption{
			InitAddress: []string{"redis-1:6379", "redis-2:6379", "redis-3:6379"},
			Username:    "shop",
			Password:    os.Getenv("REDIS_PASSWORD"),
		},
		Prefix: "shop:",
	})
	if err != nil {
		log.Fatal(err) // invalid options, or Redis refuses
	}
	defer tier.Close()
	if err := tier.Raise(ctx, nil); err != nil {
		log.Printf("for now without Redis: %v", err)
	}
}

// A Tier on the client that the program has for other purposes.
func ExampleTrack() {
	ctx := context.Background()
	option := rueidis.ClientOption{InitAddress: []string{"redis:6379"}}
	tracking, err := rediscache.Track(&option, "shop:")
	if err != nil {
		log.Fatal(err)
	}
	client, err := rueidis.NewClient(option)
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()

	tier, err := tracking.Tier(ctx, client)
	if err != nil {
		log.Fatal(err)
	}
	defer tier.Close()
	var _ querycache.TierNotifier = tier
}
