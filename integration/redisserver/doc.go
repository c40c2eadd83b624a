// Package redisserver starts Redis servers and clusters, for tests, examples
// and benchmarks.
package redisserver
