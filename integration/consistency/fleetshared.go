package consistency

import (
	"os"
	"sync/atomic"
	"syscall"
	"time"
)

// A board is memory that all processes of a fleet share. It has no pointers.
type board struct {
	counts // of all processes

	calm    calm
	phase   atomic.Int32
	reached [members]atomic.Int32 // the phase that a member has completed
	dieNext atomic.Int32          // 1 + the member that ends itself before its next raise
	died    atomic.Int64          // how often a member did
	tiers   [mostTiers]tierCounters
	values  [mostShared]sharedValue
}

type tierCounters struct{ hits, misses, passed, errors atomic.Uint64 }

// Phases of a fleet.
const (
	phaseRun     = iota
	phaseLast    // each member writes each of its values once more
	phaseCompare // each member compares its reads with the server
	phaseEnd
)

const (
	members    = 2
	mostTiers  = 4
	mostShared = 32
)

// A sharedValue is the state of a value that one process at a time writes.
type sharedValue struct {
	tried  atomic.Int64 // the last value that was tried to write
	raised atomic.Int64 // the least value that other processes must read while it is calm

	count atomic.Int64 // of raises noted in past
	past  [1024]struct {
		at, to atomic.Int64 // in nanoseconds of the machine's clock
	}
}

// note records that the value is now at least to.
func (v *sharedValue) note(to int64) {
	n := v.count.Load()
	p := &v.past[n%int64(len(v.past))]
	p.at.Store(now())
	p.to.Store(to)
	v.count.Store(n + 1)
}

// written returns the least value at a time.
func (v *sharedValue) written(when int64) int64 {
	n := v.count.Load()
	for i := n - 1; i >= max(0, n-int64(len(v.past))/2); i-- {
		if p := &v.past[i%int64(len(v.past))]; p.at.Load() < when {
			return p.to.Load()
		}
	}
	return 0
}

// now returns a time that the processes of a machine can compare.
func now() int64 { return time.Now().UnixNano() }

// openBoard maps the board in a file, which it creates if there is none.
func openBoard(path string) (*board, func(), error) {
	const size = boardBytes
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = f.Close() }() // the mapping stays
	if err := f.Truncate(int64(size)); err != nil {
		return nil, nil, err
	}
	data, err := syscall.Mmap(int(f.Fd()), 0, size, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
	if err != nil {
		return nil, nil, err
	}
	return boardIn(data), func() { _ = syscall.Munmap(data) }, nil
}
