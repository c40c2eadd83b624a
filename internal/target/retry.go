package target

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

const (
	attempts   = 4
	firstPause = 5 * time.Millisecond
)

// Retry runs fn again where the server ended its transaction for the sake
// of others (a deadlock, a serialization failure). Not in the caller's
// transaction, which is lost then, and not where the rows are gone.
func Retry(ctx context.Context, w Beginner, rowsRemain bool, fn func() error) error {
	_, callers := w.(pgx.Tx)
	for attempt := 1; ; attempt++ {
		err := fn()
		if err == nil || callers || !rowsRemain || attempt == attempts || !lostTo(err) {
			return err
		}
		pause := time.NewTimer(rand.N(firstPause << attempt))
		select {
		case <-pause.C:
		case <-ctx.Done():
			pause.Stop()
			return err
		}
	}
}

// lostTo says whether the server gave others the preference.
func lostTo(err error) bool {
	var pgErr *pgconn.PgError
	return errors.As(err, &pgErr) && (pgErr.Code == "40P01" || pgErr.Code == "40001")
}
