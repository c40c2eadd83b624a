package target

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/headrace/headrace/internal/retry"
)

var afterConflict = retry.Policy{Attempts: 4, First: 10 * time.Millisecond, Longest: 40 * time.Millisecond}

// Retry runs fn again where the server ended its transaction for the sake
// of others (a deadlock, a serialization failure). Not in the caller's
// transaction, which is lost then, and not where the rows are gone.
func Retry(ctx context.Context, w Beginner, rowsRemain bool, fn func() error) error {
	if _, callers := w.(pgx.Tx); callers || !rowsRemain {
		return fn()
	}
	_, err := afterConflict.Do(ctx, retry.SerializationFailure, fn)
	return err
}
