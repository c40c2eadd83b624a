package db

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/jackc/pgx/v5"

	"github.com/headrace/headrace/internal/cacheapi"
	"github.com/headrace/headrace/internal/changes"
	"github.com/headrace/headrace/internal/connecterror"
	"github.com/headrace/headrace/internal/rowscan"
)

// A reader reads the rows of statements into values of T, from the server or
// from a cached handle.
//
// Arguments reach q.Query only as copies made by argkey.Clone. Without the copy
// the caller's arguments would escape to the heap on each call, cache hits
// included, since the compiler cannot know which calls hit.
type reader[T any] struct {
	decoder *rowscan.Decoder[T]
	form    uint64 // number of cacheapi.FormAll for T
}

// all reads every row from q.
func (r reader[T]) all(ctx context.Context, q Querier, sql string, label func() string, args []any) ([]T, error) {
	values, err := queryRetrying(ctx, q, sql, args, func(rows pgx.Rows) ([]T, error) {
		return r.decoder.All(rows, maxRows(ctx, q, rows))
	})
	if err != nil {
		return nil, readError(label, err)
	}
	return values, nil
}

// appendTo appends every row from q to dst. After an error it returns dst.
func (r reader[T]) appendTo(ctx context.Context, q Querier, dst []T, sql string, label func() string, args []any) ([]T, error) {
	values, err := queryRetrying(ctx, q, sql, args, func(rows pgx.Rows) ([]T, error) {
		return r.decoder.AppendTo(dst, rows, maxRows(ctx, q, rows))
	})
	if err != nil {
		return dst, readError(label, err)
	}
	return values, nil
}

// one reads the only row from q.
func (r reader[T]) one(ctx context.Context, q Querier, sql string, label func() string, args []any) (T, error) {
	value, err := queryRetrying(ctx, q, sql, args, r.decoder.One)
	if err != nil {
		return value, readError(label, err)
	}
	return value, nil
}

// each yields the rows from q.
func (r reader[T]) each(ctx context.Context, q Querier, sql string, label func() string, args []any) iter.Seq2[T, error] {
	if cached, ok := q.(cacheapi.TypedReader); ok {
		q = sourceOf(cached)
	}
	return func(yield func(T, error) bool) {
		begun := false
		stream := func(q Querier, args []any) error {
			rows, err := q.Query(ctx, sql, args...)
			if err != nil {
				return err
			}
			tracked := trackedConn(rows)
			for value, err := range r.decoder.Each(rows) {
				if err != nil {
					return err
				}
				begun = true
				tracked.Pause() // the body of the loop is not the statement's
				more := yield(value, nil)
				tracked.Resume()
				if !more {
					return nil
				}
			}
			return nil
		}
		err := stream(q, args)
		if err != nil && !begun && connecterror.NotRun(err) {
			err = retryOn(ctx, q, args, err, stream)
		}
		if err != nil {
			var none T
			yield(none, readError(label, err))
		}
	}
}

// trackedConn returns what is tracked of the connection of rows, or nil.
func trackedConn(rows pgx.Rows) *changes.Conn {
	if conn := rows.Conn(); conn != nil {
		return changes.Of(conn)
	}
	return nil
}

// readError adds the statement to an error. pgx.ErrNoRows, which callers branch
// on, is returned as it is.
func readError(label func() string, err error) error {
	if errors.Is(err, pgx.ErrNoRows) {
		return pgx.ErrNoRows
	}
	return fmt.Errorf("db: read %s: %w", label(), withoutLabel(err))
}
