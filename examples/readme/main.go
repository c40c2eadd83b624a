// Command readme is the program at the top of README.md with its error
// handling; a test compares the two. It needs a table with a row:
//
//	psql -c "CREATE TABLE cities AS SELECT 42 AS id, 'Kent' AS name, 118000 AS population"
//	DATABASE_URL=postgres://... go run ./examples/readme
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/querycache"
)

// City is a row of cities.
type City struct {
	ID         int
	Name       string
	Population int
}

var cityByID = db.MustCompile[City](`SELECT id, name, population FROM cities WHERE id = $1`)

func main() {
	if err := run(context.Background(), os.Getenv("DATABASE_URL")); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, url string) error {
	pg, err := db.Open(ctx, url, nil) // a pgx pool with statistics and change tracking
	if err != nil {
		return err
	}
	defer pg.Close()
	cache, err := querycache.New(nil)
	if err != nil {
		return err
	}
	defer cache.Close()
	stop, err := cache.Follow(pg) // commits through pg invalidate entries
	if err != nil {
		return err
	}
	defer stop()
	reads, err := cache.ReadThrough(pg, querycache.Policy{TTL: time.Minute})
	if err != nil {
		return err
	}

	city, err := cityByID.One(ctx, reads, 42) // loaded; served from memory for up to a minute
	if err != nil {
		return err
	}
	_, err = pg.Exec(ctx, `UPDATE cities SET population = $1 WHERE id = 42`, city.Population+1)
	if err != nil {
		return err
	}
	city, err = cityByID.One(ctx, reads, 42) // the new population
	if err != nil {
		return err
	}
	fmt.Println(city.Name, city.Population)
	return nil
}
