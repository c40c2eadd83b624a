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
)

// AsideOptions configures an Aside. Load or LoadMany is needed, all else may
// stay zero except Policy.TTL.
type AsideOptions[K comparable, V any] struct {
	// Name is how statistics and InvalidateStatements call it.
	Name string

	// Policy says how long values are kept. MaxRows counts the elements of a
	// V that is a slice. Policy.Tables with Source drop all values when one of
	// the tables changes; reads fail where the server does not know one.
	Policy Policy

	// Source is the database that the values come from, if the cache shall
	// drop them for changes of Policy.Tables that it hears of by [Cache.Follow].
	Source *db.DB

	// Load returns the value of a key. Default: LoadMany of the one key.
	Load func(ctx context.Context, key K) (V, error)

	// LoadMany returns the values of keys; those that have none are left out.
	// Default: Load of one after the other.
	LoadMany func(ctx context.Context, keys []K) (map[K]V, error)

	// CacheableError tells which errors of Load are answers and are kept as values
	// are. They are charged by their text. Default: those that are
	// [pgx.ErrNoRows].
	CacheableError func(error) bool

	// Clone copies a value that is handed out. It is needed where a V leads to
	// memory that its holders share, unless Policy.Shared says that nobody
	// changes it. Default: the value is copied by assignment.
	Clone func(V) V

	// Size returns the bytes that a value keeps alive, and is believed; values
	// are then kept as they are. Default: a copy of the value is kept, in memory
	// of its own, whose size is known: strings, slices and maps may keep more
	// alive than is seen of them. It is needed for a V that holds functions,
	// channels or locks. Errors, which are compared by identity, are not copied
	// either: a value that has one in an interface is not kept without Size.
	Size func(V) int64
}

// An Aside keeps values that the program loads itself, by key: entities that
// come from several statements or from elsewhere. Values share the cache's
// budget and its rules: one load for a key at a time, none kept that began
// before the key was dropped. Options.Scope is part of every key.
//
// It may be used by many goroutines at once.
type Aside[K comparable, V any] struct {
	cache  *Cache
	opts   AsideOptions[K, V]
	record *record
}

// NewAside makes one. K may be of any type that has an encoding: basic types
// and arrays and structs of them, time.Time, UUIDs.
func NewAside[K comparable, V any](c *Cache, opts AsideOptions[K, V]) (*Aside[K, V], error) {
	fail := func(format string, args ...any) (*Aside[K, V], error) {
		return nil, fmt.Errorf("querycache: aside %q: %w", opts.Name, fmt.Errorf(format, args...))
	}
	var zero K
	switch {
	case c.off.Load()&offClosed != 0:
		return nil, ErrClosed
	case opts.Load == nil && opts.LoadMany == nil:
		return fail("Load or LoadMany is needed")
	case opts.Policy.validate() != nil:
		return fail("%w", opts.Policy.validate())
	case opts.Policy.TTL == 0:
		return fail("Policy.TTL is 0, so nothing would be kept")
	case opts.Clone == nil && !opts.Policy.Shared && !plain(reflect.TypeFor[V]()):
		return fail("values of %v share memory with who gets them: set Clone, or Policy.Shared where nobody changes them", reflect.TypeFor[V]())
	case len(opts.Policy.Tables) > 0 && opts.Source == nil:
		return fail("Policy.Tables needs Source")
	}
	if _, ok := argkey.Append(nil, []any{zero}); !ok || reflect.TypeFor[K]().Kind() == reflect.Pointer {
		return fail("a %v cannot be a key", reflect.TypeFor[K]())
	}
	if opts.CacheableError == nil {
		opts.CacheableError = func(err error) bool { return errors.Is(err, pgx.ErrNoRows) }
	}
	if opts.Size == nil {
		if err := deepcopy.Check(reflect.TypeFor[V]()); err != nil {
			return fail("values of %v cannot be measured: set Size: %w", reflect.TypeFor[V](), err)
		}
	}
	a := &Aside[K, V]{cache: c, opts: opts}
	a.record = (&record{label: opts.Name, name: opts.Name, aside: true, policy: opts.Policy}).withID(identity{Space: c.space()})
	if opts.Source != nil {
		a.record.source = c.source(opts.Source)
	} else {
		a.record.dependencies.Store(&dependencies{known: true})
	}
	c.records.pin(a.record)
	return a, nil
}

// cachedError is the kept answer of a load that failed with an error worth
// keeping.
type cachedError struct{ err error }

// Get returns the value of key: the one that is kept, or what Load returns. An
// error that is kept is returned as it was.
func (a *Aside[K, V]) Get(ctx context.Context, key K) (V, error) {
	room := reads.Get().(*cacheapi.Read) // for its key
	defer returnRead(room)
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

// refusal returns why the cache has nothing to do with a read now, if so. The
// first read of an Aside with a Source asks that which database it is, and what
// Policy.Tables are there. It fails if a name is wrong.
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

// hit returns the fresh entry of a key as an answer and counts the hit. It
// reports false if there is none.
func (a *Aside[K, V]) hit(ctx context.Context, encoded []byte) (v V, err error, ok bool) { //nolint:revive // the error is part of the answer
	e := a.cache.hit(a.cache.store.Hash(&a.record.ID, encoded), &a.record.ID, encoded)
	if e == nil {
		return v, nil, false
	}
	a.record.counts.add(Hit, address(&encoded))
	if a.cache.opts.OnLookup != nil {
		a.cache.opts.OnLookup(ctx, Lookup{Name: a.record.label, Reason: Hit})
	}
	v, err = a.open(a.cache.open(e), false)
	return v, err, true
}

// load asks for a value that is not kept. The key is the flight's own copy.
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
	got, err := a.cache.load(ctx, a.record, hash, encoded, func(ctx context.Context) (any, int64, error) {
		return a.close(a.one(ctx, key))
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

// close turns the outcome of a load into what is kept.
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

// errorBytes is what an error takes beside its text, which is often there twice:
// a struct or two.
const errorBytes = 96

// copy returns a copy of v to be kept, and what that costs: -1 if there can be
// none, and more than there is room for if it would be too large.
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

// open turns what is kept into an answer for a caller.
func (a *Aside[K, V]) open(kept any, own bool) (V, error) {
	if e, ok := kept.(cachedError); ok {
		var zero V
		return zero, e.err
	}
	v, _ := kept.(V) // a nil interface is kept as nil
	if own || a.opts.Policy.Shared || a.opts.Clone == nil {
		return v, nil
	}
	return a.opts.Clone(v), nil
}

// encode appends the scope and the key to dst, or returns why they are no key.
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

// Set keeps v as the value of key. Use it for what only this program writes and
// has just written or made: it is not known here how old v is. After a write
// to a database, Update or Delete is right.
func (a *Aside[K, V]) Set(ctx context.Context, key K, v V) {
	encoded, why := a.encode(ctx, nil, key)
	if why != none {
		return
	}
	asked, cancel := context.WithTimeout(context.WithoutCancel(ctx), setTime)
	defer cancel()
	if why, _ := a.refusal(asked); why != none { // Get tells of an error
		return
	}
	if a.opts.Clone != nil && !a.opts.Policy.Shared {
		v = a.opts.Clone(v)
	}
	hash := a.cache.store.Hash(&a.record.ID, encoded)
	a.cache.flights.invalidate(hash)
	f, begun := a.cache.join(context.Background(), a.record, hash, encoded)
	if f == nil {
		return
	}
	if !begun { // a load that began just now: it is as new as v
		a.cache.leave(f)
		return
	}
	defer f.cancelAfter(setTime).Stop()
	a.cache.run(f, func(context.Context) (any, int64, error) { return a.close(v, nil) })
}

// setTime bounds how long Set asks Source which database it is, the first time
// and after a change of its connections.
const setTime = 5 * time.Second

// Delete drops the values of keys, in every scope. Loads of them that are under
// way are not kept.
func (a *Aside[K, V]) Delete(_ context.Context, keys ...K) {
	n := a.cache.changes.Add(1)
	for _, key := range keys {
		args := [1]any{key}
		switch encoded, ok := argkey.Append(nil, args[:]); {
		case !ok: // never kept
		case a.cache.opts.Scope != nil:
			a.record.invalidateKey(n, string(encoded))
		default:
			a.cache.invalidate(&a.record.ID, encoded)
		}
	}
}

// Update runs write, which changes on the server what the value of key is made
// from, and then drops the value in every scope, whether write failed or not. Who asks after
// Update has returned is not answered by a load that began before the write
// ended. The value is not replaced by what was written: another write may have
// come between.
func (a *Aside[K, V]) Update(ctx context.Context, key K, write func(ctx context.Context) error) error {
	defer a.Delete(context.WithoutCancel(ctx), key)
	return write(ctx)
}

// Memoize returns fn with its results kept by argument, for a pure function or
// one whose results may be as old as p says. Errors are not kept.
//
// Results that lead to memory which their holders share, such as slices, need
// Policy.Shared; an Aside can be given a Clone instead.
func Memoize[K comparable, V any](c *Cache, name string, p Policy, fn func(ctx context.Context, arg K) (V, error)) (func(ctx context.Context, arg K) (V, error), error) {
	typ := reflect.TypeFor[V]()
	if !p.Shared && !plain(typ) {
		return nil, fmt.Errorf("querycache: memoize %q: results of %v share memory with who gets them: set Policy.Shared where nobody changes them, or use NewAside with Clone", name, typ)
	}
	if err := deepcopy.Check(typ); err != nil {
		return nil, fmt.Errorf("querycache: memoize %q: results of %v cannot be measured: use NewAside with Size: %w", name, typ, err)
	}
	a, err := NewAside(c, AsideOptions[K, V]{Name: name, Policy: p, Load: fn, CacheableError: func(error) bool { return false }})
	if err != nil {
		return nil, err
	}
	return a.Get, nil
}
