package db

import "time"

// started is what clock counts from.
var started = time.Now()

// clock returns the time since the program began. It reads the monotonic clock
// alone, which takes half of what time.Now takes.
func clock() time.Duration { return time.Since(started) }
