package db

import (
	"context"
	"sync"
)

type loaderCacheKey struct{}

// WithLoaderCache returns a context in which each Loader remembers what it
// loaded: it loads a key once, and callers share a load that is under way.
// Failed keys are loaded again. Use one per request: it grows with the keys,
// and its values are as old as their load.
func WithLoaderCache(ctx context.Context) context.Context {
	return context.WithValue(ctx, loaderCacheKey{}, &loaderCache{batches: make(map[loaderKey]any)})
}

// Forget removes key from the cache of ctx, for example after a write.
func (l *Loader[K, V]) Forget(ctx context.Context, key K) {
	loaderCacheOf(ctx).drop(l, key)
}

// loaderCache holds the batch that answers each key. A nil one holds nothing.
type loaderCache struct {
	mu      sync.Mutex
	batches map[loaderKey]any // guarded by mu: *loaderBatch[K, V] by its Loader and key
}

type loaderKey struct{ loader, key any }

func loaderCacheOf(ctx context.Context) *loaderCache {
	c, _ := ctx.Value(loaderCacheKey{}).(*loaderCache)
	return c
}

func (c *loaderCache) get(loader, key any) any {
	if c == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.batches[loaderKey{loader, key}]
}

func (c *loaderCache) put(loader, key, batch any) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.batches[loaderKey{loader, key}] = batch
}

func (c *loaderCache) drop(loader, key any) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.batches, loaderKey{loader, key})
}
