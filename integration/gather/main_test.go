// Package gather_test holds Gather and Loader against a real server.
package gather_test

import (
	"testing"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/integration/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// open returns a handle to a database of the test's own.
func open(t *testing.T) *db.DB {
	t.Helper()
	pg, err := db.Open(t.Context(), pgtest.New(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pg.Close)
	return pg
}

func exec(t *testing.T, pg *db.DB, sql string) {
	t.Helper()
	if _, err := pg.Exec(t.Context(), sql); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}
