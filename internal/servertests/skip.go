package servertests

import (
	"flag"
	"strings"
)

// Skip skips the tests and examples that match pattern, unless -run selects
// tests: they need a server, at DATABASE_URL. "make test" runs the examples by
// -run '^Example'. A TestMain calls it before its tests run.
func Skip(pattern string) {
	flag.Parse()
	if flag.Lookup("test.run").Value.String() != "" {
		return
	}
	skip := flag.Lookup("test.skip").Value
	if err := skip.Set(strings.TrimPrefix(skip.String()+"|"+pattern, "|")); err != nil {
		panic(err)
	}
}
