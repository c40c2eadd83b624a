package tablecache_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/headrace/headrace/querycache/tablecache"
)

// Install may be called at every start. The Tier has connections of its own.
func ExampleNew() {
	ctx := context.Background()
	url := os.Getenv("DATABASE_URL")
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = conn.Close(ctx) }()
	if err := tablecache.Install(ctx, conn, "example_cache"); err != nil {
		log.Fatal(err)
	}
	defer func() { _, _ = conn.Exec(ctx, "DROP SCHEMA example_cache CASCADE") }()

	tier, err := tablecache.New(ctx, url, &tablecache.Options{Schema: "example_cache", MaxBytes: 64 << 20})
	if err != nil {
		log.Fatal(err) // invalid options, or the server refuses
	}
	defer tier.Close()

	// The Cache makes these calls.
	if err := tier.Set(ctx, "top cities", []byte("Kent, Ghent"), time.Minute); err != nil {
		log.Fatal(err)
	}
	before, err := tier.Get(ctx, "top cities", []string{"public.cities"})
	if err != nil {
		log.Fatal(err)
	}
	if err := tier.Raise(ctx, []string{"public.cities"}); err != nil {
		log.Fatal(err)
	}
	after, err := tier.Get(ctx, "top cities", []string{"public.cities"})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s, valid: %t\n", after.Value, after.Versions[0] == before.Versions[0])
	// Output: Kent, Ghent, valid: false
}

// A program with migrations writes the text to a file among them, such as
// 00017_headrace_cache.sql.
func ExampleMigration() {
	text, err := tablecache.Migration("shop_cache")
	if err != nil {
		log.Fatal(err)
	}
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "CREATE") || strings.HasPrefix(line, "DROP") {
			fmt.Print(line)
		}
	}
	// Output:
	// CREATE SCHEMA "shop_cache";
	// CREATE UNLOGGED TABLE "shop_cache".results (
	// CREATE UNLOGGED TABLE "shop_cache".versions (
	// CREATE UNLOGGED TABLE "shop_cache".sweeps (
	// DROP TABLE "shop_cache".sweeps;
	// DROP TABLE "shop_cache".versions;
	// DROP TABLE "shop_cache".results;
	// DROP SCHEMA "shop_cache";
}
