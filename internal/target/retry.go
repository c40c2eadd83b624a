package target

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/headrace/headrace/internal/retry"
)

var afterConflict = retry.Policy{Attempts: 4, First: 10 * time.Millisecond, Longest: 40 * time.Millisecond}

// Retry runs fn, and again after a deadlock or a serialization failure. It runs
// fn once where w is a transaction of the caller, which the error has aborted,
// and where the rows cannot be read again.
func Retry(ctx context.Context, w Beginner, rowsRemain bool, fn func() error) error {
	if _, callers := w.(pgx.Tx); callers || !rowsRemain {
		return fn()
	}
	_, err := afterConflict.Do(ctx, retry.SerializationFailure, fn)
	return err
}
