package diagnose

import (
	"syscall"
	"time"
)

// processCPU returns the CPU time of the process, and -1 if the system does not
// report it.
func processCPU() time.Duration {
	var created, exited, kernel, user syscall.Filetime
	process, err := syscall.GetCurrentProcess()
	if err != nil {
		return -1
	}
	if err := syscall.GetProcessTimes(process, &created, &exited, &kernel, &user); err != nil {
		return -1
	}
	return ticks(kernel) + ticks(user)
}

// ticks converts a duration in units of 100 ns.
func ticks(t syscall.Filetime) time.Duration {
	return time.Duration(uint64(t.HighDateTime)<<32|uint64(t.LowDateTime)) * 100
}
