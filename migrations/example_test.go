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

// A program embeds its files in a folder, with //go:embed and fs.Sub.
var rivers = fstest.MapFS{
	"00001_example_rivers.sql": {Data: []byte(`-- +goose Up
CREATE TABLE example_rivers (name text PRIMARY KEY, length_km int NOT NULL);

-- +goose Down
DROP TABLE example_rivers;
`)},
	"00002_example_mouths.sql": {Data: []byte(`-- +goose Up
ALTER TABLE example_rivers ADD mouth text;

-- +goose Down
ALTER TABLE example_rivers DROP mouth;
`)},
}

func openExample(ctx context.Context) *pgxpool.Pool {
	pool, err := pgxpool.New(ctx, os.Getenv("DATABASE_URL"))
	if err != nil {
		log.Fatal(err)
	}
	return pool
}

func ExampleUp() {
	ctx := context.Background()
	pool := openExample(ctx)
	defer pool.Close()
	applied, err := migrations.Up(ctx, pool, rivers)
	if err != nil {
		log.Fatal(err)
	}
	for _, a := range applied {
		fmt.Println("applied", a.File)
	}
	if applied, err = migrations.Up(ctx, pool, rivers); err != nil {
		log.Fatal(err)
	}
	fmt.Println("applied again:", len(applied))
	if _, err := migrations.Down(ctx, pool, rivers, 0); err != nil {
		log.Fatal(err)
	}
	// Output:
	// applied 00001_example_rivers.sql
	// applied 00002_example_mouths.sql
	// applied again: 0
}

// Down reverts the migrations above the given version.
func ExampleDown() {
	ctx := context.Background()
	pool := openExample(ctx)
	defer pool.Close()
	if _, err := migrations.Up(ctx, pool, rivers); err != nil {
		log.Fatal(err)
	}
	for _, version := range []int64{1, 0} {
		back, err := migrations.Down(ctx, pool, rivers, version)
		if err != nil {
			log.Fatal(err)
		}
		for _, b := range back {
			fmt.Printf("down to %d: took back %s\n", version, b.File)
		}
	}
	// Output:
	// down to 1: took back 00002_example_mouths.sql
	// down to 0: took back 00001_example_rivers.sql
}

// Status only reads: a health check may call it.
func ExampleStatus() {
	ctx := context.Background()
	pool := openExample(ctx)
	defer pool.Close()
	if _, err := migrations.Up(ctx, pool, rivers); err != nil {
		log.Fatal(err)
	}
	if _, err := migrations.Down(ctx, pool, rivers, 1); err != nil {
		log.Fatal(err)
	}
	states, err := migrations.Status(ctx, pool, rivers)
	if err != nil {
		log.Fatal(err)
	}
	for _, s := range states {
		fmt.Println(s.Version, s.File, "pending:", s.Pending())
	}
	if _, err := migrations.Down(ctx, pool, rivers, 0); err != nil {
		log.Fatal(err)
	}
	// Output:
	// 1 00001_example_rivers.sql pending: false
	// 2 00002_example_mouths.sql pending: true
}

// Install may be called at every start: if all tables exist it does nothing.
func ExampleInstall() {
	ctx := context.Background()
	pool := openExample(ctx)
	defer pool.Close()
	for range 2 {
		if err := migrations.Install(ctx, pool); err != nil {
			log.Fatal(err)
		}
	}
	var there bool
	err := pool.QueryRow(ctx, "SELECT to_regclass('headrace.quarantine') IS NOT NULL").Scan(&there)
	fmt.Println(there, err)
	// Output: true <nil>
}
