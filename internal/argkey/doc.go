// Package argkey turns the arguments of a statement into the bytes that stand
// for them in a cache key, and copies arguments so that they outlive a call.
//
// Two lists of arguments have the same bytes only if PostgreSQL would be sent
// the same parameters for them. Each argument is tagged with its Go type, since
// pgx chooses the wire form by it: int 1, int64 1, "1" and nil all differ. What
// cannot be told apart for certain is refused, and the read goes uncached.
//
// # Design notes
//
// Neither function lets the boxes of its arguments escape, so a caller whose
// ...any reaches only these two on its fast path pays no allocation for passing
// an int or a string: the compiler keeps the boxes on the caller's stack. What
// the boxes point at (the bytes of a string, the elements of a slice) does count
// as escaping. TestAppendAllocates and TestCallersKeepTheirBoxes hold this.
package argkey
