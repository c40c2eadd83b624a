package querycache

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"sync"

	"github.com/jackc/pgx/v5"

	"github.com/headrace/headrace/internal/argkey"
)

// tiered reports whether the values of the Aside are stored in tiers.
func (a *Aside[K, V]) tiered() bool { return a.opts.Encode != nil && len(a.cache.tiers) > 0 }

// tierRead returns the use of the tiers by the load of a key, or nil if it must
// not use them. d are the dependencies of the Aside.
func (a *Aside[K, V]) tierRead(d *dependencies, f *flight, key K) *tierRead {
	if !a.tiered() || a.opts.Policy.MemoryOnly || f == nil || d == nil || d.refusal != none || len(d.tierNames) == 0 || !a.record.fresh(f.stamp) {
		return nil
	}
	if a.cache.passOver(d.tierNames) {
		return nil
	}
	args := []any{key}
	types, ok := argkey.AppendPortable(nil, args)
	if !ok {
		return nil
	}
	own, _ := argkey.Append(nil, args)
	life := ""
	if log := d.examined.changelog; log != nil {
		life = log.database.Life()
	}
	names := append(append([]string{}, d.tierNames...), keyTierName(a.opts.Name, own))
	return &tierRead{
		cache: a.cache, flight: f, dependencies: d, names: names, digest: digestOf(names),
		key: tierKey("aside", life, a.opts.Name, reflect.TypeFor[K]().String(), reflect.TypeFor[V]().String(), string(types), f.key),
	}
}

// loadVia loads a value from the tiers, or else by the program's function, and
// returns its stored form.
func (a *Aside[K, V]) loadVia(ctx context.Context, f *flight, key K) (any, int64, error) {
	if f != nil && f.served == HitOnError {
		return a.closeFound(f.tiers.expired)
	}
	t := a.tierRead(a.record.dependencies.Load(), f, key)
	if t == nil {
		return a.close(a.one(ctx, key))
	}
	f.tiers = t
	if found := t.get(ctx, a.readable); found != nil {
		return a.closeFound(found)
	}
	v, err := a.one(ctx, key)
	a.encodeFor(t, v, err)
	return a.close(v, err)
}

// readable reports whether the program can decode a value, and the policy
// allows it.
func (a *Aside[K, V]) readable(f *found) bool {
	v, err := a.decode(f)
	switch most := a.opts.Policy.MaxRows; {
	case err != nil && !errors.Is(err, pgx.ErrNoRows):
		a.cache.tiers[f.tier].count(fmt.Errorf("decode a value of %s: %T", a.opts.Name, err))
		return false
	case err != nil:
		return a.opts.CacheableError(err)
	case most > 0 && rowsIn(v) > most:
		return false
	}
	return true
}

// decode returns the value that was found, or pgx.ErrNoRows.
func (a *Aside[K, V]) decode(f *found) (v V, err error) {
	switch f.stored.kind {
	case storedNone:
		return v, pgx.ErrNoRows
	case storedValue:
	default:
		return v, errNotStored
	}
	return guarded(func() (V, error) { return a.opts.Decode(f.stored.content) }) // perhaps of another release of the program
}

// closeFound returns the stored form of a value that was found.
func (a *Aside[K, V]) closeFound(f *found) (any, int64, error) { return a.close(a.decode(f)) }

// encodeFor encodes the result of a load for the tiers.
func (a *Aside[K, V]) encodeFor(t *tierRead, v V, err error) {
	switch {
	case err == nil:
		content, err := guarded(func() ([]byte, error) { return a.opts.Encode(v) })
		if err != nil {
			for _, l := range a.cache.tiers {
				l.count(fmt.Errorf("encode a value of %s: %T", a.opts.Name, err)) // its text may show the value
			}
			return
		}
		t.content, t.kind, t.rows, t.keep = content, storedValue, rowsIn(v), true
	case errors.Is(err, pgx.ErrNoRows) && a.opts.CacheableError(err):
		t.kind, t.empty, t.keep = storedNone, true, true
	}
}

// raiseKeys invalidates values in the tiers.
func (a *Aside[K, V]) raiseKeys(keys ...K) {
	if !a.tiered() {
		return
	}
	var names []string
	for _, key := range keys {
		if own, ok := argkey.Append(nil, []any{key}); ok {
			names = append(names, keyTierName(a.opts.Name, own))
		}
	}
	a.cache.raiseTiers(names)
}

// parallelGets bounds the reads of tiers that one GetMany has under way.
const parallelGets = 32

// fromTiers reads the values of several flights from the tiers, and returns the
// lookups of the others.
func (a *Aside[K, V]) fromTiers(ctx context.Context, mine []*lookup[K]) (rest []*lookup[K]) {
	if !a.tiered() {
		return mine
	}
	d := a.record.dependencies.Load()
	var all sync.WaitGroup
	turns := make(chan struct{}, parallelGets)
	for _, l := range mine {
		if l.flight.tiers = a.tierRead(d, l.flight, l.key); l.flight.tiers == nil {
			continue
		}
		turns <- struct{}{}
		all.Go(func() {
			defer func() { <-turns }()
			l.flight.tiers.get(ctx, a.readable)
		})
	}
	all.Wait()
	for _, l := range mine {
		if l.flight.served == none {
			rest = append(rest, l)
		}
	}
	return rest
}

// finish ends the load of one flight of a GetMany: with the value of a tier, or
// the one of the key among values, which were loaded with err.
func (a *Aside[K, V]) finish(f *flight, key K, values map[K]V, err error) (any, int64, error) {
	switch {
	case f.served == HitOnError:
		return a.closeFound(f.tiers.expired)
	case f.served != none:
		return a.closeFound(f.tiers.found)
	}
	v, ok := values[key]
	if err == nil && !ok {
		err = pgx.ErrNoRows
	}
	if f.tiers != nil {
		a.encodeFor(f.tiers, v, err)
	}
	return a.close(v, err)
}
