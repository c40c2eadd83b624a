// Package panics carries a panic from the goroutine that it would end the
// program in to the one that is to have it.
package panics
