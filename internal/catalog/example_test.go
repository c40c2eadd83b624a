package catalog_test

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/jackc/pgx/v5"

	"github.com/headrace/headrace/internal/catalog"
	"github.com/headrace/headrace/internal/sqltext"
)

// What a view hides the text does not show.
func ExampleExamine() {
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, os.Getenv("DATABASE_URL"))
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, `
CREATE TABLE example_cities (id bigint, name text, population bigint);
CREATE VIEW example_big AS SELECT id, name FROM example_cities WHERE population > 1000000`)
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Exec(ctx, "DROP TABLE example_cities CASCADE")

	for _, sql := range []string{
		"SELECT name FROM example_big WHERE id = $1",
		"SELECT name, now() FROM example_big",
		"DELETE FROM example_cities WHERE id = $1",
	} {
		effects, err := catalog.Examine(ctx, conn, sqltext.Analyze(sql))
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println("reads", effects.Reads, "writes", effects.Writes, "cacheable", effects.Cacheable, effects.Refusal())
	}
	// Output:
	// reads [public.example_cities] writes [] cacheable true the result is cacheable
	// reads [public.example_cities] writes [] cacheable false now(): depends on the time or the transaction
	// reads [public.example_cities] writes [public.example_cities] cacheable false not a plain read
}
