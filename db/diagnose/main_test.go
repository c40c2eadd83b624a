package diagnose

import (
	"testing"

	"github.com/headrace/headrace/internal/servertests"
)

func TestMain(m *testing.M) { servertests.Main(m, "^Example", "headrace/db") }
