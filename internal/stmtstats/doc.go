// Package stmtstats measures statements by fingerprint and name: calls, rows,
// errors, a histogram of times, and waits for a connection. It also logs slow
// statements. Counting a call takes no lock and no allocation.
package stmtstats
