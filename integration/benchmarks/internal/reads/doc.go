// Package reads has the read half of the benchmarks: what is read, and the ways
// in which headrace and its peers read it.
package reads
