package querycache

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/internal/argkey"
	"github.com/headrace/headrace/internal/cacheapi"
	"github.com/headrace/headrace/internal/deepcopy"
	"github.com/headrace/headrace/internal/profile"
)

// AsideOptions configures an Aside. Policy.TTL and one of Load and LoadMany are
// required.
type AsideOptions[K comparable, V any] struct {
	// Name identifies the Aside in lookups, in errors and for
	// [Cache.InvalidateStatements].
	Name string

	// Policy defines how long values are stored. MaxRows counts the elements
	// of a V that is a slice. With Source, a change to one of Policy.Tables
	// invalidates all values; reads fail if the server does not know a table.
	Policy Policy

	// Source is the database whose changes to Policy.Tables invalidate the
	// values, once [Cache.Follow] observes it. Default nil: no change does.
	Source *db.DB

	// Load returns the value of a key. Default: LoadMany of the one key.
	Load func(ctx context.Context, key K) (V, error)

	// LoadMany returns the values of keys, without those that have no value.
	// Default: one call of Load per key.
	LoadMany func(ctx context.Context, keys []K) (map[K]V, error)

	// CacheableError reports whether an error of Load is stored as an entry.
	// Its text determines its size. Default: errors that are [pgx.ErrNoRows].
	CacheableError func(error) bool

	// Clone returns a copy of a stored value for a caller. It is required if
	// copies by assignment share memory, unless Policy.Shared is set. Default:
	// copy by assignment.
	Clone func(V) V

	// Size returns the number of bytes that a value keeps alive. The value
	// itself is then stored, and its size is not verified. Default: a deep copy
	// is stored, whose size is known, because strings, slices and maps may keep
	// more memory alive than they show. Size is required if V holds functions,
	// channels or locks. Errors are compared by identity and not copied:
	// without Size, a value with an error in an interface is not stored.
	Size func(V) int64

	// Encode and Decode convert values for Options.Tiers; without them, values
	// are stored in memory only. All processes that share a tier must give a
	// Name the same meaning: change the Name when an older Decode would
	// misunderstand a value. An error or a panic of Decode is a miss, and after
	// one of Encode the value is stored in memory only. Of the stored errors
	// only pgx.ErrNoRows reaches the tiers, without what wraps it.
	Encode func(V) ([]byte, error)
	Decode func([]byte) (V, error)
}

// An Aside stores values by key that the program loads itself, such as entities
// built from several statements or from another service. Values share the
// budget of the cache and its rules: at most one load per key runs at a time,
// and a load that began before its key was invalidated is not stored.
// Options.Scope is part of every key.
//
// An Aside is safe for concurrent use.
type Aside[K comparable, V any] struct {
	cache  *Cache
	opts   AsideOptions[K, V]
	record *record
}

// NewAside returns a new Aside. K may be a basic type, an array or a struct of
// basic types, time.Time or a UUID.
func NewAside[K comparable, V any](c *Cache, opts AsideOptions[K, V]) (*Aside[K, V], error) {
	fail := func(format string, args ...any) (*Aside[K, V], error) {
		return nil, fmt.Errorf("querycache: aside %q: %w", opts.Name, fmt.Errorf(format, args...))
	}
	var zero K
	switch {
	case c.off.Load()&offClosed != 0:
		return nil, ErrClosed
	case opts.Load == nil && opts.LoadMany == nil:
		return fail("Load or LoadMany is required")
	case opts.Policy.validate() != nil:
		return fail("%w", opts.Policy.validate())
	case opts.Policy.TTL == 0:
		return fail("Policy.TTL is 0, which stores nothing")
	case opts.Clone == nil && !opts.Policy.Shared && !plain(reflect.TypeFor[V]()):
		return fail("copies of %v share memory: set Clone, or Policy.Shared if no caller changes values", reflect.TypeFor[V]())
	case (opts.Encode == nil) != (opts.Decode == nil):
		return fail("Encode and Decode require each other")
	case opts.Encode != nil && opts.Name == "":
		return fail("Encode requires Name, which identifies the values in further tiers")
	case len(opts.Policy.Tables) > 0 && opts.Source == nil:
		return fail("Policy.Tables requires Source")
	}
	if _, ok := argkey.Append(nil, []any{zero}); !ok || reflect.TypeFor[K]().Kind() == reflect.Pointer {
		return fail("a %v cannot be a key", reflect.TypeFor[K]())
	}
	if opts.CacheableError == nil {
		opts.CacheableError = func(err error) bool { return errors.Is(err, pgx.ErrNoRows) }
	}
	if opts.Size == nil {
		if err := deepcopy.Check(reflect.TypeFor[V]()); err != nil {
			return fail("values of type %v cannot be measured: set Size: %w", reflect.TypeFor[V](), err)
		}
	}
	a := &Aside[K, V]{cache: c, opts: opts}
	a.record = (&record{label: opts.Name, name: opts.Name, tierName: statementTierName(opts.Name), aside: true, policy: opts.Policy}).withID(identity{Space: c.space()})
	if opts.Source != nil {
		a.record.source = c.source(opts.Source)
	} else {
		a.record.dependencies.Store(&dependencies{known: true, tierNames: []string{a.record.tierName}})
	}
	c.records.pin(a.record)
	return a, nil
}

// cachedError is the stored result of a load that failed with a cacheable
// error.
type cachedError struct{ err error }

// Get returns the stored value of key, or the result of Load. A stored error is
// returned unchanged.
func (a *Aside[K, V]) Get(ctx context.Context, key K) (V, error) {
	room := cacheapi.NewRead(nil, 0, nil) // for its key
	defer room.Release()
	why, err := a.refusal(ctx)
	if err != nil {
		a.cache.count(ctx, a.record, why, time.Time{}, address(&why))
		var none V
		return none, err
	}
	if why == none {
		room.Key, why = a.encode(ctx, room.Key[:0], key)
	}
	if why == none {
		if v, err, ok := a.hit(ctx, room.Key); ok {
			return v, err
		}
	}
	return a.load(ctx, key, room.Key, why)
}

// refusal returns why reads bypass the cache now, or none. The first read of an
// Aside with a Source asks the server which database it is, and resolves the
// names in Policy.Tables. It fails if a name is wrong.
func (a *Aside[K, V]) refusal(ctx context.Context) (Reason, error) {
	if why := a.cache.refusal(ctx); why != none || a.record.dependencies.Load() != nil {
		return why, nil
	}
	n := a.record.examine(ctx)
	if n.misnamed != nil {
		return n.refusal, fmt.Errorf("querycache: aside %q: %w", a.opts.Name, n.misnamed)
	}
	return n.refusal, nil
}

// hit returns the value of the fresh entry of a key and counts the hit. It
// reports false if there is none.
func (a *Aside[K, V]) hit(ctx context.Context, encoded []byte) (v V, err error, ok bool) { //nolint:revive // the error is part of the value
	e := a.cache.hit(a.cache.store.Hash(&a.record.ID, encoded), &a.record.ID, encoded)
	if e == nil {
		return v, nil, false
	}
	a.record.counts.add(Hit, address(&encoded))
	profile.From(ctx).Lookup(true, nil)
	if a.cache.opts.OnLookup != nil {
		a.cache.opts.OnLookup(ctx, Lookup{Name: a.record.label, Reason: Hit})
	}
	v, err = a.open(a.cache.open(e), false)
	return v, err, true
}

// load loads a value that is not stored. The flight copies the key.
func (a *Aside[K, V]) load(ctx context.Context, key K, encoded []byte, why Reason) (V, error) {
	if why != none {
		a.cache.count(ctx, a.record, why, time.Time{}, address(&why))
		return a.one(ctx, key)
	}
	var begun time.Time
	if a.cache.opts.OnLookup != nil {
		begun = time.Now()
	}
	hash := a.cache.store.Hash(&a.record.ID, encoded)
	if profile.From(ctx).Repeated() {
		ctx = profile.WithCaller(ctx) // the load has a goroutine of its own
	}
	got, err := a.cache.load(ctx, a.record, hash, encoded, func(ctx context.Context, f *flight) (any, int64, error) {
		return a.loadVia(ctx, f, key)
	})
	a.cache.count(ctx, a.record, got.why, begun, address(&begun))
	if err != nil {
		var zero V
		return zero, err
	}
	return a.open(got.value, got.own)
}

// one loads the value of one key.
func (a *Aside[K, V]) one(ctx context.Context, key K) (V, error) {
	ctx, end, err := a.calling(ctx, key)
	if err != nil {
		var zero V
		return zero, err
	}
	defer end()
	if a.opts.Load != nil {
		return a.opts.Load(ctx, key)
	}
	values, err := a.opts.LoadMany(ctx, []K{key})
	if err != nil {
		var zero V
		return zero, err
	}
	v, ok := values[key]
	if !ok {
		return v, pgx.ErrNoRows
	}
	return v, nil
}

// close converts the result of a load to the stored form.
func (a *Aside[K, V]) close(v V, err error) (any, int64, error) {
	switch {
	case err == nil && a.opts.Size != nil:
		return v, a.opts.Size(v), nil
	case err == nil:
		v, size := a.copy(v)
		return v, size, nil
	case a.opts.CacheableError(err):
		return cachedError{err}, errorBytes + 2*int64(len(err.Error())), nil
	}
	return nil, 0, err
}

// errorBytes is the size of an error without its text: one or two structs. The
// text is often stored twice.
const errorBytes = 96

// copy returns a copy of v for the store, and its size: -1 if v cannot be
// copied, and more than an entry may have if it is too large.
func (a *Aside[K, V]) copy(v V) (V, int64) {
	most := a.cache.store.MostEntry()
	if a.opts.Policy.MaxBytes > 0 {
		most = min(most, a.opts.Policy.MaxBytes)
	}
	size, err := deepcopy.Keep(&v, most)
	switch {
	case errors.Is(err, deepcopy.ErrTooBig):
		return v, most + 1
	case err != nil:
		return v, -1
	}
	return v, deepcopy.Box[V]() + size
}

// open converts the stored form to a result for a caller.
func (a *Aside[K, V]) open(kept any, own bool) (V, error) {
	if e, ok := kept.(cachedError); ok {
		var zero V
		return zero, e.err
	}
	v, _ := kept.(V) // a nil interface is stored as nil
	if own || a.opts.Policy.Shared || a.opts.Clone == nil {
		return v, nil
	}
	return a.opts.Clone(v), nil
}

// encode appends the scope and the key to dst, or returns why they cannot be a
// key of the store.
func (a *Aside[K, V]) encode(ctx context.Context, dst []byte, key K) ([]byte, Reason) {
	if a.cache.opts.Scope != nil {
		scope, ok := a.cache.opts.Scope(ctx)
		if !ok {
			return dst, RefusedScope
		}
		dst = appendScope(dst, scope)
	}
	args := [1]any{key}
	dst, ok := argkey.Append(dst, args[:])
	if !ok {
		return dst, RefusedArguments
	}
	return dst, none
}

// Set stores v as the value of key. The cache does not know how old v is, so
// use Set only for values that no other program writes and that have just been
// produced. After a write to a database, use Update or Delete.
func (a *Aside[K, V]) Set(ctx context.Context, key K, v V) {
	encoded, why := a.encode(ctx, nil, key)
	if why != none {
		return
	}
	asked, cancel := context.WithTimeout(context.WithoutCancel(ctx), setTime)
	defer cancel()
	if why, _ := a.refusal(asked); why != none { // Get returns the error
		return
	}
	if a.opts.Clone != nil && !a.opts.Policy.Shared {
		v = a.opts.Clone(v)
	}
	a.raiseKeys(key)
	hash := a.cache.store.Hash(&a.record.ID, encoded)
	a.cache.flights.invalidate(hash)
	f, begun := a.cache.join(context.Background(), a.record, hash, encoded)
	if f == nil {
		return
	}
	if !begun { // a load that has just begun is as recent as v
		a.cache.leave(f)
		return
	}
	defer f.cancelAfter(setTime).Stop()
	a.cache.run(f, func(ctx context.Context, f *flight) (any, int64, error) {
		if f.tiers = a.tierRead(a.record.dependencies.Load(), f, key); f.tiers != nil {
			f.tiers.get(ctx, func(*found) bool { return false }) // for the versions
			a.encodeFor(f.tiers, v, nil)
		}
		return a.close(v, nil)
	})
}

// setTime bounds the time in which Set identifies the database of Source, at
// the first call and after its connections have changed.
const setTime = 5 * time.Second

// Delete invalidates the values of keys, in every scope. Results of loads under
// way are not stored.
func (a *Aside[K, V]) Delete(_ context.Context, keys ...K) {
	a.raiseKeys(keys...)
	n := a.cache.changes.Add(1)
	for _, key := range keys {
		args := [1]any{key}
		switch encoded, ok := argkey.Append(nil, args[:]); {
		case !ok: // never stored
		case a.cache.opts.Scope != nil:
			a.record.invalidateKey(n, string(encoded))
		default:
			a.cache.invalidate(&a.record.ID, encoded)
		}
	}
}

// Update calls write, which changes the data behind the value of key, and then
// invalidates the value in every scope, even if write fails. Calls of Get that
// begin after Update has returned never get the result of a load that began
// before the write ended. Update does not store the written value, because
// another write may have followed.
func (a *Aside[K, V]) Update(ctx context.Context, key K, write func(ctx context.Context) error) error {
	defer a.Delete(context.WithoutCancel(ctx), key)
	return write(ctx)
}

// Memoize returns a function that stores the results of fn by argument. Use it
// for a pure function, or one whose results may be as old as p allows. Errors
// are not stored.
//
// Results that share memory when copied, such as slices, require Policy.Shared.
// An Aside with Clone is the alternative.
func Memoize[K comparable, V any](c *Cache, name string, p Policy, fn func(ctx context.Context, arg K) (V, error)) (func(ctx context.Context, arg K) (V, error), error) {
	typ := reflect.TypeFor[V]()
	if !p.Shared && !plain(typ) {
		return nil, fmt.Errorf("querycache: memoize %q: copies of %v share memory: set Policy.Shared if no caller changes results, or use NewAside with Clone", name, typ)
	}
	if err := deepcopy.Check(typ); err != nil {
		return nil, fmt.Errorf("querycache: memoize %q: results of type %v cannot be measured: use NewAside with Size: %w", name, typ, err)
	}
	a, err := NewAside(c, AsideOptions[K, V]{Name: name, Policy: p, Load: fn, CacheableError: func(error) bool { return false }})
	if err != nil {
		return nil, err
	}
	return a.Get, nil
}
