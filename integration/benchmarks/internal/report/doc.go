// Package report keeps the results of benchmark runs in a file, and renders the
// pages of the repository from them: the numbers of README.md, BENCHMARKS.md,
// and a chart.
package report
