package db

import (
	"context"
)

// What package querycache has to know of a handle.

// Observed reports whether the handle sees the statements on its pool's
// connections; where it does not, OnChange returns ErrUnobserved.
func (d *DB) Observed() bool { return d.observed }

// Closed reports whether the handle was closed.
func (d *DB) Closed() bool { return d.closed.Load() }

// noMaxRows in place of a context's bound means that it has none.
const noMaxRows = -1

// WithoutMaxRows takes back WithMaxRows: Options.MaxRows counts again. It is
// for loads on behalf of several callers.
func WithoutMaxRows(ctx context.Context) context.Context {
	if !HasMaxRows(ctx) {
		return ctx
	}
	return context.WithValue(ctx, maxRowsKey{}, noMaxRows)
}

// HasMaxRows reports whether ctx has a bound by WithMaxRows.
func HasMaxRows(ctx context.Context) bool {
	n, ok := ctx.Value(maxRowsKey{}).(int)
	return ok && n != noMaxRows
}

// IsPage reports whether a Read.Form is that of a page.
func IsPage(form uint64) bool { return form%uint64(forms) == uint64(formPage) }
