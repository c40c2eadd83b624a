//go:build unix

package measure

import (
	"syscall"
	"time"
)

// CPUTime is what this process has used on all its threads, in user and in
// system mode, and the processes it has started and waited for.
func CPUTime() time.Duration {
	var total int64
	for _, who := range []int{syscall.RUSAGE_SELF, syscall.RUSAGE_CHILDREN} {
		var usage syscall.Rusage
		// It fails for a wrong argument only.
		_ = syscall.Getrusage(who, &usage)
		total += usage.Utime.Nano() + usage.Stime.Nano()
	}
	return time.Duration(total)
}
