// Package writes has the write half of the benchmarks: COPY, inserts, upserts
// and files, by headrace and its peers.
package writes
