package pgtest_test

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/headrace/headrace/integration/pgtest"
)

var t testing.TB // the test's own

// Tests that need the same rows have them copied from a database that the first of them fills.
func ExamplePoolFrom() {
	fill := func(ctx context.Context, connString string) error {
		conn, err := pgx.Connect(ctx, connString)
		if err != nil {
			return err
		}
		defer func() { _ = conn.Close(ctx) }()
		_, err = conn.Exec(ctx, "CREATE TABLE numbers AS SELECT n FROM generate_series(1, 100) n")
		return err
	}
	pool := pgtest.PoolFrom(t, "numbers", fill)
	if _, err := pool.Exec(t.Context(), "DELETE FROM numbers"); err != nil { // the others keep theirs
		t.Fatal(err)
	}
}
