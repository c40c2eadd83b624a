package querycache

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"github.com/headrace/headrace/internal/cacheapi"
	"github.com/headrace/headrace/internal/changes"
)

// loadFunc loads a result and returns how many bytes it keeps alive: -1 if that
// is unknown, and the result must not be stored. f is nil for a load that no
// other caller may join.
type loadFunc func(ctx context.Context, f *flight) (value any, size int64, err error)

// A flight is one load that any number of callers wait for. Its context has
// the values of the caller that began it, except the bound of rows, and no
// deadline. It is cancelled when the last waiting caller has left, and when the
// cache is closed.
type flight struct {
	record  *record
	hash    uint64
	key     string
	stamp   uint64 // the number of the last change when the flight began
	begun   int64  // on the cache's clock; of the load that a tier has the result of, once it is found
	refresh bool   // replaces a stale entry: a stale value of a tier is of no use
	ctx     context.Context
	cancel  context.CancelCauseFunc
	loading *loading // guarded by waiting

	waiting int     // number of callers; guarded by the shard's mu
	joined  bool    // a second caller has waited; guarded by the shard's mu
	outcome outcome // guarded by the shard's mu until done is closed

	session      *changes.SessionWatch // of the connections that the load uses
	dependencies *dependencies         // of the result; set before the load

	// Set by the load.
	tiers  *tierRead // nil if it has not asked the tiers
	served Reason    // HitTier, HitStale or HitOnError for a value of a tier; none for a result of the server
	tier   int       // the index of that tier

	done      chan struct{} // closed when the following fields are set
	value     any
	err       error
	notStored Reason // why the result was not stored; none if it was
}

// An outcome is the state of the result of a load, and determines which callers
// get it.
type outcome uint8

const (
	outcomePending     outcome = iota // the load has not ended
	outcomeInvalidated                // the load has not ended; its result must be neither stored nor joined
	outcomeStored                     // stored in the cache; every waiting caller gets it
	outcomeCoalesced                  // not stored; every waiting caller gets it
	outcomePrivate                    // not stored; only the caller that began the flight gets it
)

// flights are the loads under way: at most one for a key that may be joined.
type flights struct{ shards [flightShards]flightShard }

type flightShard struct {
	mu      sync.Mutex
	byHash  map[uint64]*flight   // those that may be joined; guarded by mu
	running map[*flight]struct{} // all; guarded by mu
	closed  bool                 // guarded by mu
}

const flightShards = 32

func (fs *flights) init() {
	for i := range fs.shards {
		fs.shards[i].byHash = make(map[uint64]*flight)
		fs.shards[i].running = make(map[*flight]struct{})
	}
}

func (fs *flights) shard(hash uint64) *flightShard {
	return &fs.shards[hash>>32%flightShards]
}

// join returns the flight for a read, and reports whether the caller has begun
// it and must run it. It returns nil if the cache is closed, or if another key
// with the same hash is being loaded.
func (c *Cache) join(ctx context.Context, r *record, hash uint64, key []byte) (f *flight, begun bool) {
	sh := c.flights.shard(hash)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if sh.closed {
		return nil, false
	}
	if f := sh.byHash[hash]; f != nil {
		if f.record != r || f.key != string(key) {
			return nil, false
		}
		// A load that began before a change may have read the old rows. Reads
		// that begin after the change must not get its result.
		if r.current(f.stamp, f.key) {
			f.waiting++
			f.joined = true
			return f, false
		}
	}
	f = &flight{record: r, hash: hash, key: string(key), begun: c.clock.now(), waiting: 1, done: make(chan struct{})}
	f.stamp = c.changes.Load() // before anything is read
	f.ctx, f.session = changes.WatchSession(cacheapi.WithoutMaxRows(context.WithoutCancel(ctx)))
	f.ctx, f.cancel = context.WithCancelCause(f.ctx)
	f.ctx = beginLoad(f.ctx, f)
	sh.byHash[hash] = f
	sh.running[f] = struct{}{}
	c.running.Add(1)
	return f, true
}

// run runs the load, stores its result if allowed, and releases the waiting
// callers.
func (c *Cache) run(f *flight, load loadFunc) {
	returned, end := false, outcomeCoalesced
	defer func() {
		if !returned {
			f.value, f.notStored, f.err = nil, MissFailed, errGone
			if p := recover(); p != nil {
				f.err = &PanicError{Value: p, Stack: debug.Stack()}
			}
		}
		c.land(f, end)
	}()
	f.dependencies = f.record.examine(f.ctx) // after the stamp was drawn
	value, size, err := load(f.ctx, f)
	if err != nil && f.served != none { // the rows of a tier do not fit, as after a change of the table
		f.tiers.reject()
		value, size, err = load(f.ctx, f)
	}
	if err != nil && f.tiers != nil && f.tiers.expired != nil && f.record.outageOf(err) {
		f.served, f.tier = HitOnError, f.tiers.expired.tier
		value, size, err = load(f.ctx, f)
	}
	f.value, f.err = value, f.explain(err)
	f.lookAtServer()
	if !f.common() {
		end = outcomePrivate
	}
	switch f.notStored = c.insert(f, size); {
	case f.notStored == none:
		end = outcomeStored
	case f.served == HitOnError && f.err == nil:
		end = outcomeCoalesced
	}
	returned = true
}

// explain adds ErrClosed to the error of a load that Close has cancelled.
func (f *flight) explain(err error) error {
	if err != nil && context.Cause(f.ctx) == ErrClosed { //nolint:errorlint // close sets it bare
		return fmt.Errorf("%w: load %s: %w", ErrClosed, f.record.label, err)
	}
	return err
}

// lookAtServer verifies that the load read the database that the cache expects,
// and that the handle still leads to it.
func (f *flight) lookAtServer() {
	s := f.record.source
	if s == nil || f.dependencies == nil || f.dependencies.refusal != none || f.err != nil {
		return
	}
	want := f.dependencies.examined.changelog.database
	if asked, any := f.session.Database(); s.current() != want || any && asked != want {
		f.dependencies = unexamined(errElsewhere)
	}
}

var errElsewhere = errors.New("the connection leads to an unknown database, or not to that of the handle")

// common reports whether other callers with the same key may get the result of
// the load. They may not if the statement was found to write, or if the session
// of the connection had been changed.
func (f *flight) common() bool {
	return f.dependencies != nil && f.dependencies.refusal == none && f.session.Changed() == ""
}

// land ends a flight.
func (c *Cache) land(f *flight, end outcome) {
	f.loading.ended.Store(true)
	c.flights.remove(f, end)
	f.cancel(nil)
	close(f.done)
	if f.tiers != nil {
		f.tiers.store()
	}
	c.running.Done()
}

func (fs *flights) remove(f *flight, end outcome) {
	sh := fs.shard(f.hash)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if end == outcomeCoalesced && !f.joined {
		end = outcomePrivate
	}
	f.outcome = end
	delete(sh.running, f)
	if sh.byHash[f.hash] == f {
		delete(sh.byHash, f.hash)
	}
}

// wait waits until the flight ends, ctx ends or the cache is closed.
func (c *Cache) wait(ctx context.Context, f *flight) error {
	within := loadingOf(ctx)
	err := within.enter(f)
	if err == nil {
		defer within.leave(f)
		select {
		case <-f.done:
		case <-ctx.Done():
			err = f.record.stalled(ctx.Err())
		case <-c.ctx.Done():
			err = ErrClosed
		}
		select {
		case <-f.done:
			return nil
		default:
		}
	}
	c.abandon(f)
	return fmt.Errorf("querycache: wait for %s: %w", f.record.label, err)
}

// stalled adds to the error of a wait how the connections are used, if all of
// them are in use: the load may be waiting for one.
func (r *record) stalled(err error) error {
	if r.source == nil || r.source.pg == nil {
		return err
	}
	if exhausted := r.source.handle.Exhausted(); exhausted != nil {
		return fmt.Errorf("%w: %w", exhausted, err)
	}
	return err
}

// abandon undoes a join, and cancels the flight if no caller waits for it.
func (c *Cache) abandon(f *flight) {
	sh := c.flights.shard(f.hash)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if f.waiting--; f.waiting == 0 {
		if sh.byHash[f.hash] == f {
			delete(sh.byHash, f.hash)
		}
		f.cancel(nil)
	}
}

// invalidate prevents the load under way for a read, if there is one, from
// being stored and joined.
func (fs *flights) invalidate(hash uint64) {
	sh := fs.shard(hash)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if f := sh.byHash[hash]; f != nil {
		f.outcome = outcomeInvalidated
		delete(sh.byHash, hash)
	}
}

// close prevents new flights, and cancels those under way.
func (fs *flights) close() {
	for i := range fs.shards {
		sh := &fs.shards[i]
		sh.mu.Lock()
		sh.closed = true
		for f := range sh.running {
			f.cancel(ErrClosed)
		}
		sh.mu.Unlock()
	}
}

// refreshTime bounds a load in the background.
const refreshTime = time.Minute

// refresh replaces a stale entry in the background, unless a load is under way.
func (c *Cache) refresh(ctx context.Context, r *record, hash uint64, key []byte, load loadFunc) {
	f, begun := c.join(ctx, r, hash, key)
	if f == nil {
		return
	}
	if !begun {
		c.leave(f)
		return
	}
	f.refresh = true
	late := f.cancelAfter(refreshTime)
	go func() {
		defer late.Stop()
		c.run(f, load)
	}()
}

// cancelAfter cancels the flight after a time, unless the timer is stopped.
func (f *flight) cancelAfter(d time.Duration) *time.Timer {
	return time.AfterFunc(d, func() { f.cancel(context.DeadlineExceeded) })
}

// leave undoes a join of a flight that continues without waiting callers.
func (c *Cache) leave(f *flight) {
	sh := c.flights.shard(f.hash)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	f.waiting--
}

// A PanicError is returned to callers that wait for a load that panics. The
// caller that began the load gets the panic itself, except from GetMany.
type PanicError struct {
	Value any    // of the panic
	Stack []byte // of the load's goroutine
}

// Error returns a message with the panic's value.
func (e *PanicError) Error() string {
	return fmt.Sprintf("querycache: the load panicked: %v", e.Value)
}

// Unwrap returns the panic's value if it is an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

var errGone = errors.New("querycache: the load called runtime.Goexit")
