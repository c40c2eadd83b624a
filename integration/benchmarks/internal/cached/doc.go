// Package cached has the benchmarks of cached reads: through headrace, through
// other caches, and from the server.
package cached
