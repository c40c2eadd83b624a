package batchinsert

import (
	"context"
	"fmt"
	"io"

	"github.com/jackc/pgx/v5"

	"github.com/headrace/headrace/internal/export"
)

// A Reader is the handle that Export reads from: *db.DB, *pgxpool.Pool,
// *pgxpool.Conn, *pgx.Conn, or a pgx.Tx, whose uncommitted rows are included.
type Reader interface {
	Begin(ctx context.Context) (pgx.Tx, error)
}

// Export writes the rows of a query to w, by COPY, and returns their number. A
// whole table is the query `TABLE cities`. The query cannot have parameters.
//
// [Load] of [CSV] reads an export as CSV back as the same rows: a header names the
// columns; NULL and the empty text differ; dates, intervals and floating-point
// numbers are written in full and in a form that does not depend on a session's
// settings. For a compressed file, let w be a gzip.Writer.
//
// The query runs read-only, so that it cannot make a change without a
// notification, in a transaction of its own or under a savepoint of the caller's
// transaction, which is usable afterwards, even after an error.
//
// Rows are streamed: each write to w has up to 64 KiB, or one row if that is
// longer. It happens in the goroutine that called Export, and a slow w slows
// down the server. A statement that cannot be exported is refused before
// anything is written. After any other error w has received a part of the rows.
//
// When ctx ends, or w returns an error, the statement is canceled, and the error
// is returned wrapped. If the server does not stop within three seconds, the
// connection is closed. Export waits for a Write that blocks: set a deadline on
// w if it may block.
func Export(ctx context.Context, r Reader, query string, w io.Writer, opts *ExportOptions) (int64, error) {
	o, err := opts.internal()
	if err != nil {
		return 0, err
	}
	n, err := export.Run(ctx, r, query, w, o)
	if err != nil {
		return 0, fmt.Errorf("export: %w", withCause(ctx, err))
	}
	return n, nil
}
