// Package peak measures the peak memory of a function, and generates files of
// any size.
package peak
