package db

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/headrace/headrace/internal/cacheapi"
)

// ErrTooManyRows is the error of a typed read that returns more rows than
// Options.MaxRows or WithMaxRows allows, and of One for more than one row. It
// is pgx's own.
var ErrTooManyRows = pgx.ErrTooManyRows

// WithMaxRows returns a context that bounds the rows of typed reads, in place
// of Options.MaxRows; 0 means no bound. It does not apply to Each and Loaders.
func WithMaxRows(ctx context.Context, n int) context.Context {
	return cacheapi.WithMaxRows(ctx, n)
}

// maxRows returns the bound for a read of rows from q; 0 means none. rows may
// be nil. Transactions, connections and pools do not know their handle; the
// connection of rows does.
func maxRows(ctx context.Context, q any, rows pgx.Rows) int {
	if n, ok := cacheapi.MaxRows(ctx); ok {
		return n
	}
	if from, ok := q.(interface{ Source() cacheapi.Querier }); ok { // of a cached handle
		q = from.Source()
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
