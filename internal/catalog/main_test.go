package catalog_test

import (
	"os"
	"testing"

	"github.com/headrace/headrace/internal/servertests"
)

func TestMain(m *testing.M) {
	servertests.Skip("^Example")
	os.Exit(m.Run())
}
