package querycache

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/internal/changes"
	"github.com/headrace/headrace/internal/s3fifo"
)

// Options configures a Cache. The zero value, and a nil *Options, mean the
// defaults.
type Options struct {
	// MaxBytes bounds the memory of the entries, including their keys, indexes
	// and statements; the texts of statements use up to an eighth. The cache
	// uses less while the live memory of the program is close to GOMEMLIMIT.
	// Default 64 MiB; at least 64 KiB.
	MaxBytes int64

	// Scope returns what a result depends on in addition to statement and
	// arguments: the tenant, the role, the settings that a pool's hooks take
	// from the context. Entries are shared only between equal scopes. With ok
	// false the result is not stored. Scope is required for a handle whose pool
	// has PrepareConn or BeforeAcquire: hits do not run these hooks, so a
	// result loaded with one caller's settings would reach another caller.
	// Default nil: results depend on nothing else.
	Scope func(ctx context.Context) (scope string, ok bool)

	// Tiers are further tiers behind the memory, such as [rediscache] and
	// [tablecache], in the order in which they are asked. Processes with a Tier
	// on the same store share its results. The program closes the Tiers after
	// the Cache. At most 4, with different names. Default none.
	//
	// [rediscache]: https://pkg.go.dev/github.com/headrace/headrace/querycache/rediscache
	// [tablecache]: https://pkg.go.dev/github.com/headrace/headrace/querycache/tablecache
	Tiers []Tier

	// TierTimeout bounds each call of a Tier for a read or a commit. A Tier that
	// does not answer in time is passed over until it does. Default 10 ms.
	TierTimeout time.Duration

	// CheckShared is for tests of programs that set Policy.Shared. Each hit
	// compares the whole value with its checksum, and panics with the name of
	// the statement if a caller has changed the value. The cost of a hit grows
	// with its value. Default off.
	CheckShared bool

	// OnLookup is called at every lookup, on the goroutine of the caller. It
	// should return quickly. Default nil.
	OnLookup func(ctx context.Context, l Lookup)
}

// A Lookup is one read through a cached handle or an Aside.
type Lookup struct {
	Name   string // of the statement, from its "-- name:" comment or else its text with constants replaced, or of the Aside
	Reason Reason
	Took   time.Duration // until the result was available; 0 for a hit
}

const (
	defaultMaxBytes = 64 << 20
	leastMaxBytes   = 64 << 10
)

// A Cache stores results in memory. It is safe for concurrent use, with handles
// to any number of databases. A program needs only one, whose budget all
// handles share.
type Cache struct {
	opts      Options
	store     *s3fifo.Store[record, cached]
	clock     clock
	flights   flights
	records   *records
	newcomers newcomers
	changes   atomic.Uint64 // number of the last change
	off       atomic.Int32  // why nothing is stored: bits offSuspended and offClosed

	mu         sync.Mutex
	sources    map[*db.DB]*source               // guarded by mu
	changelogs map[*changes.Database]*changelog // guarded by mu
	doubts     []*doubt                         // changes in doubt; guarded by mu
	spaces     uint64                           // how many key spaces were given out; guarded by mu

	tiers        []*tierLink
	untrackTiers []func()
	tierMu       sync.Mutex
	tierTables   map[string]*tierTable // by name; guarded by tierMu

	ctx     context.Context // ends with Close
	cancel  context.CancelFunc
	running sync.WaitGroup // everything that Close waits for
}

// Why a cache stores nothing.
const (
	offSuspended = 1 << iota
	offClosed
)

// New returns a new cache. The caller must close it.
func New(opts *Options) (*Cache, error) {
	var o Options
	if opts != nil {
		o = *opts
	}
	if o.MaxBytes == 0 {
		o.MaxBytes = defaultMaxBytes
	}
	switch {
	case o.MaxBytes < 0:
		return nil, fmt.Errorf("querycache: Options.MaxBytes: %d is negative", o.MaxBytes)
	case o.MaxBytes < leastMaxBytes:
		return nil, fmt.Errorf("querycache: Options.MaxBytes: %d is less than %d (0 is the default)", o.MaxBytes, leastMaxBytes)
	}
	if err := checkTiers(&o); err != nil {
		return nil, err
	}
	c := &Cache{opts: o, store: s3fifo.New[record, cached](o.MaxBytes), sources: make(map[*db.DB]*source), changelogs: make(map[*changes.Database]*changelog)}
	c.records = newRecords(o.MaxBytes/recordsShare, c.store.Reserve)
	c.clock.start = time.Now()
	c.flights.init()
	c.ctx, c.cancel = context.WithCancel(context.Background())
	c.openTiers()
	c.running.Go(c.watch)
	return c, nil
}

// watchEvery is the interval at which the cache checks memory and the wall
// clock.
const watchEvery = time.Second

// watch checks memory, the clock and closed handles until the cache is closed.
func (c *Cache) watch() {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	memory := newPressure()
	before := time.Now()
	for {
		select {
		case <-c.ctx.Done():
			return
		case <-tick.C:
			now := time.Now()
			c.clock.notice(before, now)
			before = now
			memory.relieve(c.store)
			c.forgetClosed()
		}
	}
}

// ErrClosed is returned by functions that need an open cache. Reads through the
// handles of a closed cache go to the server.
var ErrClosed = errors.New("querycache: the cache is closed")

// source returns the cache's view of pg.
func (c *Cache) source(pg *db.DB) *source {
	c.mu.Lock()
	s := c.sources[pg]
	first := s == nil
	if first {
		s = newSource(c, pg)
		c.sources[pg] = s
	}
	c.mu.Unlock()
	if first { // without c.mu, which invalidateDatabase locks
		s.track()
	}
	return s
}

// space returns the number of a new key space.
func (c *Cache) space() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.spaces++
	return c.spaces
}

// allSources returns all sources, for use without c.mu.
func (c *Cache) allSources() []*source {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Collect(maps.Values(c.sources))
}

// changelog returns the changelog of a database, making one if there is none.
func (c *Cache) changelog(at *changes.Database) *changelog {
	c.mu.Lock()
	defer c.mu.Unlock()
	l := c.changelogs[at]
	if l == nil {
		l = newChangelog(c, at)
		c.changelogs[at] = l
		for _, d := range c.doubts {
			if d.change.Database.Concerns(at) {
				d.changelogs = append(d.changelogs, l)
				l.apply(d.change)
			}
		}
	}
	return l
}

// knownChangelog returns the changelog of a database, or nil.
func (c *Cache) knownChangelog(at *changes.Database) *changelog {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.changelogs[at]
}

// concerned returns the changelogs that a change in at affects. If at is nil,
// the change may be in any database.
func (c *Cache) concerned(at *changes.Database) []*changelog {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.concernedBy(at)
}

// concernedBy is concerned with c.mu held.
func (c *Cache) concernedBy(at *changes.Database) []*changelog {
	var list []*changelog
	for other, l := range c.changelogs {
		if at.Concerns(other) {
			list = append(list, l)
		}
	}
	return list
}

// beginDoubt records a change in doubt and returns the changelogs that it
// affects. Changelogs made while it is in doubt are added to d.
func (c *Cache) beginDoubt(d *doubt) []*changelog {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.doubts = append(c.doubts, d)
	d.changelogs = c.concernedBy(d.change.Database)
	return slices.Clone(d.changelogs)
}

// endDoubt removes a change in doubt and returns the changelogs that recorded
// it.
func (c *Cache) endDoubt(d *doubt) []*changelog {
	c.mu.Lock()
	defer c.mu.Unlock()
	if i := slices.Index(c.doubts, d); i >= 0 {
		c.doubts = slices.Delete(c.doubts, i, i+1)
	}
	return d.changelogs
}

// forgetClosed removes closed handles, their statements, and the changelogs of
// databases that no other handle leads to.
func (c *Cache) forgetClosed() {
	var closed []*source
	var gone []*changelog
	c.mu.Lock()
	for pg, s := range c.sources {
		if s.handle.Closed() {
			closed = append(closed, s)
			delete(c.sources, pg)
		}
	}
	if len(closed) > 0 {
		maps.DeleteFunc(c.changelogs, func(at *changes.Database, l *changelog) bool {
			if !c.unreachable(at, l) {
				return false
			}
			gone = append(gone, l)
			return true
		})
	}
	c.mu.Unlock()
	c.forgetTierTables(gone)
	for _, s := range closed {
		s.close()
		c.records.forget(s)
	}
}

// unreachable reports whether no handle leads to a database. c.mu is held.
func (c *Cache) unreachable(at *changes.Database, l *changelog) bool {
	for _, s := range c.sources {
		if s.current() == at {
			return false
		}
	}
	return !slices.ContainsFunc(c.doubts, func(d *doubt) bool { return slices.Contains(d.changelogs, l) })
}

func (c *Cache) allChangelogs() []*changelog {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Collect(maps.Values(c.changelogs))
}

// Follow subscribes the cache to the changes that are committed through pg and
// its pool. Entries that such a change invalidates are not returned after the
// committing call has returned, through any handle to the same database.
// Changes by other programs, and through handles that are not followed, are not
// observed; entries live until their TTL then. While a commit is in doubt,
// entries that depend on its tables are neither returned nor stored.
//
// Follow invalidates all earlier entries of the database. It returns
// [db.ErrUnobserved] for a handle that adopted its pool. stop ends the
// subscription.
func (c *Cache) Follow(pg *db.DB) (stop func(), err error) {
	switch {
	case pg == nil:
		return nil, errors.New("querycache: Follow needs a handle, got nil")
	case c.off.Load()&offClosed != 0:
		return nil, ErrClosed
	}
	stop, err = c.source(pg).follow()
	if err != nil {
		return nil, fmt.Errorf("querycache: follow: %w", err)
	}
	return stop, nil
}

// InvalidateTables invalidates the entries that depend on the given tables, in
// every database, and reports whether a statement read so far depends on one of
// them. A name is written as in SQL, quoted or not, or exactly as the server
// stores it. A name without a schema matches tables in all schemas. The name of
// a view matches the entries of statements that use the view. Results of loads
// under way are not stored. Entries with unknown dependencies are invalidated
// too.
func (c *Cache) InvalidateTables(tables ...string) (known bool) {
	if len(c.tiers) > 0 {
		var names []string
		for _, l := range c.allChangelogs() {
			names = append(names, l.tierNamesOf(tables)...)
		}
		c.raiseTiers(names)
	}
	for _, l := range c.allChangelogs() {
		known = l.invalidateTables(tables) || known
	}
	return known
}

// InvalidateStatements invalidates the entries of the statements and Asides
// with the given names.
func (c *Cache) InvalidateStatements(names ...string) {
	var raised []string
	for _, name := range names {
		if name != "" {
			raised = append(raised, statementTierName(name))
		}
	}
	c.raiseTiers(raised)
	n := c.changes.Add(1)
	for _, r := range c.records.all() {
		for _, name := range names {
			if name != "" && r.name == name {
				r.invalidate(n)
			}
		}
	}
}

// InvalidateAll invalidates all entries and frees their memory. In further
// tiers it invalidates the entries of the databases that the cache has read
// from, and of its Asides.
func (c *Cache) InvalidateAll() {
	c.raiseTiers(c.allTierNames())
	c.invalidateAll()
}

// allTierNames returns the names of everything in the tiers.
func (c *Cache) allTierNames() (names []string) {
	if len(c.tiers) == 0 {
		return nil
	}
	for _, l := range c.allChangelogs() {
		if l.database.Server() != "" {
			names = append(names, tierServer(l.database)+everythingIn)
		}
	}
	for _, r := range c.records.all() {
		if r.aside {
			names = append(names, r.tierName)
		}
	}
	return names
}

// invalidateAll invalidates all entries in memory.
func (c *Cache) invalidateAll() {
	for _, l := range c.allChangelogs() {
		l.invalidateAll()
	}
	n := c.changes.Add(1)
	for _, r := range c.records.all() {
		r.invalidate(n)
	}
	c.store.Clear()
}

// Suspend sends every read to the server, and stores nothing, until Resume.
func (c *Cache) Suspend() { c.off.Or(offSuspended) }

// Resume ends Suspend. It invalidates all entries: the program may have made
// changes that the cache could not see.
func (c *Cache) Resume() {
	c.InvalidateAll()
	c.off.And(^int32(offSuspended))
}

// closeTime is how long Close waits for loads that ignore their cancellation.
const closeTime = 6 * time.Second

// Close invalidates all entries and ends the background goroutines. It cancels
// the contexts of the loads under way and waits at most 6 seconds for them: a
// load that ignores its context keeps running, and its result is not stored.
// Callers that wait for a load get an error that wraps [ErrClosed] at once.
// Later reads through the cache's handles go to the server. Close may be called
// more than once.
func (c *Cache) Close() {
	if c.off.Or(offClosed)&offClosed != 0 {
		return
	}
	for _, s := range c.allSources() {
		s.close()
	}
	c.flushTiers()
	c.cancel()
	c.flights.close()
	ended := make(chan struct{})
	go func() {
		c.running.Wait()
		close(ended)
	}()
	late := time.NewTimer(closeTime)
	defer late.Stop()
	select {
	case <-ended:
	case <-late.C:
	}
	c.closeTiers()
	c.invalidateAll()
}

type bypassKey struct{}

// Bypass returns a context that sends reads through cached handles to the
// server. Their results are not stored.
func Bypass(ctx context.Context) context.Context {
	return context.WithValue(ctx, bypassKey{}, true)
}

// bypassed reports whether ctx is derived from a context of Bypass.
func bypassed(ctx context.Context) bool { return ctx.Value(bypassKey{}) != nil }
