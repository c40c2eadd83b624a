package querycache

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/headrace/headrace/internal/stmtstats"
)

// A tierLink is a cache's use of one further tier.
//
// After an error of Get or Raise the tier is down: it is passed over, and the
// names of raises are pending. One goroutine then raises the pending names until
// that succeeds. A name stays pending, and results that depend on it are
// neither read from the tier nor stored there, until its raise has succeeded.
type tierLink struct {
	tier    Tier
	name    string
	cache   *Cache
	timeout time.Duration

	down   atomic.Bool
	losses atomic.Uint64 // calls of forgets

	mu         sync.Mutex
	pending    map[string]uint64   // names to raise, with the number of the call that made them pending; guarded by mu
	calls      uint64              // of postpone; guarded by mu
	raised     map[string]struct{} // names that this process has raised; guarded by mu
	recovering bool                // the goroutine runs; guarded by mu
	closed     bool                // guarded by mu
	lost       bool                // raises of others may have been missed; guarded by mu
	lastErr    error               // of the tier; nil if there was none; guarded by mu

	hits, misses, errors, passed atomic.Uint64
	sets, raises                 atomic.Uint64
	bytesRead, bytesWritten      atomic.Uint64
	times                        stmtstats.Waits // of Get
	running                      sync.WaitGroup  // of the goroutine
}

func newTierLink(c *Cache, t Tier, timeout time.Duration) *tierLink {
	return &tierLink{tier: t, name: t.Name(), cache: c, timeout: timeout, pending: make(map[string]uint64), raised: make(map[string]struct{})}
}

// usable reports whether results that depend on names may be read from the tier
// and stored there.
func (l *tierLink) usable(names []string) bool {
	if l.down.Load() {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.pending) == 0 {
		return true
	}
	for _, name := range names {
		if _, ok := l.pending[name]; ok {
			return false
		}
	}
	return true
}

// get reads a value and the versions of names. It reports false if the tier was
// passed over, has failed, or may have lost versions meanwhile: what it has read
// may be older than a raise of this process. ctx is that of a load.
func (l *tierLink) get(ctx context.Context, key string, names []string) (v TierValue, ok bool) {
	losses := l.losses.Load() // before pending is read
	if !l.usable(names) {
		l.passed.Add(1)
		return v, false
	}
	within, cancel := context.WithTimeout(ctx, l.timeout)
	defer cancel()
	begun := l.cache.clock.now()
	v, err := guarded(func() (TierValue, error) { return l.tier.Get(within, key, names) })
	switch {
	case err != nil:
	case len(v.Versions) != len(names):
		err = fmt.Errorf("got %d versions of %d names", len(v.Versions), len(names))
	case slices.Contains(v.Versions, 0):
		err = errors.New("got version 0")
	default:
		err = within.Err() // late
	}
	switch {
	case err != nil && ctx.Err() != nil: // no caller waits
		return v, false
	case err != nil:
		l.fail(fmt.Errorf("get: %w", err))
		return v, false
	case l.losses.Load() != losses:
		l.passed.Add(1)
		return TierValue{}, false
	}
	l.times.Add(time.Duration(l.cache.clock.now() - begun))
	l.bytesRead.Add(uint64(len(v.Value)))
	return v, true
}

// set stores a value that depends on names. A tier that takes its time begins to
// count the TTL late, so the time allowed for that is subtracted. After a failure
// the value may be stored at any time: the last of the names is raised, so that
// it is invalid then. The tier may accept other values.
func (l *tierLink) set(ctx context.Context, key string, names []string, value []byte, ttl time.Duration) {
	allowed := min(l.timeout, ttl/4)
	if ttl -= allowed; ttl < time.Millisecond || !l.usable(names) {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, allowed)
	defer cancel()
	begun := l.cache.clock.now()
	if _, err := guarded(func() (any, error) { return nil, l.tier.Set(ctx, key, value, ttl) }); err != nil || l.cache.clock.now()-begun > int64(allowed) {
		l.count(fmt.Errorf("set: %w", cmp.Or(err, context.DeadlineExceeded)))
		l.postpone(names[len(names)-1:])
		return
	}
	l.sets.Add(1)
	l.bytesWritten.Add(uint64(len(value)))
}

// raise raises names, or makes them pending.
func (l *tierLink) raise(names []string) {
	l.mu.Lock()
	for _, name := range names {
		l.raised[remembered(name)] = struct{}{}
	}
	l.forgetSome()
	l.mu.Unlock()
	if l.down.Load() {
		l.postpone(names)
		return
	}
	if err := l.call(l.timeout, names); err != nil {
		l.postpone(names)
		l.fail(err)
	}
}

// call raises names on the tier.
func (l *tierLink) call(timeout time.Duration, names []string) error {
	ctx, cancel := context.WithTimeout(l.cache.ctx, timeout)
	defer cancel()
	if _, err := guarded(func() (any, error) { return nil, l.tier.Raise(ctx, names) }); err != nil {
		return fmt.Errorf("raise: %w", err)
	}
	l.raises.Add(1)
	return nil
}

// guarded returns the results of a method of a Tier, and an error if it panics:
// the program goes on without the Tier.
func guarded[T any](call func() (T, error)) (v T, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return call()
}

// remembered returns the name to remember as raised: that of the Aside in place
// of those of its keys.
func remembered(name string) string {
	if name[0] == 'k' {
		return widened(name)
	}
	return name
}

// mostRaised bounds the names that are remembered as raised.
const mostRaised = 4096

// forgetSome replaces the names in l.raised with fewer ones that include them,
// if they are too many. l.mu is held.
func (l *tierLink) forgetSome() {
	if len(l.raised) <= mostRaised {
		return
	}
	wide := make(map[string]struct{})
	for name := range l.raised {
		wide[widened(name)] = struct{}{}
	}
	l.raised = wide
}

// postpone makes names pending.
func (l *tierLink) postpone(names []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.calls++
	for _, name := range names {
		l.pending[name] = l.calls
	}
	l.recover(0)
}

// count counts an error.
func (l *tierLink) count(err error) {
	l.errors.Add(1)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lastErr = err
}

// fail records that the tier does not answer.
func (l *tierLink) fail(err error) {
	if errors.Is(err, context.Canceled) && l.cache.ctx.Err() != nil {
		return
	}
	l.count(err)
	l.down.Store(true)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.recover(leastPause)
}

// forgets is called when the tier may have lost versions, or gone back to old
// ones, and may have missed raises of other processes.
func (l *tierLink) forgets() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.losses.Add(1) // with l.mu held until the names are pending
	l.lost = true
	l.calls++
	for name := range l.raised {
		l.pending[name] = l.calls
	}
	l.recover(0)
}

// The pauses between attempts to reach a tier, and the time of an attempt.
const (
	leastPause  = 50 * time.Millisecond
	mostPause   = 2 * time.Second
	attemptTime = time.Second
)

// recover begins to raise the pending names in the background after a pause,
// unless that is under way. l.mu is held.
func (l *tierLink) recover(pause time.Duration) {
	if l.recovering || l.closed {
		return
	}
	l.recovering = true
	l.running.Go(func() {
		for {
			select {
			case <-l.cache.ctx.Done():
				return
			case <-time.After(pause):
			}
			if l.attempt() {
				return
			}
			pause = min(max(2*pause, leastPause), mostPause)
		}
	})
}

// proof is the name that is raised to find out whether a tier can be written.
const proof = "s/headrace.proof"

// batchOfNames bounds the names of one call of Raise.
const batchOfNames = 256

// attempt raises the pending names, and reports whether the tier is in use
// again.
func (l *tierLink) attempt() bool {
	l.mu.Lock()
	lost, losses, last := l.lost, l.losses.Load(), l.calls
	names := []string{proof}
	for name := range l.pending {
		names = append(names, name)
	}
	l.mu.Unlock()
	for len(names) > 0 {
		some := names[:min(len(names), batchOfNames)]
		names = names[len(some):]
		if err := l.call(attemptTime, some); err != nil {
			l.count(err)
			return false
		}
		l.raisedAgain(some, last)
	}
	if lost {
		l.cache.missedRaises()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.losses.Load() == losses {
		l.lost = false
	}
	if len(l.pending) > 0 || l.lost {
		return false
	}
	l.recovering = false
	l.down.Store(false)
	return true
}

// raisedAgain removes names from the pending ones, unless they were postponed
// after the call with the given number.
func (l *tierLink) raisedAgain(names []string, last uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, name := range names {
		if l.pending[name] <= last {
			delete(l.pending, name)
		}
	}
}

// close ends the goroutine. The context of the cache has ended.
func (l *tierLink) close() {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	l.running.Wait()
}

// longestError bounds the text of an error in statistics.
const longestError = 500

// textOf returns the text of an error for people, without what PostgreSQL may
// have put into it: its messages quote values.
func textOf(err error) string {
	text := err.Error()
	if pgErr, ok := errors.AsType[*pgconn.PgError](err); ok {
		text = strings.ReplaceAll(text, pgErr.Error(), "the server reports SQLSTATE "+pgErr.Code)
	}
	if len(text) > longestError {
		text = text[:longestError] + "..."
	}
	return strings.ToValidUTF8(text, "?")
}

// stats returns the statistics of the tier.
func (l *tierLink) stats() TierStats {
	times := l.times.Snapshot()
	s := TierStats{
		Name: l.name, Hits: l.hits.Load(), Misses: l.misses.Load(), Passed: l.passed.Load(), Errors: l.errors.Load(),
		Sets: l.sets.Load(), Raises: l.raises.Load(), BytesRead: l.bytesRead.Load(), BytesWritten: l.bytesWritten.Load(),
		Gets: uint64(times.Count), Time: times.Total, Median: times.Times.Quantile(0.5), P99: times.Times.Quantile(0.99), Down: l.down.Load(),
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	s.Pending, s.Behind = len(l.pending), l.lost
	if l.lastErr != nil {
		s.LastError = textOf(l.lastErr)
	}
	return s
}
