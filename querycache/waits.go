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

// ErrCycle is returned to a load that would wait for itself: it reads its own
// key, or the key of a load that waits for it, directly or through other loads.
// Every read with the context of a load counts as a wait of that load.
var ErrCycle = errors.New("the load would wait for itself")

// A loading is a load under way: of one flight, or of several flights of one
// GetMany. The context of the load carries it, so that the reads of the load
// are attributed to it in all caches.
type loading struct {
	parent  *loading  // the load whose context began this one, or nil
	flights []*flight // constant once the load has begun
	ended   atomic.Bool

	waits []*flight // that the load waits for; guarded by waiting
}

// waiting guards the waits of the loads of all caches, because a load of one
// cache may read another. Only nested loads contend for it.
var waiting sync.Mutex

type loadingKey struct{}

// loadingOf returns the load that ctx belongs to, or nil.
func loadingOf(ctx context.Context) *loading {
	l, _ := ctx.Value(loadingKey{}).(*loading)
	return l
}

// beginLoad returns the context of a new load of the given flights.
func beginLoad(ctx context.Context, flights ...*flight) context.Context {
	l := &loading{parent: loadingOf(ctx), flights: flights}
	waiting.Lock()
	defer waiting.Unlock()
	for _, f := range flights {
		f.loading = l
	}
	return context.WithValue(ctx, loadingKey{}, l)
}

// within returns [ErrCycle] if ctx belongs to a load of the given key, or to a
// load nested in one.
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

// enter records that l waits for f, or returns [ErrCycle] if f's load waits for
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

// leave undoes an enter that returned nil.
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

// pathTo returns the labels of the loads through which f's load waits for to,
// the last first, or nil if it does not wait for to. waiting is held.
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

// cycle returns the error for a cycle through loads with the given labels, the
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

// A call is a call of an Aside's Load or LoadMany. Reads that bypass the cache
// have no flight but may form cycles too.
type call[K comparable] struct {
	parent *call[K] // the call of the same Aside that made this one, or nil
	keys   []K
	scope  string
	ended  atomic.Bool
}

// calling returns the context for a call that loads keys, and a function that
// ends the call. It returns [ErrCycle] if the call is nested in one that loads
// one of the keys.
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
