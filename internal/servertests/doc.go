// Package servertests is for the TestMain of packages whose examples need a
// server, so that their other tests run without one, or whose tests must leave
// no goroutine.
package servertests
