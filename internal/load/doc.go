// Package load loads files: it cuts an input into chunks, sends them to a table, and
// keeps the ledger of those that are there and the quarantine of lines that the
// server refuses.
package load
