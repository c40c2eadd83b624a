package servertests

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// Main runs the tests of a package, without those that match skip (see [Skip]),
// and exits. It fails if a goroutine is left that has a frame of one of the
// given packages, such as "headrace/db". A library for that would enter the
// requirements of the module.
func Main(m *testing.M, skip string, packages ...string) {
	Skip(skip)
	code := m.Run()
	if left := goroutines(packages); code == 0 && left != "" {
		fmt.Fprintln(os.Stderr, "goroutines left after the tests:\n"+left)
		code = 1
	}
	os.Exit(code)
}

// goroutines returns the stacks of other goroutines with a frame of one of the
// packages, after giving them time to end.
func goroutines(packages []string) string {
	var left []string
	for range 50 {
		buf := make([]byte, 1<<20)
		stacks := strings.Split(string(buf[:runtime.Stack(buf, true)]), "\n\n")
		left = slices.DeleteFunc(stacks[1:], func(stack string) bool {
			return !slices.ContainsFunc(packages, func(p string) bool { return strings.Contains(stack, p) })
		})
		if len(left) == 0 {
			return ""
		}
		runtime.Gosched()
		<-time.After(20 * time.Millisecond)
	}
	return strings.Join(left, "\n\n")
}
