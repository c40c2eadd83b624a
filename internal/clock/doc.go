// Package clock reads the monotonic clock.
package clock
