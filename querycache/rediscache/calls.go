package rediscache

import (
	"context"
	"fmt"
	"net"
	"sync"
	"time"
)

var errClosed = fmt.Errorf("the tier is closed: %w", net.ErrClosed)

// calls are the calls of a store that run.
type calls struct {
	closed context.Context
	cancel context.CancelFunc

	mu      sync.Mutex // held while running grows
	running sync.WaitGroup
}

// callLimit ends calls that nobody waits for any more.
const callLimit = 10 * time.Second

// within calls f, and returns at once when ctx ends. f then goes on: a
// connection is made also for a caller with a deadline that is too short for it,
// and the client's queue may block for longer than its context lasts. So f must
// not use memory of the caller.
func within[R any](ctx context.Context, c *calls, f func(ctx context.Context) (R, error)) (R, error) {
	type result struct {
		value R
		err   error
	}
	var none R
	if err := ctx.Err(); err != nil {
		return none, err
	}
	if !c.begin() {
		return none, errClosed
	}
	done := make(chan result, 1)
	go func() {
		defer c.running.Done()
		limited, cancel := context.WithTimeout(callContext{c.closed, ctx}, callLimit)
		defer cancel()
		value, err := f(limited)
		done <- result{value, err}
	}()
	select {
	case r := <-done:
		return r.value, r.err
	case <-ctx.Done():
		return none, ctx.Err()
	case <-c.closed.Done():
		return none, errClosed
	}
}

func (c *calls) begin() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed.Err() != nil {
		return false
	}
	c.running.Add(1)
	return true
}

// end ends all calls. It does not wait for them.
func (c *calls) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cancel()
}

// callContext ends with the store, and has the values of a call.
type callContext struct {
	context.Context
	values context.Context
}

// Value returns a value of the call.
func (c callContext) Value(key any) any {
	if v := c.Context.Value(key); v != nil { // what package context itself looks for
		return v
	}
	return c.values.Value(key)
}
