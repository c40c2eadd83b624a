package cacheapi

import "context"

type maxRowsKey struct{}

// noMaxRows in place of a context's bound means that it has none.
const noMaxRows = -1

// WithMaxRows returns a context with a bound for the rows of typed reads; 0 is
// no bound. See db.WithMaxRows.
func WithMaxRows(ctx context.Context, n int) context.Context {
	return context.WithValue(ctx, maxRowsKey{}, max(n, 0))
}

// WithoutMaxRows takes the bound of a context back, so that the handle's own
// counts again: for loads on behalf of several callers.
func WithoutMaxRows(ctx context.Context) context.Context {
	if _, ok := MaxRows(ctx); !ok {
		return ctx
	}
	return context.WithValue(ctx, maxRowsKey{}, noMaxRows)
}

// MaxRows returns the bound of a context, and whether it has one.
func MaxRows(ctx context.Context) (n int, ok bool) {
	n, ok = ctx.Value(maxRowsKey{}).(int)
	return n, ok && n != noMaxRows
}
