package diagnose

import (
	"time"

	"github.com/headrace/headrace/db"
)

// A Window holds what was measured between two points in time. Statements and
// waits count in the window in which they end.
type Window struct {
	Began, Ended time.Time
	Runtime      Runtime
	Pool         Pool
	Caches       []CacheWindow // by name
	Tiers        []TierWindow  // of these caches, each in the order of querycache.Options.Tiers

	// The figures of all statements.

	Calls, Errors int64
	Rows, Bytes   int64
	Total         time.Duration // of statements, from sending to the end of the result, without Wait
	Wait          time.Duration // for connections, by all callers
	Network       time.Duration // part of Total on the network and in the server; statements of batches count in Total only
	Client        time.Duration // part of Total in the program: encoding, decoding, and between rows
	P50, P95, P99 time.Duration // of the time of one statement; 0 if there were none
	WaitP99       time.Duration // of the waits for a connection; 0 if there were none

	// Statements are the 50 with the greatest Total, in descending order.
	// Those that a Threshold names follow.
	Statements []StatementWindow

	Lag time.Duration // of the replica, by Options.Lag; -1 if unknown

	// Notes says what could not be measured, and why.
	Notes []string

	trips int64     // calls that were not in a batch
	loops []db.Loop // of spans that ended; at most 256
}

// A StatementWindow holds the figures of one statement in a window.
type StatementWindow struct {
	Fingerprint   uint64
	Name          string // or ""
	Text          string // of the fingerprint, constants replaced
	Calls, Errors int64
	Rows, Bytes   int64
	Total         time.Duration
	Wait          time.Duration
	Network       time.Duration
	P50, P99      time.Duration
}

// Pool holds the figures of a pool in a window.
type Pool struct {
	// At the end of the window.
	Max, Open, InUse, Idle, Opening int
	Waiting                         int // callers of the handle that wait for a connection

	// During the window.
	Acquired    int64         // successful acquires
	AcquireTime time.Duration // of these, including those from DB.Pool, which Window.Wait lacks
	Opened      int64         // connections that were opened
	Canceled    int64         // acquires that ended because of their context
}

// A CacheWindow holds the figures of a cache in a window. Lookups is the sum of
// Answered, Refused and the misses; failed loads are those misses that are
// counted in none of the other fields.
type CacheWindow struct {
	Name string

	Lookups     int64
	Answered    int64 // without a load of their own
	Refused     int64 // of statements that are not cached, bypassed, or while the cache was suspended or closed
	Cold        int64 // misses without an entry
	Expired     int64 // misses because the entry was too old
	Invalidated int64 // misses because a change invalidated the entry, before or during the load
	Evicted     int64 // misses because the entry had been evicted
	TooBig      int64 // misses whose result was too big to be stored
	Evictions   int64 // entries that were evicted

	// At the end of the window.

	Entries int
	Bytes   int64
	Budget  int64 // bytes allowed: MaxBytes, or less while memory is short
}

// A TierWindow holds the figures of a further tier of a cache in a window.
type TierWindow struct {
	Cache string
	Name  string // of the tier

	Hits, Misses int64
	Passed       int64 // reads for which the tier was passed over
	Errors       int64 // failed calls, and values that were damaged or of another release

	// At the end of the window.

	Down      bool   // the tier is passed over, because its last call failed
	Pending   int    // names whose raise has not succeeded yet
	LastError string // "" if there was none
}

// passedOver reports whether reads pass the tier over, all or some of them.
func (t *TierWindow) passedOver() bool { return t.Down || t.Pending > 0 }

// HitRatio returns the share of the lookups that were answered, without those
// that were refused, and 0 if there were none.
func (c CacheWindow) HitRatio() float64 { return part(c.Answered, c.Lookups-c.Refused) }

// waited returns how long callers waited for connections, including callers of
// DB.Pool. Waits are counted when they end; while none ends, those under way
// count.
func (w *Window) waited() time.Duration {
	if w.Pool.Acquired == 0 && w.Wait == 0 {
		return time.Duration(w.Pool.Waiting) * w.elapsed()
	}
	return max(w.Wait, w.Pool.AcquireTime)
}

// elapsed returns the length of the window.
func (w *Window) elapsed() time.Duration { return w.Ended.Sub(w.Began) }
