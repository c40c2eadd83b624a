// Package migrations_test holds the tests of package migrations that need a
// server.
package migrations_test

import (
	"context"
	"fmt"
	"os"
	"testing"
	"testing/fstest"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/headrace/headrace/integration/pgtest"
	"github.com/headrace/headrace/migrations"
)

// migrateURL makes the test binary a program that migrates and exits: the tests
// with many processes start it.
const migrateURL = "HEADRACE_TEST_MIGRATE_URL"

func TestMain(m *testing.M) {
	if url := os.Getenv(migrateURL); url != "" {
		os.Exit(migrate(url))
	}
	pgtest.Main(m)
}

// migrate prints how many migrations this process applied.
func migrate(url string) int {
	ctx := context.Background()
	pool, err := pgxpool.New(ctx, url)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer pool.Close()
	applied, err := migrations.Up(ctx, pool, slowFiles)
	if err == nil {
		err = migrations.Install(ctx, pool)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Println(len(applied))
	return 0
}

// slowFiles fail when they are applied twice, and take long enough for other
// processes to interfere.
var slowFiles = fstest.MapFS{
	"00001_runs.sql":  sqlFile("-- +goose Up\nCREATE TABLE runs (version int);\nSELECT pg_sleep(0.2);\n"),
	"00002_first.sql": sqlFile("-- +goose Up\nINSERT INTO runs VALUES (2);\nSELECT pg_sleep(0.2);\n"),
	"00003_index.sql": sqlFile("-- +goose NO TRANSACTION\n-- +goose Up\nCREATE INDEX CONCURRENTLY runs_version ON runs (version);\n"),
	"00004_last.sql":  sqlFile("-- +goose Up\nINSERT INTO runs VALUES (4);\nSELECT pg_sleep(0.2);\n"),
}

func sqlFile(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
