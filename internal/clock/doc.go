// Package clock reads the monotonic clock, and waits by it.
package clock
