// Package gather_test checks Gather and Loader against a real server.
package gather_test

import (
	"testing"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/integration/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// open returns a handle to its own database.
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
