package querycache

import (
	"sync/atomic"
	"time"
)

// A clock tells how long a cache has lived, in nanoseconds. It never goes back,
// and it is asked anew for each lookup: a coarse clock, kept by a goroutine,
// would be 25 ns cheaper, and after the process was stopped for a while the
// first answers would be judged by the time before.
type clock struct {
	start time.Time
	ahead atomic.Int64 // what the machine slept through, see notice
}

func (c *clock) now() int64 { return int64(time.Since(c.start)) + c.ahead.Load() }

// suspended is the least difference between the wall clock's step and the
// monotonic one's that is taken for a sleep of the machine, during which the
// monotonic clock stands still.
const suspended = 2 * time.Second

// notice compares two readings of both clocks and moves the clock ahead by
// what the monotonic one missed. A wall clock that was set ahead makes answers
// old early; one that was set back changes nothing.
func (c *clock) notice(before, now time.Time) {
	missed := now.Round(0).Sub(before.Round(0)) - now.Sub(before)
	if missed > suspended {
		c.ahead.Add(int64(missed))
	}
}
