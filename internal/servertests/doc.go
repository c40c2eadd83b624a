// Package servertests is for the TestMain of packages whose examples need a
// server, so that their other tests run without one.
package servertests
