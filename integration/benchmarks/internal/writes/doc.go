// Package writes has the benchmarks of writes: COPY, inserts, upserts and
// files, by headrace and its peers.
package writes
