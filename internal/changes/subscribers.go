package changes

import (
	"slices"
	"sync"
	"sync/atomic"
)

// subscribers is a list that is read without a lock and copied on writes.
type subscribers[T any] struct {
	mu  sync.Mutex // held by add and stop
	all atomic.Pointer[[]*T]
}

func (l *subscribers[T]) add(one *T) (stop func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := append(slices.Clone(l.current()), one)
	l.all.Store(&all)
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		rest := slices.DeleteFunc(slices.Clone(l.current()), func(other *T) bool { return other == one })
		l.all.Store(&rest)
	}
}

func (l *subscribers[T]) current() []*T {
	if all := l.all.Load(); all != nil {
		return *all
	}
	return nil
}

func (l *subscribers[T]) none() bool { return len(l.current()) == 0 }
