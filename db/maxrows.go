package db

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/headrace/headrace/internal/cacheapi"
)

// ErrTooManyRows is what a typed read fails with that returns more rows than
// Options.MaxRows or WithMaxRows allow, and One where there is more than one.
// It is pgx's own.
var ErrTooManyRows = pgx.ErrTooManyRows

// WithMaxRows bounds the rows of the typed reads that are made with the
// returned context, in place of Options.MaxRows; 0 means no bound. Each and
// Loaders have none.
func WithMaxRows(ctx context.Context, n int) context.Context {
	return cacheapi.WithMaxRows(ctx, n)
}

// maxRows returns the bound for a read of rows from q; 0 is none. Transactions,
// connections and pools do not know their handle, but the connection does that
// rows, which may be nil, come from.
func maxRows(ctx context.Context, q any, rows pgx.Rows) int {
	if n, ok := cacheapi.MaxRows(ctx); ok {
		return n
	}
	if d, ok := q.(*DB); ok {
		return d.opts.MaxRows
	}
	if rows == nil {
		return 0
	}
	if conn := rows.Conn(); conn != nil {
		if d := handleOf(conn); d != nil {
			return d.opts.MaxRows
		}
	}
	return 0
}
