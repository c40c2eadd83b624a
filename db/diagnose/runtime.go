package diagnose

import "time"

// Runtime holds the figures of the process in a window. Those of the garbage
// collector's and the program's CPU time are the runtime's estimates, which it
// updates at the end of each collection.
type Runtime struct {
	// At the end of the window.

	HeapLive    uint64 // bytes that the last collection found in use
	HeapGoal    uint64 // bytes at which the next collection begins
	Memory      uint64 // bytes that count against MemoryLimit
	MemoryLimit uint64 // GOMEMLIMIT; 0 if there is none
	Resident    uint64 // resident memory; 0 where the system does not report it
	Goroutines  int
	MaxProcs    int // GOMAXPROCS

	// During the window.

	CPU             float64       // CPU time of the process, divided by what MaxProcs allows; -1 if unknown
	GCCPU           float64       // CPU time of the collector, divided by that of the process
	GCCycles        uint64        // collections that ended
	GCPauseMax      time.Duration // of the pauses for the collector, accurate to 25 %
	GCPauseP99      time.Duration
	SchedLatencyP99 time.Duration // of the time that goroutines that could run waited for a thread, accurate to 25 %
	Allocated       uint64        // bytes
}
