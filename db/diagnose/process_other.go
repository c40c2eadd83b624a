//go:build !(linux || darwin || freebsd || netbsd || openbsd || dragonfly || windows)

package diagnose

import "time"

// processCPU returns -1: the system does not report the CPU time.
func processCPU() time.Duration { return -1 }
