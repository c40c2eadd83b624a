//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package diagnose

import (
	"syscall"
	"time"
)

// processCPU returns the CPU time of the process, and -1 if the system does not
// report it.
func processCPU() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return -1
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
