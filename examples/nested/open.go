package main

import (
	"bytes"
	"context"
	"embed"
	"io/fs"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/headrace/headrace/batchinsert"
	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/examples/shared/geonames"
	"github.com/headrace/headrace/migrations"
)

//go:embed schema/*.sql
var schema embed.FS

// load creates and fills the tables.
func load(ctx context.Context, connString string) error {
	pg, err := db.Open(ctx, connString, nil)
	if err != nil {
		return err
	}
	defer pg.Close()
	files, err := fs.Sub(schema, "schema")
	if err != nil {
		return err
	}
	if _, err := migrations.Up(ctx, pg.Pool(), files); err != nil {
		return err
	}
	if _, err := batchinsert.Load(ctx, pg, "cities", batchinsert.CSV(bytes.NewReader(geonames.CSV)), nil); err != nil {
		return err
	}
	if _, err = pg.Exec(ctx, `
		INSERT INTO areas (code, country, population)
		SELECT area, country, sum(population) FROM cities WHERE area IS NOT NULL GROUP BY area, country`); err != nil {
		return err
	}
	_, err = pg.Exec(ctx, `ANALYZE cities, areas`) // autovacuum would take up to a minute
	return err
}

// open returns a handle whose round trips are counted. It opens all connections
// and prepares all statements first, and turns off health checks, so that only
// statements are counted.
func open(ctx context.Context, connString string, counted *trips) (*db.DB, error) {
	cfg, err := pgxpool.ParseConfig(connString)
	if err != nil {
		return nil, err
	}
	cfg.MaxConns, cfg.MinConns = 4, 4
	cfg.ShouldPing = func(context.Context, pgxpool.ShouldPingParams) bool { return false }
	cfg.ConnConfig.DialFunc = counted.through(cfg.ConnConfig.DialFunc)
	pg, err := db.OpenConfig(ctx, cfg, &db.Options{
		Prepare: []db.Compiled{largestAreas, citiesOfArea, citiesOfAreas},
	})
	if err != nil {
		return nil, err
	}
	if err := connect(ctx, pg, int(cfg.MaxConns)); err != nil {
		pg.Close()
		return nil, err
	}
	return pg, nil
}

// connect opens n connections by acquiring them all at once.
func connect(ctx context.Context, pg *db.DB, n int) error {
	for range n {
		conn, err := pg.Acquire(ctx)
		if err != nil {
			return err
		}
		defer conn.Release()
	}
	return nil
}
