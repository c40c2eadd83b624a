package batchinsert_test

import (
	"flag"
	"os"
	"strings"
	"testing"
)

// TestMain skips the examples unless -run selects tests: they need a server, at
// DATABASE_URL. "make test" runs them by -run '^Example'.
func TestMain(m *testing.M) {
	flag.Parse()
	if flag.Lookup("test.run").Value.String() == "" {
		skip := flag.Lookup("test.skip").Value
		if err := skip.Set(strings.TrimPrefix(skip.String()+"|^Example", "|")); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}
