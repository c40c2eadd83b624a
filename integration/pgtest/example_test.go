package pgtest_test

import (
	"testing"

	"github.com/headrace/headrace/integration/pgtest"
)

var t testing.TB // of the test

// Tests that need the same rows copy them from a template, which the first test
// fills. Each test may change its own copy.
func ExamplePoolFrom() {
	fill := pgtest.Script("CREATE TABLE numbers AS SELECT n FROM generate_series(1, 100) n")
	pool := pgtest.PoolFrom(t, "numbers", fill)
	pgtest.Exec(t, pool, "DELETE FROM numbers")
}

// A handle to an empty database with a table.
func ExampleDB() {
	pg := pgtest.DB(t, nil, "CREATE TABLE cities (id int PRIMARY KEY, name text)")
	pgtest.Exec(t, pg, "INSERT INTO cities VALUES ($1, $2)", 1, "Ghent")
}
