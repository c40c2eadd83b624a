package db

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/headrace/headrace/internal/panics"
)

// LoaderOptions configures a Loader. The zero value means the defaults; with a
// negative one every lookup fails.
type LoaderOptions struct {
	// Window is how long a batch waits for a further key. It is sent when none
	// came for so long, and after five windows at the latest. Default 1 ms.
	Window time.Duration

	// MaxKeys is the number of keys at which a batch is sent without waiting
	// any longer. Default 1000.
	MaxKeys int
}

const (
	defaultLoaderWindow  = time.Millisecond
	defaultLoaderMaxKeys = 1000
	mostLoaderWindows    = 5
)

// A Loader answers lookups by key from many goroutines with one statement: it
// collects keys for a moment and asks for all of them at once. A loop or a tree
// of resolvers that looks up one key each then costs one round trip instead
// of one a key.
//
// Each key is asked for once a batch, however many callers want it; they share
// the value, and must not change what it points to. What fails for one key
// fails those who want it; a batch that fails as a whole fails its own callers
// only. A load that panics fails them with an error that holds the value and
// the stack. A caller whose context ends leaves without the others; when all
// have left, the batch is cancelled.
//
// The statement runs with the values, not the deadline, of the context of the
// batch's first caller, and its answers go to all of them. Where a context
// decides what may be read, the tenant whose rows a policy of the server shows
// for example, callers of different ones must not meet in a Loader: make one for
// each request.
//
// A row finds its callers by its key, compared by Go's ==. What the server
// takes for equal must be equal there too: a citext or numeric read as text, or
// a time in another location, is not, and its key is answered as missing.
//
// A Loader may be used by many goroutines at once, and so must what it reads
// from: a *DB or a pool, not a transaction or a connection. It has a goroutine
// only while a batch is under way.
type Loader[K comparable, V any] struct {
	load    func(ctx context.Context, keys []K) (map[K]V, error)
	missing func(key K) (V, error)
	window  time.Duration
	maxKeys int

	mu    sync.Mutex
	batch *loaderBatch[K, V] // guarded by mu: the one that takes keys; nil if none does
}

// NewLoader returns a Loader of the single row that belongs to a key. The
// statement selects them by the keys in its only parameter, as in
// SELECT * FROM cities WHERE id = ANY($1), and key tells which one a row
// belongs to. A key without row is [pgx.ErrNoRows]; one with several wraps
// [pgx.ErrTooManyRows]. Options.MaxRows does not bound what is asked together.
func NewLoader[K comparable, V any](q Querier, s *Stmt[V], key func(V) K, opts *LoaderOptions) *Loader[K, V] {
	return newLoader(opts, func(ctx context.Context, keys []K) (map[K]V, error) {
		rows, err := s.All(WithMaxRows(ctx, 0), q, keys) // the rows of many callers
		if err != nil {
			return nil, err
		}
		byKey := make(map[K]V, len(rows))
		several := make(LoadError[K])
		for _, row := range rows {
			k := key(row)
			if _, twice := byKey[k]; twice {
				several[k] = fmt.Errorf("db: load by %s: %w", s.text.Label(), pgx.ErrTooManyRows)
			}
			byKey[k] = row
		}
		return byKey, several.orNil()
	}, noRowLoaded[K, V])
}

// NewListLoader returns a Loader of all rows that belong to a key, in the
// statement's order: children by their parent's key. A key without rows has an
// empty list.
func NewListLoader[K comparable, V any](q Querier, s *Stmt[V], key func(V) K, opts *LoaderOptions) *Loader[K, []V] {
	return newLoader(opts, func(ctx context.Context, keys []K) (map[K][]V, error) {
		rows, err := s.All(WithMaxRows(ctx, 0), q, keys) // the rows of many callers
		if err != nil {
			return nil, err
		}
		byKey := make(map[K][]V, len(keys))
		for _, row := range rows {
			k := key(row)
			byKey[k] = append(byKey[k], row)
		}
		for k, list := range byKey {
			byKey[k] = slices.Clip(list) // callers share it: what they append must not
		}
		return byKey, nil
	}, func(K) ([]V, error) { return nil, nil })
}

// NewLoaderFunc returns a Loader over a function that looks keys up. Keys that
// are not in the map it returns are answered with [pgx.ErrNoRows]. An error that
// is a LoadError, wrapped or not, fails the keys in it; any other one fails all.
//
// load must not ask, over other Loaders either, for keys that it was called for:
// within a context of WithLoaderCache that call would wait for load itself, until
// its context ends.
func NewLoaderFunc[K comparable, V any](load func(ctx context.Context, keys []K) (map[K]V, error), opts *LoaderOptions) *Loader[K, V] {
	return newLoader(opts, load, noRowLoaded[K, V])
}

func noRowLoaded[K comparable, V any](K) (V, error) {
	var none V
	return none, pgx.ErrNoRows
}

func newLoader[K comparable, V any](opts *LoaderOptions, load func(context.Context, []K) (map[K]V, error), missing func(K) (V, error)) *Loader[K, V] {
	l := &Loader[K, V]{load: load, missing: missing, window: defaultLoaderWindow, maxKeys: defaultLoaderMaxKeys}
	if opts == nil {
		return l
	}
	if err := opts.validate(); err != nil {
		l.load = func(context.Context, []K) (map[K]V, error) { return nil, err }
		return l
	}
	l.window = cmp.Or(opts.Window, l.window)
	l.maxKeys = cmp.Or(opts.MaxKeys, l.maxKeys)
	return l
}

// validate names the field that is out of range.
func (o *LoaderOptions) validate() error {
	switch {
	case o.Window < 0:
		return fmt.Errorf("db: LoaderOptions.Window: %v is negative", o.Window)
	case o.MaxKeys < 0:
		return fmt.Errorf("db: LoaderOptions.MaxKeys: %d is negative", o.MaxKeys)
	}
	return nil
}

// Load returns the value for key. It blocks until the batch that key went into
// is answered or ctx ends. Within a context of WithLoaderCache a value that
// was loaded before is returned at once.
func (l *Loader[K, V]) Load(ctx context.Context, key K) (V, error) {
	return l.wait(ctx, key, l.ask(ctx, key))
}

// LoadMany returns the values for keys, in their order, each as often as its
// key is given. An error is a [LoadError] with that of each key that has one;
// the values of the others are returned even so.
func (l *Loader[K, V]) LoadMany(ctx context.Context, keys []K) ([]V, error) {
	batches := make([]*loaderBatch[K, V], len(keys))
	for i, key := range keys {
		batches[i] = l.ask(ctx, key)
	}
	values := make([]V, len(keys))
	failed := make(LoadError[K])
	for i, key := range keys {
		var err error
		if values[i], err = l.wait(ctx, key, batches[i]); err != nil {
			failed[key] = err
		}
	}
	return values, failed.orNil()
}

// wait returns the answer for a key of b.
func (l *Loader[K, V]) wait(ctx context.Context, key K, b *loaderBatch[K, V]) (V, error) {
	select {
	case <-b.done:
	default:
		select {
		case <-b.done:
		case <-ctx.Done():
			l.leave(b)
			var none V
			return none, ctx.Err()
		}
	}
	value, ok := b.values[key]
	switch err := b.errorOf(key); {
	case err != nil:
		var none V
		return none, err
	case !ok:
		return l.missing(key)
	default:
		return value, nil
	}
}

// ask puts key into the batch that takes keys, or one that was asked before in
// the same request.
func (l *Loader[K, V]) ask(ctx context.Context, key K) *loaderBatch[K, V] {
	cache := loaderCacheOf(ctx)
	if b, ok := cache.get(l, key).(*loaderBatch[K, V]); ok && l.join(b, key) {
		return b
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.batch
	if b == nil {
		b = l.open(ctx)
	}
	b.callers++
	if _, asked := b.keys[key]; !asked {
		b.keys[key] = struct{}{}
		b.order = append(b.order, key)
	}
	cache.put(l, key, b)
	if len(b.order) >= l.maxKeys {
		l.send(b)
	}
	return b
}

// A loaderBatch is some keys on their way.
type loaderBatch[K comparable, V any] struct {
	ctx    context.Context // of the load: the batch lives no longer
	cancel context.CancelFunc
	timer  *time.Timer

	keys    map[K]struct{} // guarded by Loader.mu until sent
	order   []K            // likewise
	windows int            // likewise: that have passed
	noted   int            // likewise: keys when the last one passed; at first the one that opened it
	callers int            // guarded by Loader.mu: those who wait
	sent    bool           // guarded by Loader.mu

	done   chan struct{} // closed when values and err are there
	values map[K]V
	err    error
}

// open begins a batch. Called with mu held.
func (l *Loader[K, V]) open(ctx context.Context) *loaderBatch[K, V] {
	b := &loaderBatch[K, V]{keys: make(map[K]struct{}), noted: 1, done: make(chan struct{})}
	b.ctx, b.cancel = context.WithCancel(context.WithoutCancel(ctx)) //nolint:gosec // run calls it, and the last caller that leaves
	l.batch = b
	b.timer = time.AfterFunc(l.window, func() { l.windowPassed(b) })
	return b
}

// windowPassed sends b, unless keys are still coming.
func (l *Loader[K, V]) windowPassed(b *loaderBatch[K, V]) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if b.windows++; len(b.order) > b.noted && b.windows < mostLoaderWindows && !b.sent {
		b.noted = len(b.order)
		b.timer.Reset(l.window)
		return
	}
	l.send(b)
}

// send has the batch loaded. Called with mu held.
func (l *Loader[K, V]) send(b *loaderBatch[K, V]) {
	if b.sent {
		return
	}
	b.sent = true
	b.timer.Stop()
	if l.batch == b {
		l.batch = nil
	}
	go func() {
		defer close(b.done)
		defer b.cancel()
		b.run(l.load)
	}()
}

// run loads the batch. However load ends, there is an answer for the callers:
// the goroutine is none of theirs, so that a panic in it would end the process.
func (b *loaderBatch[K, V]) run(load func(context.Context, []K) (map[K]V, error)) {
	if b.err = b.ctx.Err(); b.err != nil {
		return
	}
	b.err = errLoadExited
	defer func() {
		if v := recover(); v != nil {
			b.err = fmt.Errorf("db: load: %w", panics.New(v))
		}
	}()
	b.values, b.err = load(b.ctx, b.order)
}

// errorOf returns the error for key. Called when done is closed.
func (b *loaderBatch[K, V]) errorOf(key K) error {
	if byKey, ok := errors.AsType[LoadError[K]](b.err); ok {
		return byKey[key]
	}
	return b.err
}

// join makes one more caller wait for key in b. It is false if b is not worth
// waiting for: it failed, or was given up.
func (l *Loader[K, V]) join(b *loaderBatch[K, V], key K) bool {
	select {
	case <-b.done:
		return b.errorOf(key) == nil
	default:
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if b.ctx.Err() != nil {
		return false
	}
	b.callers++
	return true
}

// leave makes one caller less wait for b. The last one gives b up.
func (l *Loader[K, V]) leave(b *loaderBatch[K, V]) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if b.callers--; b.callers > 0 {
		return
	}
	b.cancel()
	l.send(b) // so that nobody joins it any more
}
