package querycache

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"
)

// TestMain fails if a goroutine of a cache is left after all tests. It uses no
// library, to keep the requirements of the module small.
//
// It skips the example that needs a server, at DATABASE_URL, unless -run
// selects tests. "make test" runs it by -run '^Example'.
func TestMain(m *testing.M) {
	flag.Parse()
	if flag.Lookup("test.run").Value.String() == "" {
		skip := flag.Lookup("test.skip").Value
		if err := skip.Set(strings.TrimPrefix(skip.String()+"|^ExampleCache_ReadThrough$", "|")); err != nil {
			panic(err)
		}
	}
	code := m.Run()
	if left := leftGoroutines(); code == 0 && left != "" {
		fmt.Fprintln(os.Stderr, "goroutines left after the tests:\n"+left)
		code = 1
	}
	os.Exit(code)
}

// leftGoroutines returns the stacks of goroutines that this package or package
// db began, after giving them time to end.
func leftGoroutines() string {
	var left []string
	for range 50 {
		buf := make([]byte, 1<<20)
		left = left[:0]
		for _, stack := range strings.Split(string(buf[:runtime.Stack(buf, true)]), "\n\n")[1:] {
			if strings.Contains(stack, "headrace/querycache") || strings.Contains(stack, "headrace/db") {
				left = append(left, stack)
			}
		}
		if len(left) == 0 {
			return ""
		}
		runtime.Gosched()
		<-time.After(20 * time.Millisecond)
	}
	return strings.Join(left, "\n\n")
}
