// Package reads has the benchmarks of reads: the tables, and how headrace and
// its peers read them.
package reads
