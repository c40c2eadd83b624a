package batchinsert

import (
	"context"
	"fmt"
	"io"

	"github.com/jackc/pgx/v5"

	"github.com/headrace/headrace/internal/export"
)

// A Reader is what Export reads from: *db.DB, *pgxpool.Pool, *pgxpool.Conn,
// *pgx.Conn, or a pgx.Tx, whose uncommitted rows are read too.
type Reader interface {
	Begin(ctx context.Context) (pgx.Tx, error)
}

// Export writes the rows of a query to w, by COPY, and returns how many there
// were. A whole table is the query `TABLE cities`. It can take no parameters.
//
// What it writes as CSV, [LoadCSV] reads back as the same rows: a header names
// the columns; NULL and the empty text are told apart; dates, intervals and
// floating-point numbers are written in full, and so that no session's settings
// make something else of them. For a compressed file, w is a gzip.Writer.
//
// The query runs read-only, so that no change can happen that nobody is told
// of, in a transaction of its own or within a savepoint of the caller's, which
// is usable afterwards, after an error too.
//
// Rows are not gathered: w is given up to 64 KiB at a time, or one row where
// that is longer, in the goroutine that called Export, and its slowness slows
// the server down. A statement that cannot be exported is refused before
// anything is written. After any other error w has got a part of the rows.
//
// When ctx ends, or w returns an error, the server is told to stop, and the
// error comes back wrapped. If the server does not within three seconds, the
// connection is closed. A Write that blocks is waited for: give w a deadline
// where it may.
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
