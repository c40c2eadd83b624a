package stmtstats

import (
	"sync/atomic"
	"time"
)

// minWait is the shortest wait for a connection that counts: taking a free
// connection takes less.
const minWait = time.Microsecond

// A WaitSnapshot holds the figures of waits; see db.Waits.
type WaitSnapshot struct {
	Count      int64
	Total, Max time.Duration
	Times      Histogram
}

// Waits measures waits for a connection. It is safe for concurrent use.
type Waits struct {
	total, longest atomic.Int64
	times          histogram
}

// Add counts one wait.
func (w *Waits) Add(d time.Duration) {
	w.times.add(d)
	if d >= minWait {
		w.total.Add(int64(d))
		raise(&w.longest, int64(d))
	}
}

// Snapshot returns the current figures.
func (w *Waits) Snapshot() WaitSnapshot {
	times := w.times.snapshot()
	return WaitSnapshot{
		Count: int64(times.Count()),
		Total: time.Duration(w.total.Load()),
		Max:   time.Duration(w.longest.Load()),
		Times: times,
	}
}
