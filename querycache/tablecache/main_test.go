package tablecache_test

import (
	"os"
	"testing"

	"github.com/headrace/headrace/internal/servertests"
)

func TestMain(m *testing.M) {
	servertests.Skip("^ExampleNew")
	os.Exit(m.Run())
}
