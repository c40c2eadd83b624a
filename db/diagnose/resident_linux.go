package diagnose

import (
	"bytes"
	"os"
	"strconv"
)

// residentMemory returns the resident memory of the process in bytes, and 0 if
// /proc is not mounted.
func residentMemory() uint64 {
	stat, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	return residentOf(stat, os.Getpagesize())
}

// residentOf returns the second field of statm, which counts pages.
func residentOf(statm []byte, pageSize int) uint64 {
	fields := bytes.Fields(statm)
	if len(fields) < 2 {
		return 0
	}
	pages, err := strconv.ParseUint(string(fields[1]), 10, 64)
	if err != nil {
		return 0
	}
	return pages * uint64(pageSize)
}
