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

// LoaderOptions configures a Loader. The zero value means the defaults. If a
// field is negative, every lookup fails.
type LoaderOptions struct {
	// Window is how long a batch waits for a further key. A batch is sent when
	// no key came within a window, and after five windows at the latest.
	// Default 1 ms.
	Window time.Duration

	// MaxKeys is the number of keys at which a batch is sent at once. Default
	// 1000.
	MaxKeys int
}

const (
	defaultLoaderWindow  = time.Millisecond
	defaultLoaderMaxKeys = 1000
	maxLoaderWindows     = 5
)

// A Loader combines lookups by key from many goroutines into one statement: it
// collects keys for a moment and loads all of them at once. A loop or a tree of
// resolvers that looks up one key at a time then costs one round trip instead
// of one per key.
//
// A batch loads each key once, however many callers want it. Callers share the
// value and must not change what it points to. The error of one key goes to the
// callers of that key; the error of a whole batch goes to the callers of that
// batch. When a load panics, its callers get an error with the panic value and
// the stack. A caller whose context ends leaves the batch; when all have left,
// the batch is cancelled.
//
// The statement runs with the values, not the deadline, of the context of the
// batch's first caller, and its results go to all callers. Where a context
// decides what may be read, as with row security by tenant, use one Loader per
// request, so that callers with different contexts never share a batch.
//
// Rows are matched to keys by Go's ==. Values that the server considers equal
// must be equal there too. A citext or numeric read as text, or a time in
// another location, is not, and its key counts as missing.
//
// A Loader is safe for concurrent use, and q must be too: use a *DB or a pool,
// not a transaction or a connection. A Loader has a goroutine only while a
// batch is loading.
type Loader[K comparable, V any] struct {
	load    func(ctx context.Context, keys []K) (map[K]V, error)
	missing func(key K) (V, error)
	window  time.Duration
	maxKeys int

	mu    sync.Mutex
	batch *loaderBatch[K, V] // guarded by mu: the batch that accepts keys, or nil
}

// NewLoader returns a Loader of the single row of a key. The statement selects
// rows by the keys in its only parameter, as in SELECT * FROM cities WHERE id =
// ANY($1), and key returns the key of a row. A key without a row returns
// [pgx.ErrNoRows]; a key with several rows returns an error that wraps
// [pgx.ErrTooManyRows]. Options.MaxRows does not apply to the combined
// statement.
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

// NewListLoader returns a Loader of all rows of a key, in the statement's
// order, such as children by their parent's key. A key without rows has an
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
			byKey[k] = slices.Clip(list) // callers share the rows, not what they append
		}
		return byKey, nil
	}, func(K) ([]V, error) { return nil, nil })
}

// NewLoaderFunc returns a Loader that calls load with the keys to look up. A
// key that is missing in the returned map returns [pgx.ErrNoRows]. If the error
// of load is a LoadError, wrapped or not, it fails the keys in it; any other
// error fails all keys.
//
// load must not look up the keys that it was called with, not even through
// other Loaders: within a context of WithLoaderCache that lookup would wait for
// load itself, until its context ends.
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

// validate returns an error that names the first invalid field.
func (o *LoaderOptions) validate() error {
	switch {
	case o.Window < 0:
		return fmt.Errorf("db: LoaderOptions.Window: %v is negative", o.Window)
	case o.MaxKeys < 0:
		return fmt.Errorf("db: LoaderOptions.MaxKeys: %d is negative", o.MaxKeys)
	}
	return nil
}

// Load returns the value for key. It blocks until the batch of key is loaded or
// ctx ends. Within a context of WithLoaderCache it returns a value that was
// loaded before at once.
func (l *Loader[K, V]) Load(ctx context.Context, key K) (V, error) {
	return l.wait(ctx, key, l.ask(ctx, key))
}

// LoadMany returns the values for keys, in the order of keys; a repeated key
// has its value repeated. An error is a [LoadError] with the error of each key
// that has one; the values of the other keys are valid even then.
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

// wait returns the result for a key of b.
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

// ask adds key to the open batch, or returns the batch that loaded key before
// in the same request.
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

// A loaderBatch is a set of keys that are loaded together.
type loaderBatch[K comparable, V any] struct {
	ctx    context.Context // of the load, which the batch does not outlive
	cancel context.CancelFunc
	timer  *time.Timer

	keys    map[K]struct{} // guarded by Loader.mu until sent
	order   []K            // likewise
	windows int            // likewise: windows that have passed
	noted   int            // likewise: number of keys when the last window passed; 1 at first
	callers int            // guarded by Loader.mu: callers that wait
	sent    bool           // guarded by Loader.mu

	done   chan struct{} // closed when values and err are set
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

// windowPassed sends b, unless keys are still arriving.
func (l *Loader[K, V]) windowPassed(b *loaderBatch[K, V]) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if b.windows++; len(b.order) > b.noted && b.windows < maxLoaderWindows && !b.sent {
		b.noted = len(b.order)
		b.timer.Reset(l.window)
		return
	}
	l.send(b)
}

// send starts the load of the batch. Called with mu held.
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

// run loads the batch, and sets its result however load ends: it runs on a
// goroutine of the Loader, where a panic would end the process.
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

// join adds a caller that waits for key in b, and reports whether b may still
// return a value: it has neither failed nor been cancelled.
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

// leave removes a caller of b. The last one to leave cancels b.
func (l *Loader[K, V]) leave(b *loaderBatch[K, V]) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if b.callers--; b.callers > 0 {
		return
	}
	b.cancel()
	l.send(b) // so that no caller joins it
}
