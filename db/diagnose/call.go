package diagnose

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// A call calls a function of the program's on a goroutine of its own, so that
// the caller does not wait for one that ignores its context. While such a
// function runs, it is not called a second time.
type call struct{ running atomic.Bool }

var errRunning = errors.New("the previous call has not returned")

// do calls fn and returns its error, or that of ctx.
func (c *call) do(ctx context.Context, fn func(context.Context) error) error {
	if !c.running.CompareAndSwap(false, true) {
		return errRunning
	}
	result := make(chan error, 1)
	go func() {
		err := contained(ctx, fn)
		c.running.Store(false)
		result <- err
	}()
	select {
	case err := <-result:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// contained calls fn and returns a panic as an error.
func contained(ctx context.Context, fn func(context.Context) error) (err error) {
	defer func() {
		if value := recover(); value != nil {
			err = fmt.Errorf("it panicked with a %T", value) // its text may be anything
		}
	}()
	return fn(ctx)
}

// callLag calls a function that returns the lag of a replica.
func callLag(ctx context.Context, c *call, fn func(context.Context) (time.Duration, error)) (time.Duration, error) {
	answer := make(chan time.Duration, 1)
	err := c.do(ctx, func(ctx context.Context) error {
		lag, err := fn(ctx)
		answer <- lag
		return err
	})
	if err != nil {
		return 0, err
	}
	return <-answer, nil
}

// describe returns an error's text without what a server may have put into it:
// the messages of PostgreSQL quote values.
func describe(err error) string {
	if pgErr, ok := errors.AsType[*pgconn.PgError](err); ok {
		return "the server reports SQLSTATE " + pgErr.Code
	}
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return "timed out"
	case errors.Is(err, context.Canceled):
		return "canceled"
	}
	return err.Error()
}
