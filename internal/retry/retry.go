package retry

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// A Policy bounds the attempts and the waits between them. Each wait is random,
// up to First after the first attempt and up to twice as much after each further
// one, but never above Longest: "full jitter", so that transactions that
// collided do not collide again.
//
// Source: M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog,
// 2015.
type Policy struct {
	Attempts       int
	First, Longest time.Duration
}

// Do calls fn until it succeeds, fails with an error that is not retryable, has
// been called p.Attempts times, or ctx ends. It returns fn's last error and the
// number of calls. The end of ctx ends a wait, not a call.
func (p Policy) Do(ctx context.Context, retryable func(error) bool, fn func() error) (attempts int, err error) {
	for attempts = 1; ; attempts++ {
		err = fn()
		if err == nil || attempts >= p.Attempts || !retryable(err) || ctx.Err() != nil || Sleep(ctx, p.wait(attempts)) != nil {
			return attempts, err
		}
	}
}

// wait returns how long to wait after so many attempts.
func (p Policy) wait(attempts int) time.Duration {
	most := p.First
	for ; attempts > 1 && most < p.Longest; attempts-- {
		most *= 2
	}
	return rand.N(min(most, p.Longest) + 1)
}

// Sleep waits for d, or until ctx ends, whose error it then returns.
func Sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// SerializationFailure reports whether the server ended a transaction in favor
// of others, by a serialization failure (40001) or a deadlock (40P01): it may
// succeed when it is run again as a whole.
//
// Source: PostgreSQL manual, "Serialization Failure Handling".
func SerializationFailure(err error) bool {
	var pgErr *pgconn.PgError
	return errors.As(err, &pgErr) && (pgErr.Code == "40001" || pgErr.Code == "40P01")
}
