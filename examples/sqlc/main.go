// Command sqlc shows code that sqlc generated, unchanged, on the handle to the
// database, on a cached handle, and in a transaction. It works in a database of
// its own, on the server of DATABASE_URL or on one that it starts.
//
//	go run ./examples/sqlc
//
// It checks what it claims and exits with status 1 where a claim does not hold.
package main

//go:generate go run github.com/sqlc-dev/sqlc/cmd/sqlc@v1.31.1 generate

import (
	"context"
	"embed"
	"io/fs"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/examples/shared/program"
	"github.com/headrace/headrace/migrations"
	"github.com/headrace/headrace/querycache"
)

func main() { program.Main("sqlc", show) }

// show wires database, cache and repository together, and takes the tour.
func show(ctx context.Context, connString string, a *program.Account) error {
	pg, err := db.Open(ctx, connString, nil)
	if err != nil {
		return err
	}
	defer pg.Close()
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
	if t.Shop, err = NewShop(pg, cache); err != nil {
		return err
	}
	if err := migrate(ctx, pg); err != nil {
		return err
	}
	return t.take(ctx)
}

// schema is what sqlc reads as well: it knows goose's files.
//
//go:embed schema/*.sql
var schema embed.FS

func migrate(ctx context.Context, pg *db.DB) error {
	files, err := fs.Sub(schema, "schema")
	if err != nil {
		return err
	}
	_, err = migrations.Up(ctx, pg.Pool(), files)
	return err
}
