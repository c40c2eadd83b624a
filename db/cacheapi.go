package db

import "github.com/headrace/headrace/internal/cacheapi"

func init() {
	cacheapi.Register(func(pg any) cacheapi.Handle {
		d := pg.(*DB)
		return cacheapi.Handle{
			Tracker: d.tracker, Observed: d.observed, ContextHooks: d.contextHooks,
			Closed: d.closed.Load, Exhausted: d.exhausted,
		}
	})
}

// sourceOf returns the handle that a cached handle reads from.
func sourceOf(cached cacheapi.TypedReader) *DB { return cached.Source().(*DB) }
