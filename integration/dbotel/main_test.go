// Package dbotel_test holds the tests of package dbotel that need a server.
package dbotel_test

import (
	"bytes"
	"os"
	"testing"

	"github.com/headrace/headrace/integration/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

const itemsTable = "CREATE TABLE items (id int PRIMARY KEY, name text)"

// dbprom and dbotel have one file in common.
func TestSeriesAreThoseOfDbprom(t *testing.T) {
	t.Parallel()
	otel, err := os.ReadFile("../../db/dbotel/series.go")
	if err != nil {
		t.Fatal(err)
	}
	prom, err := os.ReadFile("../../db/dbprom/series.go")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(bytes.Replace(prom, []byte("package dbprom"), []byte("package dbotel"), 1), otel) {
		t.Error("db/dbprom/series.go and db/dbotel/series.go differ")
	}
}
