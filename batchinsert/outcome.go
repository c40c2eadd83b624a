package batchinsert

import "github.com/headrace/headrace/internal/target"

// ErrOutcomeUnknown is wrapped by the error of rows that may have been written:
// the connection was lost, or the context ended, after the commit was sent and
// before its answer arrived. Any other error of a call that writes rows means
// that they were not written.
//
// In a transaction of the caller's no error wraps it: the outcome is that of the
// caller's commit.
var ErrOutcomeUnknown = target.ErrOutcomeUnknown
