package querycache

import (
	"sync/atomic"
	"time"
)

// A clock returns the age of a cache in nanoseconds. It never goes back. Each
// lookup reads it: a coarse clock, updated by a goroutine, would save 25 ns,
// but the first lookups after a stop of the process would use the time before
// the stop.
type clock struct {
	start time.Time
	ahead atomic.Int64 // the time that the machine slept, see notice
}

func (c *clock) now() int64 { return int64(time.Since(c.start)) + c.ahead.Load() }

// suspended is the least difference between the steps of the wall clock and the
// monotonic clock that counts as a sleep of the machine. The monotonic clock
// stops during a sleep.
const suspended = 2 * time.Second

// notice compares two readings of both clocks and moves the clock ahead by the
// time that the monotonic clock missed. If the wall clock is set ahead, entries
// expire early; setting it back has no effect.
func (c *clock) notice(before, now time.Time) {
	missed := now.Round(0).Sub(before.Round(0)) - now.Sub(before)
	if missed > suspended {
		c.ahead.Add(int64(missed))
	}
}
