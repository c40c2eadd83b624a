package clock

import (
	"context"
	"time"
)

var started = time.Now()

// Now returns the time since the program began. It reads the monotonic clock
// alone, which takes half of what time.Now takes.
func Now() time.Duration { return time.Since(started) }

// Sleep waits for d, or until ctx ends, whose error it then returns.
func Sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
