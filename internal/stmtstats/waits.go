package stmtstats

import (
	"sync/atomic"
	"time"
)

// shortestWait is what a wait for a connection has to last to be one: less is
// what taking a free connection costs.
const shortestWait = time.Microsecond

// A WaitSnapshot is what was measured of waits; see db.Waits.
type WaitSnapshot struct {
	Count         int64
	Total, Max    time.Duration
	P50, P95, P99 time.Duration
}

// Waits measures waits for a connection. It may be used by many goroutines at
// once.
type Waits struct {
	total, longest atomic.Int64
	times          histogram
}

// Add counts one wait.
func (w *Waits) Add(d time.Duration) {
	w.times.add(d)
	if d >= shortestWait {
		w.total.Add(int64(d))
		raise(&w.longest, int64(d))
	}
}

// Snapshot returns the figures at this moment.
func (w *Waits) Snapshot() WaitSnapshot {
	counts := w.times.counts()
	return WaitSnapshot{
		Count: int64(sum(counts)),
		Total: time.Duration(w.total.Load()),
		Max:   time.Duration(w.longest.Load()),
		P50:   quantile(counts, 0.50),
		P95:   quantile(counts, 0.95),
		P99:   quantile(counts, 0.99),
	}
}
