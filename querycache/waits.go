package querycache

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// ErrCycle is returned to a load that asks for what cannot be there before the
// load itself has ended: its own key, or that of a load that waits for it, if
// over several others. It is returned for every key that is asked for with the
// context of a load, since the load is taken to wait for the answer.
var ErrCycle = errors.New("the load would wait for itself")

// A loading is a load under way: of one flight, or of those that GetMany loads
// together. The context of the load carries it, so that what the load asks for
// is known to be asked for by it, through whichever cache.
type loading struct {
	parent  *loading  // the load that asked for this one, if one did
	flights []*flight // never changes once the load has begun
	ended   atomic.Bool

	waits []*flight // what the load waits for; guarded by waiting
}

// waiting guards who waits for whom, of all caches: loads of one may ask
// another. Only loads that ask for further ones take it.
var waiting sync.Mutex

type loadingKey struct{}

// loadingOf returns the load that ctx is the context of, or nil.
func loadingOf(ctx context.Context) *loading {
	l, _ := ctx.Value(loadingKey{}).(*loading)
	return l
}

// beginLoad makes ctx the context of a new load of the given flights.
func beginLoad(ctx context.Context, flights ...*flight) context.Context {
	l := &loading{parent: loadingOf(ctx), flights: flights}
	waiting.Lock()
	defer waiting.Unlock()
	for _, f := range flights {
		f.loading = l
	}
	return context.WithValue(ctx, loadingKey{}, l)
}

// within returns [ErrCycle] if the load that ctx belongs to is, or is part of,
// a load of the given key.
func within(ctx context.Context, r *record, key []byte) error {
	labels := []string{r.label}
	for l := loadingOf(ctx); l != nil; l = l.parent {
		if l.ended.Load() {
			continue
		}
		for _, f := range l.flights {
			if f.record == r && f.key == string(key) {
				return cycle(append(labels, r.label))
			}
		}
		labels = append(labels, l.label())
	}
	return nil
}

// enter notes that l waits for f, or returns [ErrCycle] if f's load waits for
// l.
func (l *loading) enter(f *flight) error {
	if l == nil || l.ended.Load() {
		return nil
	}
	waiting.Lock()
	defer waiting.Unlock()
	if labels := f.pathTo(l, map[*loading]bool{}); labels != nil {
		return cycle(append(labels, l.label()))
	}
	l.waits = append(l.waits, f)
	return nil
}

// leave takes back an enter that returned nil.
func (l *loading) leave(f *flight) {
	if l == nil {
		return
	}
	waiting.Lock()
	defer waiting.Unlock()
	for i := range l.waits {
		if l.waits[i] == f {
			l.waits = append(l.waits[:i], l.waits[i+1:]...)
			return
		}
	}
}

// pathTo returns the labels of the loads over which f's load waits for that of
// to, the last first, or nil if it does not. waiting is held.
func (f *flight) pathTo(to *loading, seen map[*loading]bool) []string {
	switch l := f.loading; {
	case l == to:
		return []string{f.record.label}
	case l == nil || seen[l]:
		return nil
	default:
		seen[l] = true
		for _, next := range l.waits {
			if labels := next.pathTo(to, seen); labels != nil {
				return append(labels, f.record.label)
			}
		}
		return nil
	}
}

func (l *loading) label() string { return l.flights[0].record.label }

// cycle returns the error for a cycle over loads of the given labels, the
// innermost first.
func cycle(labels []string) error {
	var path strings.Builder
	for i := range labels {
		if i > 0 {
			path.WriteString(" -> ")
		}
		path.WriteString(labels[len(labels)-1-i])
	}
	return fmt.Errorf("%w: %s", ErrCycle, path.String())
}

// A call is one of an Aside's Load or LoadMany. What the cache has nothing to do
// with has no flight, and may ask for itself all the same.
type call[K comparable] struct {
	parent *call[K] // in which it was made, if in one of the same Aside
	keys   []K
	scope  string
	ended  atomic.Bool
}

// calling returns the context for a call that loads keys, and what ends the
// call; [ErrCycle] if the call is made by one that loads one of them.
func (a *Aside[K, V]) calling(ctx context.Context, keys ...K) (context.Context, func(), error) {
	parent, _ := ctx.Value(a).(*call[K])
	scope := ""
	if a.cache.opts.Scope != nil {
		scope, _ = a.cache.opts.Scope(ctx)
	}
	for c := parent; c != nil; c = c.parent {
		if c.scope != scope || c.ended.Load() {
			continue
		}
		for _, key := range keys {
			if slices.Contains(c.keys, key) {
				return nil, nil, fmt.Errorf("querycache: load %s: %w", a.record.label, cycle([]string{a.record.label, a.record.label}))
			}
		}
	}
	c := &call[K]{parent: parent, keys: keys, scope: scope}
	return context.WithValue(ctx, a, c), func() { c.ended.Store(true) }, nil
}
