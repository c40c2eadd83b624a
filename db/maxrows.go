package db

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// ErrTooManyRows is what a typed read fails with that returns more rows than
// Options.MaxRows or WithMaxRows allow, and One where there is more than one.
// It is pgx's own.
var ErrTooManyRows = pgx.ErrTooManyRows

type maxRowsKey struct{}

// WithMaxRows bounds the rows of the typed reads that are made with the
// returned context, in place of Options.MaxRows; 0 means no bound.
func WithMaxRows(ctx context.Context, n int) context.Context {
	return context.WithValue(ctx, maxRowsKey{}, max(n, 0))
}

// maxRows returns the bound for a read from q; 0 is none. Options.MaxRows
// counts where q is a handle; a transaction does not know its handle.
func maxRows(ctx context.Context, q Querier) int {
	if n, ok := ctx.Value(maxRowsKey{}).(int); ok && n != noMaxRows {
		return n
	}
	if d, ok := q.(*DB); ok {
		return d.opts.MaxRows
	}
	return 0
}
