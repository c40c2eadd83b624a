package querycache

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/headrace/headrace/internal/cacheapi"
	"github.com/headrace/headrace/internal/changes"
)

// GetMany returns the values of keys, without those whose loads return
// [pgx.ErrNoRows]. One call of LoadMany loads all keys that are neither stored
// nor already being loaded. Another call, in the background, replaces the
// values that are returned under Policy.StaleFor. If a key fails and
// Policy.StaleIfError does not apply to it, GetMany returns its error and no
// values. A key that occurs twice is looked up once.
func (a *Aside[K, V]) GetMany(ctx context.Context, keys []K) (map[K]V, error) {
	keys = distinct(keys)
	why, err := a.refusal(ctx)
	if why != none {
		for range keys {
			a.cache.count(ctx, a.record, why, time.Time{}, address(&why))
		}
		if err != nil {
			return nil, err
		}
		return a.many(ctx, keys)
	}
	out := make(map[K]V, len(keys))
	var missing []*lookup[K]
	var first error
	for _, key := range keys {
		encoded, why := a.encode(ctx, nil, key)
		if why == none {
			if v, err, ok := a.hit(ctx, encoded); ok {
				first = cmp.Or(first, put(out, key, v, err))
				continue
			}
		}
		missing = append(missing, &lookup[K]{key: key, encoded: encoded, why: why})
	}
	if err := cmp.Or(first, a.fetch(ctx, out, missing)); err != nil {
		return nil, err
	}
	return out, nil
}

// distinct returns keys without repetitions.
func distinct[K comparable](keys []K) []K {
	seen := make(map[K]bool, len(keys))
	out := make([]K, 0, len(keys))
	for _, key := range keys {
		if !seen[key] {
			seen[key] = true
			out = append(out, key)
		}
	}
	return out
}

// A lookup is a key without a fresh entry in GetMany.
type lookup[K comparable] struct {
	key     K
	encoded []byte
	why     Reason
	old     *entry  // the expired entry, or nil
	flight  *flight // nil: the read bypasses the cache
	begun   bool    // this call began the flight
}

// put puts the result for one key into out.
func put[K comparable, V any](out map[K]V, key K, v V, err error) error {
	switch {
	case err == nil:
		out[key] = v
	case !errors.Is(err, pgx.ErrNoRows):
		return err
	}
	return nil
}

// fetch loads the missing keys.
func (a *Aside[K, V]) fetch(ctx context.Context, out map[K]V, missing []*lookup[K]) error {
	var mine, stale []*lookup[K]
	var direct []K
	var first error
	for _, l := range missing {
		if err := a.begin(ctx, l); err != nil {
			first = cmp.Or(first, err)
			a.cache.count(ctx, a.record, MissFailed, time.Time{}, address(l))
			continue
		}
		switch {
		case l.why == Hit || l.why == HitStale:
			v, err := a.open(a.cache.open(l.old), false)
			first = cmp.Or(first, put(out, l.key, v, err))
			a.cache.count(ctx, a.record, l.why, time.Time{}, address(l))
			if l.begun {
				l.flight.refresh = true
				stale = append(stale, l)
			}
		case l.flight == nil:
			direct = append(direct, l.key)
			a.cache.count(ctx, a.record, l.why, time.Time{}, address(l))
		case l.begun:
			mine = append(mine, l)
		}
	}
	a.start(ctx, mine, 0)
	a.start(ctx, stale, refreshTime)
	if len(direct) > 0 {
		values, err := a.many(ctx, direct)
		maps.Copy(out, values)
		first = cmp.Or(first, err)
	}
	return cmp.Or(first, a.collect(ctx, out, missing, first != nil))
}

// start begins the loads of several flights. With a time limit the loads run in
// the background, and no caller waits for them.
func (a *Aside[K, V]) start(ctx context.Context, mine []*lookup[K], limit time.Duration) {
	if len(mine) == 0 {
		return
	}
	shared, cancel := sharedContext(ctx, mine)
	if limit == 0 {
		go func() {
			defer cancel()
			a.run(shared, mine)
		}()
		return
	}
	late := time.AfterFunc(limit, cancel)
	go func() {
		defer cancel()
		defer late.Stop()
		a.run(shared, mine)
	}()
}

// begin joins or begins the flight of a key. It sets l.why to the reason for
// the miss, or the reason that there is no flight. No caller waits for the
// flight of a key with HitStale. begin fails if the flight would wait for the
// caller.
func (a *Aside[K, V]) begin(ctx context.Context, l *lookup[K]) error {
	if l.why != none {
		return nil
	}
	hash := a.cache.store.Hash(&a.record.ID, l.encoded)
	if l.old, l.why = a.cache.find(a.record, hash, l.encoded); l.why == Hit { // stored in the meantime
		return nil
	}
	if err := within(ctx, a.record, l.encoded); err != nil && l.why != HitStale {
		return fmt.Errorf("querycache: wait for %s: %w", a.record.label, err)
	}
	l.flight, l.begun = a.cache.join(ctx, a.record, hash, l.encoded)
	switch {
	case l.flight == nil || l.begun:
	case l.why == HitStale:
		a.cache.leave(l.flight)
		l.flight = nil
	default:
		l.why = HitCoalesced
	}
	return nil
}

// sharedContext returns a context for one load of several flights. It ends when
// all flights have ended.
func sharedContext[K comparable](ctx context.Context, mine []*lookup[K]) (context.Context, context.CancelFunc) {
	shared, session := changes.WatchSession(cacheapi.WithoutMaxRows(context.WithoutCancel(ctx)))
	shared, cancel := context.WithCancel(shared)
	left := new(atomic.Int64)
	left.Store(int64(len(mine)))
	flights := make([]*flight, len(mine))
	for i, l := range mine {
		flights[i] = l.flight
		l.flight.session = session
		context.AfterFunc(l.flight.ctx, func() {
			if left.Add(-1) == 0 {
				cancel()
			}
		})
	}
	shared = beginLoad(shared, flights...)
	return shared, cancel
}

// run loads the values of several flights at once and ends them.
func (a *Aside[K, V]) run(ctx context.Context, mine []*lookup[K]) {
	rest := a.fromTiers(ctx, mine)
	keys := make([]K, len(rest))
	for i, l := range rest {
		keys[i] = l.key
	}
	var values map[K]V
	var err error
	if len(keys) > 0 {
		values, err = a.guarded(ctx, keys)
	}
	for _, l := range mine {
		a.cache.run(l.flight, func(_ context.Context, f *flight) (any, int64, error) {
			return a.finish(f, l.key, values, err)
		})
	}
}

// guarded is many with panics converted to errors.
func (a *Aside[K, V]) guarded(ctx context.Context, keys []K) (values map[K]V, err error) {
	err = errGone
	defer func() {
		if p := recover(); p != nil {
			values, err = nil, &PanicError{Value: p, Stack: debug.Stack()}
		}
	}()
	return a.many(ctx, keys)
}

// many loads the values of keys without the cache.
func (a *Aside[K, V]) many(ctx context.Context, keys []K) (map[K]V, error) {
	ctx, end, err := a.calling(ctx, keys...)
	if err != nil {
		return nil, err
	}
	defer end()
	if a.opts.LoadMany != nil {
		values, err := a.opts.LoadMany(ctx, keys)
		if err != nil {
			return nil, fmt.Errorf("querycache: load %d values of %s: %w", len(keys), a.record.label, err)
		}
		return values, nil
	}
	values := make(map[K]V, len(keys))
	for _, key := range keys {
		v, err := a.opts.Load(ctx, key)
		if err == nil {
			err = ctx.Err() // no caller waits for the others
		}
		if err := put(values, key, v, err); err != nil {
			return nil, fmt.Errorf("querycache: load a value of %s: %w", a.record.label, err)
		}
	}
	return values, nil
}

// collect waits for the flights and puts their results into out. If the call
// has already failed, it only leaves them.
func (a *Aside[K, V]) collect(ctx context.Context, out map[K]V, missing []*lookup[K], failed bool) error {
	var first error
	if failed {
		var leave context.CancelFunc
		ctx, leave = context.WithCancel(ctx)
		leave()
	}
	for _, l := range missing {
		if l.flight == nil || l.why == HitStale {
			continue
		}
		why, err := l.why, a.cache.wait(ctx, l.flight)
		if err == nil {
			why, err = a.take(ctx, out, l)
		}
		if err != nil {
			why = MissFailed
		}
		a.cache.count(ctx, a.record, why, time.Time{}, address(l))
		first = cmp.Or(first, err)
	}
	return first
}

// take puts the result of a flight that has ended into out.
func (a *Aside[K, V]) take(ctx context.Context, out map[K]V, l *lookup[K]) (Reason, error) {
	f := l.flight
	switch {
	case f.outcome == outcomePrivate && !l.begun:
		v, err := a.one(ctx, l.key)
		return f.notStored, put(out, l.key, v, err)
	case f.served != none && f.err == nil:
		if f.served == HitStale && l.begun {
			a.cache.refresh(ctx, a.record, f.hash, l.encoded, func(ctx context.Context, f *flight) (any, int64, error) {
				return a.loadVia(ctx, f, l.key)
			})
		}
		why := HitCoalesced
		if l.begun {
			why = f.served
		}
		v, err := a.open(f.value, false)
		return why, put(out, l.key, v, err)
	case f.err != nil && l.old != nil && a.cache.outage(a.record, l.old, f.err):
		v, err := a.open(a.cache.open(l.old), false)
		return HitOnError, put(out, l.key, v, err)
	case f.err != nil:
		return MissFailed, f.err
	}
	why := l.why
	if l.begun && f.notStored != none {
		why = f.notStored
	}
	v, err := a.open(f.value, false)
	return why, put(out, l.key, v, err)
}
