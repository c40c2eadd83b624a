package querycache

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/headrace/headrace/internal/cacheapi"
	"github.com/headrace/headrace/internal/rowscan/replay"
)

// A tierQuerier runs the statement of a load, unless a tier has its result.
type tierQuerier struct {
	handle *ReadThrough
	flight *flight
}

// Source returns the handle that the rows come from.
func (q tierQuerier) Source() cacheapi.Querier { return q.handle.pg }

// Query returns rows from a tier, or else from the server.
func (q tierQuerier) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	f, h := q.flight, q.handle
	if t := f.tiers; t != nil { // again
		t.keep = false
		switch {
		case t.expired != nil && f.served == HitOnError:
			return h.playFound(t.expired), nil
		case t.rejected:
			return h.queryRecorded(ctx, t, sql, args)
		}
		return h.pg.Query(ctx, sql, args...)
	}
	t := h.tierRead(ctx, f, sql, args)
	if t == nil {
		return h.pg.Query(ctx, sql, args...)
	}
	f.tiers = t
	if found := t.get(ctx, func(f *found) bool { return h.decodeRows(ctx, f, t.flight.record.policy.MaxRows, args) }); found != nil {
		return h.playFound(found), nil
	}
	if t.unread() {
		return h.pg.Query(ctx, sql, args...)
	}
	return h.queryRecorded(ctx, t, sql, args)
}

// unread reports whether no tier has answered: the result of the load will be
// stored in none.
func (t *tierRead) unread() bool {
	for _, v := range t.versions {
		if v != nil {
			return false
		}
	}
	return true
}

// queryRecorded runs a statement on the source and records its rows while they
// are read.
func (h *ReadThrough) queryRecorded(ctx context.Context, t *tierRead, sql string, args []any) (pgx.Rows, error) {
	rows, err := h.pg.Query(ctx, sql, args...)
	if err != nil {
		return rows, err
	}
	h.types.of(rows) // remember what has been seen
	most := h.cache.store.MostEntry()
	if bound := t.flight.record.policy.MaxBytes; bound > 0 {
		most = min(most, bound)
	}
	return &recordedRows{Rows: rows, recorder: replay.NewRecorder(rows.FieldDescriptions(), int(most)), read: t}, nil
}

// decodeRows decodes a recording, and reports whether it has at most the given
// number of rows, or 0 for any, and has the form that the server would send to
// the handle for a statement with the given arguments.
func (h *ReadThrough) decodeRows(ctx context.Context, f *found, most int, args []any) bool {
	if f.stored.kind != storedRows {
		return false
	}
	rows, err := replay.Parse(f.stored.content)
	if err != nil || most > 0 && rows.Len() > most {
		return false
	}
	f.rows = rows
	return h.types.learn(ctx, h.source, rows.Fields(), args)
}

// playFound returns the rows of a value from a tier.
func (h *ReadThrough) playFound(f *found) pgx.Rows {
	return (&wireRows{f.rows, h.types.now.Load()}).play()
}

// recordedRows records rows while they are read.
type recordedRows struct {
	pgx.Rows
	recorder *replay.Recorder // nil once the result is too big
	read     *tierRead
	rows     int
}

// Next moves to the next row.
func (r *recordedRows) Next() bool {
	if !r.Rows.Next() {
		r.finish()
		return false
	}
	r.rows++
	if r.recorder != nil && r.recorder.Add(r.RawValues()) != nil {
		r.recorder = nil
	}
	return true
}

// Close closes the rows.
func (r *recordedRows) Close() {
	r.Rows.Close()
	r.finish()
}

// finish ends the recording. It is complete if the server counts as many rows.
func (r *recordedRows) finish() {
	recorder := r.recorder
	r.recorder = nil
	if recorder == nil || r.Err() != nil || r.CommandTag().RowsAffected() != int64(r.rows) {
		return
	}
	t := r.read
	t.content = recorder.Append(nil, r.CommandTag())
	t.kind, t.rows, t.empty, t.keep = storedRows, r.rows, r.rows == 0, true
}
