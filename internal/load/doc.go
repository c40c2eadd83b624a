// Package load loads files and other streams of records into a table.
//
// An input is cut into chunks, of which each is a transaction, unless the whole
// load is one. A chunk is sent in blocks. The ledger records the chunks that are
// loaded, so that a load can be resumed; the quarantine takes the lines that the
// server refuses.
package load
