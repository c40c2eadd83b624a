package db

import (
	"cmp"
	"slices"
	"sync"
	"time"
)

// A HeldConnection describes a connection that is in use.
type HeldConnection struct {
	For       time.Duration // since it was acquired
	Running   bool          // a statement is running, or its rows are not closed
	InTx      bool          // a transaction is open
	Statement string        // name or fingerprint text of the last statement, "" if there was none

	// Stack is where the connection was acquired, innermost first. It is
	// recorded for one of 64 acquisitions of a connection, and for all between
	// SampleAcquisitions and its stop; otherwise it is nil.
	Stack []Frame
}

// Held returns the connections of the pool that have been in use for longer
// than the given time, longest first. It includes connections that were
// acquired from Pool, and those that the program has hijacked and not closed.
// On a handle of [New] it returns none.
func (d *DB) Held(longer time.Duration) []HeldConnection {
	d.usage.mu.Lock()
	defer d.usage.mu.Unlock()
	d.usage.forgetClosed()
	var out []HeldConnection
	for c := range d.usage.conns {
		h, ok := c.tracked.Held()
		if !ok || h.For <= longer {
			continue
		}
		one := HeldConnection{For: h.For, Running: h.Busy, InTx: h.InTx, Statement: h.Last}
		if h.Stack != nil {
			one.Stack = frames(h.Stack.Frames())
		}
		out = append(out, one)
	}
	slices.SortFunc(out, func(a, b HeldConnection) int { return cmp.Compare(b.For, a.For) })
	return out
}

// SampleAcquisitions makes the handle record the stack of every acquisition of
// a connection, until stop is called; otherwise it records one in 64. A stack
// takes about a microsecond. Package diagnose calls it while connections are not
// returned. Each call of SampleAcquisitions needs its own call of stop; further
// calls of a stop have no effect.
func (d *DB) SampleAcquisitions() (stop func()) {
	d.tracker.SampleAll(1)
	return sync.OnceFunc(func() { d.tracker.SampleAll(-1) })
}
