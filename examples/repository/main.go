// Command repository shows a repository with typed reads: compiled statements,
// a handle for the current state and a cached handle, pages, and writes that
// the next read sees. It loads the cities of the world into a new database, on
// the server in DATABASE_URL or on one that it starts.
//
//	go run ./examples/repository
//
// It checks its claims, and exits with status 1 if one does not hold.
package main

import (
	"bytes"
	"context"
	"embed"
	"io/fs"

	"github.com/headrace/headrace/batchinsert"
	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/examples/shared/geonames"
	"github.com/headrace/headrace/examples/shared/program"
	"github.com/headrace/headrace/migrations"
	"github.com/headrace/headrace/querycache"
)

func main() { program.Main("repository", show) }

// show opens the database, the cache and the repository, and runs the tour.
func show(ctx context.Context, connString string, a *program.Report) error {
	pg, err := db.Open(ctx, connString, nil)
	if err != nil {
		return err
	}
	defer pg.Close()
	if err := load(ctx, pg); err != nil {
		return err
	}
	t := &tour{Report: a}
	cache, err := querycache.New(&querycache.Options{OnLookup: t.lookedUp})
	if err != nil {
		return err
	}
	defer cache.Close()
	stop, err := cache.Follow(pg) // commits through pg invalidate entries
	if err != nil {
		return err
	}
	defer stop()
	if t.cities, err = NewCities(pg, cache); err != nil {
		return err
	}
	return t.take(ctx)
}

//go:embed schema/*.sql
var schema embed.FS

// load creates and fills the table.
func load(ctx context.Context, pg *db.DB) error {
	files, err := fs.Sub(schema, "schema")
	if err != nil {
		return err
	}
	if _, err := migrations.Up(ctx, pg.Pool(), files); err != nil {
		return err
	}
	_, err = batchinsert.Load(ctx, pg, "cities", batchinsert.CSV(bytes.NewReader(geonames.CSV)), nil)
	return err
}
