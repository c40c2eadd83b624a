// Command sqlc shows unchanged code of sqlc on a handle, on a cached handle and
// in a transaction. It uses a new database, on the server in DATABASE_URL or on
// one that it starts.
//
//	go run ./examples/sqlc
//
// It checks its claims, and exits with status 1 if one does not hold.
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

// show opens the database, the cache and the repository, and runs the tour.
func show(ctx context.Context, connString string, a *program.Report) error {
	pg, err := db.Open(ctx, connString, nil)
	if err != nil {
		return err
	}
	defer pg.Close()
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
	if t.Shop, err = NewShop(pg, cache); err != nil {
		return err
	}
	if err := migrate(ctx, pg); err != nil {
		return err
	}
	return t.take(ctx)
}

// schema contains the goose migrations, which sqlc reads too.
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
