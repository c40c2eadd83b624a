package cacheapi

import "context"

type maxRowsKey struct{}

// noMaxRows marks a context whose bound was removed.
const noMaxRows = -1

// WithMaxRows returns a context that bounds the rows of typed reads; 0 means no
// bound. See db.WithMaxRows.
func WithMaxRows(ctx context.Context, n int) context.Context {
	return context.WithValue(ctx, maxRowsKey{}, max(n, 0))
}

// WithoutMaxRows removes the bound from a context, so that the handle's own
// bound applies: for loads on behalf of several callers.
func WithoutMaxRows(ctx context.Context) context.Context {
	if _, ok := MaxRows(ctx); !ok {
		return ctx
	}
	return context.WithValue(ctx, maxRowsKey{}, noMaxRows)
}

// MaxRows returns the bound of a context, and reports whether it has one.
func MaxRows(ctx context.Context) (n int, ok bool) {
	n, ok = ctx.Value(maxRowsKey{}).(int)
	return n, ok && n != noMaxRows
}
