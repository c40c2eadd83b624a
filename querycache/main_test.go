package querycache

import (
	"testing"

	"github.com/headrace/headrace/internal/servertests"
)

func TestMain(m *testing.M) {
	servertests.Main(m, "^ExampleCache_ReadThrough$", "headrace/querycache", "headrace/db")
}
