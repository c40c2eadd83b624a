// Package argkey encodes the arguments of a statement for a cache key, and
// copies arguments so that they outlive a call.
//
// Two lists of arguments have the same bytes only if pgx would send the same
// parameters for them. Each argument is tagged with its Go type, which
// determines the wire format: int 1, int64 1, "1" and nil all differ. Arguments
// that cannot be distinguished with certainty are rejected, and the read is not
// cached.
//
// # Design notes
//
// Neither function lets the boxes of its arguments escape: a caller that passes
// ...any only to these two on its fast path allocates nothing for an int or a
// string, whose box the compiler keeps on the caller's stack. The memory that
// the boxes point at (the bytes of a string, the elements of a slice) does
// escape. TestAppendAllocates and TestCallersKeepTheirBoxes verify this.
package argkey
