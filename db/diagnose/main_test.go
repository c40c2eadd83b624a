package diagnose

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/headrace/headrace/internal/servertests"
)

// TestMain fails if a goroutine of a Monitor or a Health is left after all
// tests. It uses no library, to keep the requirements of the module small.
func TestMain(m *testing.M) {
	servertests.Skip("^Example")
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
			if strings.Contains(stack, "headrace/db") {
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
