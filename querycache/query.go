package querycache

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/headrace/headrace/internal/argkey"
	"github.com/headrace/headrace/internal/cacheapi"
	"github.com/headrace/headrace/internal/pgxrows"
	"github.com/headrace/headrace/internal/rowscan/replay"
)

// Query returns the rows of sql, from the cache or from the source. Rows from
// the cache hold no connection; callers must not change their RawValues.
// Arguments that pgx treats specially work as in pgx: the key is made from
// named arguments after their substitution, and statements with other query
// rewriters go to the source.
func (h *ReadThrough) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	wire, rows, err := h.query(ctx, sql, args)
	if wire != nil {
		return wire.play(), nil
	}
	return rows, err
}

// QueryRow is Query for at most one row. Scan of the row returns all errors.
func (h *ReadThrough) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	wire, rows, err := h.query(ctx, sql, args)
	if wire != nil {
		return wire
	}
	return firstRow{rows, err}
}

// query returns recorded rows, or else the rows of the source.
func (h *ReadThrough) query(ctx context.Context, sql string, args []any) (*wireRows, pgx.Rows, error) {
	sql, args, ok, err := rewrite(ctx, sql, args)
	if err != nil || !ok {
		rows, err := h.pg.Query(ctx, sql, args...) // returns the error
		return nil, rows, err
	}
	text := h.source.handle.Tracker.Text(sql)
	read := cacheapi.NewRead(text, formWire, args)
	defer read.Release()
	if e := h.hit(ctx, read); e != nil {
		return h.cache.open(e).(*wireRows), nil, nil
	}
	return h.loadRows(ctx, read, sql, args)
}

// loadRows is query without a fresh entry.
func (h *ReadThrough) loadRows(ctx context.Context, read *cacheapi.Read, sql string, args []any) (*wireRows, pgx.Rows, error) {
	rec := h.record(read.Text, formWire)
	key, why := h.admit(ctx, rec, read)
	if why == none && h.cache.clock.now() < rec.streamUntil.Load() {
		why = MissTooBig
	}
	if why != none {
		h.cache.count(ctx, rec, why, time.Time{}, address(read))
		rows, err := h.pg.Query(ctx, sql, args...)
		return nil, rows, err
	}
	args = argkey.Clone(args) // the load may outlive the call
	a, err := h.load(ctx, rec, key, address(read), func(ctx context.Context, f *flight) (any, int64, error) {
		return h.fetch(ctx, f, rec, sql, args)
	})
	switch {
	case errors.Is(err, replay.ErrTooBig): // stream this result and the next ones
		rec.streamUntil.Store(h.cache.clock.now() + int64(streamFor))
		rows, err := h.pg.Query(ctx, sql, args...)
		return nil, rows, err
	case err != nil:
		return nil, pgxrows.Failed{Cause: err}, err
	}
	return a.value.(*wireRows), nil, nil
}

// streamFor is how long the rows of a statement bypass the cache after the
// recording of a result was too big.
const streamFor = time.Minute

// wireRows is a result as the server sent it. As a pgx.Row it is the first row.
type wireRows struct {
	*replay.Recording
	types *types // for decoding; nil for pgx's own
}

// wireBytes is the size of a wireRows without its recording.
const wireBytes = 16

// fetch runs a statement and records its rows.
func (h *ReadThrough) fetch(ctx context.Context, f *flight, rec *record, sql string, args []any) (any, int64, error) {
	rows, err := h.querier(f).Query(ctx, sql, args...)
	if err != nil {
		return nil, 0, err
	}
	defer rows.Close()
	most := h.cache.store.MostEntry()
	if rec.policy.MaxBytes > 0 {
		most = min(most, rec.policy.MaxBytes)
	}
	// After rows.Close, another goroutine may have the connection.
	types := h.types.of(rows)
	recording, err := replay.Record(rows, int(most))
	if err != nil {
		return nil, 0, err
	}
	return &wireRows{recording, types}, recording.Size() + wireBytes, nil
}

// rewrite replaces named arguments with positional ones. It reports false for
// other rewriters, which may use the connection in any way.
func rewrite(ctx context.Context, sql string, args []any) (string, []any, bool, error) {
	for i, arg := range args {
		switch arg := arg.(type) {
		case pgx.QueryExecMode, pgx.QueryResultFormats, pgx.QueryResultFormatsByOID:
			continue
		case pgx.NamedArgs:
			return inPlace(ctx, arg, sql, args, i)
		case pgx.StrictNamedArgs:
			return inPlace(ctx, arg, sql, args, i)
		case pgx.QueryRewriter:
			return sql, args, false, nil
		}
		break
	}
	return sql, args, true, nil
}

// inPlace applies the rewriter at i; the arguments before it are options. It
// reports false with an error.
func inPlace(ctx context.Context, by pgx.QueryRewriter, sql string, args []any, i int) (string, []any, bool, error) {
	rewritten, values, err := by.RewriteQuery(ctx, nil, sql, args[i+1:])
	if err != nil {
		return sql, args, false, err
	}
	return rewritten, append(args[:i:i], values...), true, nil
}

// firstRow reads the first row of rows.
type firstRow struct {
	rows pgx.Rows
	err  error
}

// Scan reads the row into dest and closes the rows; see [pgx.Row].
func (r firstRow) Scan(dest ...any) error {
	if r.err != nil {
		return r.err
	}
	defer r.rows.Close()
	if !r.rows.Next() {
		if err := r.rows.Err(); err != nil {
			return err
		}
		return pgx.ErrNoRows
	}
	if err := r.rows.Scan(dest...); err != nil {
		return err
	}
	r.rows.Close()
	return r.rows.Err()
}
