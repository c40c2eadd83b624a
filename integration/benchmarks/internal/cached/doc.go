// Package cached has the cache half of the benchmarks: answered reads beside
// the same reads over other caches, and beside the server.
package cached
