//go:build !linux

package diagnose

// residentMemory returns 0: the system does not report resident memory in a way
// that needs no privileges and no other library.
func residentMemory() uint64 { return 0 }
