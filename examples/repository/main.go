// Command repository shows a repository over typed reads: statements compiled
// once, a handle that is the truth beside one that may answer from memory,
// pages, and writes that the next read sees. It loads the cities of the world
// into a database of its own, on the server of DATABASE_URL or on one that it
// starts.
//
//	go run ./examples/repository
//
// It checks what it claims and exits with status 1 where a claim does not hold.
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

// show wires database, cache and repository together, and takes the tour.
func show(ctx context.Context, connString string, a *program.Account) error {
	pg, err := db.Open(ctx, connString, nil)
	if err != nil {
		return err
	}
	defer pg.Close()
	if err := load(ctx, pg); err != nil {
		return err
	}
	t := &tour{Account: a}
	cache, err := querycache.New(&querycache.Options{OnLookup: t.lookedUp})
	if err != nil {
		return err
	}
	defer cache.Close()
	stop, err := cache.Follow(pg) // what pg commits drops what it made stale
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

// load makes the table and fills it.
func load(ctx context.Context, pg *db.DB) error {
	files, err := fs.Sub(schema, "schema")
	if err != nil {
		return err
	}
	if _, err := migrations.Up(ctx, pg.Pool(), files); err != nil {
		return err
	}
	_, err = batchinsert.LoadCSV(ctx, pg, "cities", bytes.NewReader(geonames.CSV), nil)
	return err
}
