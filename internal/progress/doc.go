// Package progress reports how far a call has got, not too often.
package progress
