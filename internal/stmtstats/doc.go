// Package stmtstats counts what statements cost, by fingerprint and name:
// calls, rows, errors, times in a histogram, waits for a connection, and a log
// of those that took long. A call is counted without a lock and without an
// allocation.
package stmtstats
