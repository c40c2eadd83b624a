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

// loadFunc asks for an answer that is not kept, and tells how many bytes it
// keeps alive; -1 if that cannot be known, so that it must not be kept.
type loadFunc func(ctx context.Context) (value any, size int64, err error)

// A flight is one load that any number of callers wait for. Its context has
// the values of the caller that began it, but for its bound of rows, and
// nobody's deadline: it is cancelled when the last caller that waited has left,
// and when the cache is closed.
type flight struct {
	record  *record
	hash    uint64
	key     string
	stamp   uint64 // the last change that was told when the flight began
	begun   int64  // on the cache's clock
	ctx     context.Context
	cancel  context.CancelCauseFunc
	loading *loading // guarded by waiting

	waiting int     // callers; guarded by the shard's mu, as are
	joined  bool    // a caller beside the one that began it has waited
	outcome outcome // may be read without mu once done is closed

	session      *changes.SessionWatch // of the connections that the load uses
	dependencies *dependencies         // what the answer depends on; set before the load

	done      chan struct{} // closed when what follows is set
	value     any
	err       error
	notStored Reason // why the answer was not kept; none if it was
}

// An outcome says what becomes of a load's result, and who gets it.
type outcome uint8

const (
	outcomePending     outcome = iota // the load has not ended
	outcomeInvalidated                // it has not ended, and its result must be neither stored nor joined
	outcomeStored                     // stored in the cache; every caller that waits gets it
	outcomeCoalesced                  // not stored; every caller that waits gets it
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
// it and must run it. It returns nil if there can be none: the cache is closed,
// or another key of the same hash is being loaded.
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
		// A load that began before a change may have read what was before
		// it: whoever asks after the change must not be answered by it.
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

// run loads, keeps the answer if it may, and lets go those who wait.
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
	value, size, err := load(f.ctx)
	f.value, f.err = value, f.explain(err)
	f.lookAtServer()
	if !f.common() {
		end = outcomePrivate
	}
	if f.notStored = c.insert(f, size); f.notStored == none {
		end = outcomeStored
	}
	returned = true
}

// explain says of the error of a load that was cancelled by Close that it was.
func (f *flight) explain(err error) error {
	if err != nil && context.Cause(f.ctx) == ErrClosed { //nolint:errorlint // close sets it bare
		return fmt.Errorf("%w: load %s: %w", ErrClosed, f.record.label, err)
	}
	return err
}

// lookAtServer makes sure that the load was answered by the database that the
// cache takes it to be, and that the handle leads there still.
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

var errElsewhere = errors.New("the connection leads to another database than the handle's others, or it is not known where")

// common reports whether the outcome of a load is what anybody who asks the
// same would get: not where the statement may write, by what was learned since
// the flight was joined, nor where the connection's session had been changed.
func (f *flight) common() bool {
	return f.dependencies != nil && f.dependencies.refusal == none && f.session.Changed() == ""
}

// land ends a flight.
func (c *Cache) land(f *flight, end outcome) {
	f.loading.ended.Store(true)
	c.flights.remove(f, end)
	f.cancel(nil)
	close(f.done)
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

// wait waits for a flight's end, its own context's or the cache's.
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

// stalled adds to the error of a wait that ended how the connections are used, if
// all of them are: the load waits for one then.
func (r *record) stalled(err error) error {
	if r.source == nil || r.source.pg == nil {
		return err
	}
	if exhausted := r.source.handle.Exhausted(); exhausted != nil {
		return fmt.Errorf("%w: %w", exhausted, err)
	}
	return err
}

// abandon takes back a join, and cancels a flight that nobody waits for any
// more.
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

// invalidate keeps the load under way for a read, if there is one, from being kept
// and from being joined.
func (fs *flights) invalidate(hash uint64) {
	sh := fs.shard(hash)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if f := sh.byHash[hash]; f != nil {
		f.outcome = outcomeInvalidated
		delete(sh.byHash, hash)
	}
}

// close keeps new flights from beginning, and cancels those under way.
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

// refreshTime bounds a load that nobody waits for.
const refreshTime = time.Minute

// refresh loads behind a stale answer, unless that is under way.
func (c *Cache) refresh(ctx context.Context, r *record, hash uint64, key []byte, load loadFunc) {
	f, begun := c.join(ctx, r, hash, key)
	if f == nil {
		return
	}
	if !begun {
		c.leave(f)
		return
	}
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

// leave takes back a join of a flight that goes on without anybody who waits.
func (c *Cache) leave(f *flight) {
	sh := c.flights.shard(f.hash)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	f.waiting--
}

// A PanicError is what callers get who waited for a load that panicked. The
// caller that began the load gets the panic itself.
type PanicError struct {
	Value any    // of the panic
	Stack []byte // of the load's goroutine
}

// Error returns the panic's value in words.
func (e *PanicError) Error() string {
	return fmt.Sprintf("querycache: the load panicked: %v", e.Value)
}

// Unwrap returns the panic's value if it is an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

var errGone = errors.New("querycache: the load ended its goroutine")
