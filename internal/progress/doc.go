// Package progress reports the progress of a call, at most once per interval.
package progress
