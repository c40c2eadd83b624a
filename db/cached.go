package db

import (
	"context"
	"reflect"
	"sync"
	"sync/atomic"

	"github.com/jackc/pgx/v5"

	"github.com/headrace/headrace/internal/argkey"
	"github.com/headrace/headrace/internal/cacheapi"
	"github.com/headrace/headrace/internal/rowscan"
	"github.com/headrace/headrace/internal/sqltext"
)

func init() {
	cacheapi.Register(func(pg any) cacheapi.Handle {
		d := pg.(*DB)
		return cacheapi.Handle{
			Tracker: d.tracker, Observed: d.observed, ContextHooks: d.contextHooks,
			Closed: d.closed.Load, Exhausted: d.exhausted, Sample: d.tracker.Sample,
		}
	})
}

// sourceOf returns the handle that a cached handle reads from.
func sourceOf(cached cacheapi.TypedReader) *DB { return cached.Source().(*DB) }

// cachedAll returns the rows from the cache of q, or loads them.
func (r reader[T]) cachedAll(ctx context.Context, q cacheapi.TypedReader, text *sqltext.Statement, sql string, args []any) ([]T, error) {
	values, shared, err := r.cachedRows(ctx, q, text, sql, args)
	if err != nil || shared {
		return values, err
	}
	return r.decoder.Clone(values), nil
}

// cachedAppendTo is cachedAll, but appends the rows to dst. After an error it
// returns dst.
func (r reader[T]) cachedAppendTo(ctx context.Context, q cacheapi.TypedReader, dst []T, text *sqltext.Statement, sql string, args []any) ([]T, error) {
	values, shared, err := r.cachedRows(ctx, q, text, sql, args)
	switch {
	case err != nil:
		return dst, err
	case shared:
		return append(dst, values...), nil
	}
	return r.decoder.AppendClone(dst, values), nil
}

// cachedRows returns the cached values of q, or loads them. The caller may
// return them as they are if they are shared, and must copy them otherwise.
func (r reader[T]) cachedRows(ctx context.Context, q cacheapi.TypedReader, text *sqltext.Statement, sql string, args []any) (values []T, shared bool, err error) {
	read := cacheapi.NewRead(text, r.form+cacheapi.FormAll, args)
	defer read.Release()
	read.Shares = r.decoder.Shares() != ""
	value, shared, ok := q.Cached(ctx, read)
	if !ok {
		if value, shared, err = r.loadAll(ctx, q, read, sql, argkey.Clone(args)); err != nil {
			return nil, false, err
		}
	}
	values = value.([]T)
	if bound := maxRows(ctx, sourceOf(q), nil); bound > 0 && len(values) > bound {
		return nil, false, readError(text.Label, &rowscan.TooManyRowsError{Max: bound})
	}
	return values, shared, nil
}

func (r reader[T]) loadAll(ctx context.Context, q cacheapi.TypedReader, read *cacheapi.Read, sql string, args []any) (any, bool, error) {
	label := read.Text.Label
	return q.Load(ctx, read, func(ctx context.Context, q cacheapi.Querier) (any, int64, error) {
		values, err := r.all(ctx, q, sql, label, args)
		if err != nil {
			return nil, 0, err
		}
		stored, size := r.decoder.Keep(values)
		if size >= 0 {
			size += sliceBytes
		}
		return stored, size, nil
	})
}

// sliceBytes is the size of a slice in an interface.
const sliceBytes = 24

// cachedOne returns the row from the cache of q, or loads it.
func (r reader[T]) cachedOne(ctx context.Context, q cacheapi.TypedReader, text *sqltext.Statement, sql string, args []any) (T, error) {
	var zero T
	read := cacheapi.NewRead(text, r.form+cacheapi.FormOne, args)
	read.Shares = r.decoder.Shares() != ""
	value, shared, ok := q.Cached(ctx, read)
	if !ok {
		var err error
		if value, shared, err = r.loadOne(ctx, q, read, sql, argkey.Clone(args)); err != nil {
			read.Release()
			return zero, err
		}
	}
	read.Release()
	if _, none := value.(cacheapi.NoRow); none {
		return zero, pgx.ErrNoRows
	}
	one := value.(*T)
	if shared {
		return *one, nil
	}
	return r.decoder.CloneOne(*one), nil
}

func (r reader[T]) loadOne(ctx context.Context, q cacheapi.TypedReader, read *cacheapi.Read, sql string, args []any) (any, bool, error) {
	label := read.Text.Label
	return q.Load(ctx, read, func(ctx context.Context, q cacheapi.Querier) (any, int64, error) {
		value, err := r.one(ctx, q, sql, label, args)
		switch {
		case err == pgx.ErrNoRows: //nolint:errorlint // one returns it bare
			return cacheapi.NoRow{}, 0, nil // the absence of a row is cached too
		case err != nil:
			return nil, 0, err
		}
		stored, size := r.decoder.Keep([]T{value})
		return &stored[0], size, nil
	})
}

// formIDs numbers Go types. It grows with the types of the program, not with
// its data.
var formIDs struct {
	byType sync.Map // of reflect.Type to uint64
	last   atomic.Uint64
}

// firstForm returns the number of cacheapi.FormAll for T; the other forms
// follow it.
func firstForm[T any]() uint64 {
	t := reflect.TypeFor[T]()
	if id, ok := formIDs.byType.Load(t); ok {
		return id.(uint64)
	}
	id, _ := formIDs.byType.LoadOrStore(t, formIDs.last.Add(cacheapi.Forms))
	return id.(uint64)
}
