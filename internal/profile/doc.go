// Package profile measures spans: what a program does with a database between
// two points, in one goroutine or several. A span is a context value. The
// tracer of a handle adds each statement to the span of its context, and a
// handle adds waits for connections, retries and cache lookups.
//
// The memory of a span is bounded: it lists at most [MaxStatements] statements
// and [MaxSpans] nested spans, and counts the rest together.
package profile
