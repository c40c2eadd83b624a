// Package gather_test tests Gather and Loader on a server.
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
	return pgtest.Open(t, pgtest.New(t), nil)
}
