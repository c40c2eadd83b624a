package querycache

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/headrace/headrace/db"
)

// GetMany returns the values of keys, leaving out those whose loads say
// [pgx.ErrNoRows]. Keys that are not kept and that nobody is loading are loaded
// by one call of LoadMany. An error of any key is returned, with nothing else.
func (a *Aside[K, V]) GetMany(ctx context.Context, keys []K) (map[K]V, error) {
	if why := a.gate(ctx); why != none {
		for range keys {
			a.cache.count(ctx, a.record, why, time.Time{}, address(&why))
		}
		return a.many(ctx, keys)
	}
	out := make(map[K]V, len(keys))
	seen := make(map[K]bool, len(keys))
	var missing []lookup[K]
	for _, key := range keys {
		if seen[key] {
			continue
		}
		seen[key] = true
		encoded, why := a.encode(ctx, nil, key)
		if why == none {
			if v, err, ok := a.kept(ctx, encoded); ok {
				if err := put(out, key, v, err); err != nil {
					return nil, err
				}
				continue
			}
		}
		missing = append(missing, lookup[K]{key: key, encoded: encoded, why: why})
	}
	if err := a.fetch(ctx, out, missing); err != nil {
		return nil, err
	}
	return out, nil
}

// A lookup is a key that GetMany found nothing for.
type lookup[K comparable] struct {
	key     K
	encoded []byte
	why     Reason
	flight  *flight // nil: the cache has nothing to do with it
	begun   bool    // by this call
}

// put puts the answer of one key into out.
func put[K comparable, V any](out map[K]V, key K, v V, err error) error {
	switch {
	case err == nil:
		out[key] = v
	case !errors.Is(err, pgx.ErrNoRows):
		return err
	}
	return nil
}

// fetch loads what is missing.
func (a *Aside[K, V]) fetch(ctx context.Context, out map[K]V, missing []lookup[K]) error {
	var mine []lookup[K]
	var direct []K
	for i := range missing {
		l := &missing[i]
		a.begin(ctx, l)
		switch {
		case l.flight == nil:
			direct = append(direct, l.key)
			a.cache.count(ctx, a.record, l.why, time.Time{}, address(l))
		case l.begun:
			mine = append(mine, *l)
		}
	}
	if len(mine) > 0 {
		shared, cancel := sharedContext(ctx, mine)
		go func() {
			defer cancel()
			a.run(shared, mine)
		}()
	}
	if len(direct) > 0 {
		values, err := a.many(ctx, direct)
		maps.Copy(out, values)
		if err != nil {
			a.leaveAll(missing)
			return err
		}
	}
	return a.collect(ctx, out, missing)
}

// begin joins or begins the flight of a key, and says why there is none or why
// the lookup missed.
func (a *Aside[K, V]) begin(ctx context.Context, l *lookup[K]) {
	if l.why != none {
		return
	}
	hash := a.cache.store.hash(&a.record.identity, l.encoded)
	_, l.why = a.cache.judge(a.record, hash, l.encoded)
	if l.why.Answered() { // kept by somebody since, or to be refreshed: all are loaded at once
		l.why = MissExpired
	}
	l.flight, l.begun = a.cache.join(ctx, a.record, hash, l.encoded)
	if l.flight != nil && !l.begun {
		l.why = HitFlight
	}
}

// sharedContext returns a context for a load on behalf of several flights. It
// ends when all of them have.
func sharedContext[K comparable](ctx context.Context, mine []lookup[K]) (context.Context, context.CancelFunc) {
	shared, session := db.WatchSession(db.WithoutMaxRows(context.WithoutCancel(ctx)))
	shared, cancel := context.WithCancel(shared)
	left := new(atomic.Int64)
	left.Store(int64(len(mine)))
	for _, l := range mine {
		l.flight.session = session
		context.AfterFunc(l.flight.ctx, func() {
			if left.Add(-1) == 0 {
				cancel()
			}
		})
	}
	return shared, cancel
}

// run loads the values of several flights at once and ends them.
func (a *Aside[K, V]) run(ctx context.Context, mine []lookup[K]) {
	keys := make([]K, len(mine))
	for i, l := range mine {
		keys[i] = l.key
	}
	values, err := a.guarded(ctx, keys)
	for _, l := range mine {
		a.cache.run(l.flight, func(context.Context) (any, int64, error) {
			v, ok := values[l.key]
			if err == nil && !ok {
				return a.close(v, pgx.ErrNoRows)
			}
			return a.close(v, err)
		})
	}
}

// guarded is many with a panic turned into an error.
func (a *Aside[K, V]) guarded(ctx context.Context, keys []K) (values map[K]V, err error) {
	err = errGone
	defer func() {
		if p := recover(); p != nil {
			values, err = nil, &PanicError{Value: p, Stack: debug.Stack()}
		}
	}()
	return a.many(ctx, keys)
}

// many loads the values of keys past the cache.
func (a *Aside[K, V]) many(ctx context.Context, keys []K) (map[K]V, error) {
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
		if err := put(values, key, v, err); err != nil {
			return nil, fmt.Errorf("querycache: load a value of %s: %w", a.record.label, err)
		}
	}
	return values, nil
}

// collect waits for the flights and puts their answers into out.
func (a *Aside[K, V]) collect(ctx context.Context, out map[K]V, missing []lookup[K]) error {
	var first error
	for i := range missing {
		l := &missing[i]
		if l.flight == nil {
			continue
		}
		err := a.cache.wait(ctx, l.flight)
		why := l.why
		if err == nil && l.flight.alone && !l.begun {
			v, answer := a.one(ctx, l.key)
			if err = put(out, l.key, v, answer); err == nil {
				a.cache.count(ctx, a.record, l.flight.lost, time.Time{}, address(l))
				continue
			}
		} else if err == nil {
			if err = l.flight.err; err == nil && l.begun && l.flight.lost != none {
				why = l.flight.lost
			}
		}
		if err == nil {
			v, answer := a.open(l.flight.value, false)
			err = put(out, l.key, v, answer)
		} else {
			why = MissFailed
		}
		a.cache.count(ctx, a.record, why, time.Time{}, address(l))
		if first == nil {
			first = err
		}
	}
	return first
}

// leaveAll gives up waiting for the flights of lookups.
func (a *Aside[K, V]) leaveAll(missing []lookup[K]) {
	gone, cancel := context.WithCancel(context.Background())
	cancel()
	for _, l := range missing {
		if l.flight != nil {
			_ = a.cache.wait(gone, l.flight)
			a.cache.count(gone, a.record, MissFailed, time.Time{}, address(&l))
		}
	}
}
