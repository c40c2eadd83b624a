//go:build server

package migrations_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"testing/fstest"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/headrace/headrace/migrations"
)

func ExampleUp() {
	ctx := context.Background()
	pool, err := pgxpool.New(ctx, os.Getenv("DATABASE_URL"))
	if err != nil {
		log.Fatal(err)
	}
	defer pool.Close()

	// A program has its files in a folder, by //go:embed and fs.Sub.
	files := fstest.MapFS{
		"00001_example_rivers.sql": {Data: []byte(`-- +goose Up
CREATE TABLE example_rivers (name text PRIMARY KEY, length_km int NOT NULL);

-- +goose Down
DROP TABLE example_rivers;
`)},
	}
	applied, err := migrations.Up(ctx, pool, files)
	if err != nil {
		log.Fatal(err)
	}
	for _, a := range applied {
		fmt.Println("applied", a.File)
	}
	if applied, err = migrations.Up(ctx, pool, files); err != nil {
		log.Fatal(err)
	}
	fmt.Println("applied again:", len(applied))
	if _, err := migrations.Down(ctx, pool, files, 0); err != nil {
		log.Fatal(err)
	}
	// Output:
	// applied 00001_example_rivers.sql
	// applied again: 0
}
