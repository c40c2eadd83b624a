package db

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/headrace/headrace/internal/argkey"
	"github.com/headrace/headrace/internal/cacheapi"
	"github.com/headrace/headrace/internal/keyset"
	"github.com/headrace/headrace/internal/paging"
	"github.com/headrace/headrace/internal/rowscan"
)

// readPage reads a page from q.
func (r reader[T]) readPage(ctx context.Context, q Querier, call pageCall, args []any) (Page[T], error) {
	place, err := call.Open(string(call.at), call.sign, args)
	switch {
	case errors.Is(err, ErrBadCursor):
		return Page[T]{}, err
	case err != nil:
		return Page[T]{}, pageError(call.Text, err)
	case len(place.Moved) > 0:
		if err := call.checkMoved(ctx, q, place.Moved); err != nil {
			return Page[T]{}, err
		}
	}
	form := place.At.Form(call.limit + 1)
	form.Compare = form.Compare || call.Compare.Load()
	page, seen, err := r.readBlocks(ctx, q, call, place, form, args)
	if err == nil && seen.Unsure() && !form.Compare {
		call.Compare.Store(true)
		form.Compare = true
		page, _, err = r.readBlocks(ctx, q, call, place, form, args)
	}
	return page, err
}

// readBlocks reads a page. It first tries the one block of the query that is
// likely to fill the page.
func (r reader[T]) readBlocks(ctx context.Context, q Querier, call pageCall, place paging.Place, form keyset.Form, args []any) (Page[T], *paging.Rows, error) {
	if keyset.FirstMayFill(call.Keys, form) {
		first := form
		first.First = true
		page, seen, err := r.readForm(ctx, q, call, place, first, args)
		if err != nil || seen.More() {
			return page, seen, err
		}
		// NULLs follow: read the whole page in one snapshot.
	}
	return r.readForm(ctx, q, call, place, form, args)
}

// readForm reads a page by the query of the given form.
func (r reader[T]) readForm(ctx context.Context, q Querier, call pageCall, place paging.Place, form keyset.Form, args []any) (page Page[T], seen *paging.Rows, err error) {
	sent := args
	if form.Compare {
		sent = paging.WithColumn(args)
	}
	sql := call.SQL(form)
	items, err := queryRetrying(ctx, q, sql, place.At.AppendArgs(slices.Clip(sent)), func(rows pgx.Rows) ([]T, error) {
		seen = paging.NewRows(rows, call.Statement, call.limit, place.At, form.Compare)
		items, err := r.decoder.All(seen, maxRows(ctx, q, rows))
		return items, errors.Join(seen.Failed(), err)
	})
	if err != nil {
		return page, seen, readError(call.Text.Label, call.explain(ctx, q, place.At, sql, args, err))
	}
	if place.Backward() {
		slices.Reverse(items)
	}
	page.Items = items
	next, prev, err := place.Around(seen)
	if err != nil {
		return Page[T]{}, seen, pageError(call.Text, err)
	}
	page.Next, page.Prev = Cursor(next), Cursor(prev)
	return page, seen, nil
}

// cachedPage returns the page from the cache of q, or loads it.
func (r reader[T]) cachedPage(ctx context.Context, q cacheapi.TypedReader, call pageCall, args []any) (Page[T], error) {
	read := cacheapi.NewRead(call.Text, r.form+cacheapi.FormPage, args)
	read.Shares = r.decoder.Shares() != ""
	read.Key = call.appendKey(read.Key)
	value, shared, ok := q.Cached(ctx, read)
	if !ok {
		var err error
		if value, shared, err = r.loadPage(ctx, q, read, call, argkey.Clone(args)); err != nil {
			read.Release()
			return Page[T]{}, err
		}
	}
	read.Release()
	page := *value.(*Page[T])
	if bound := maxRows(ctx, sourceOf(q), nil); bound > 0 && len(page.Items) > bound {
		return Page[T]{}, readError(call.Text.Label, &rowscan.TooManyRowsError{Max: bound})
	}
	if !shared {
		page.Items = r.decoder.Clone(page.Items)
	}
	return page, nil
}

func (r reader[T]) loadPage(ctx context.Context, q cacheapi.TypedReader, read *cacheapi.Read, call pageCall, args []any) (any, bool, error) {
	return q.Load(ctx, read, func(ctx context.Context, q cacheapi.Querier) (any, int64, error) {
		page, err := r.readPage(ctx, q, call, args)
		if err != nil {
			return nil, 0, err
		}
		items, size := r.decoder.Keep(page.Items)
		page.Items = items
		return &page, size + int64(len(page.Next)+len(page.Prev)), nil
	})
}

// appendKey appends to a key of arguments everything else that a page depends
// on. The key ends in fields of fixed size, so that it can be split from its
// end and no two pages share a key. It holds a digest of the secret only, since
// keys may be stored.
func (c pageCall) appendKey(key []byte) []byte {
	key = c.AppendOrder(key)
	key = append(key, c.at...)
	key = binary.LittleEndian.AppendUint32(key, uint32(c.OrderSize()))
	key = binary.LittleEndian.AppendUint32(key, uint32(len(c.at)))
	key = binary.LittleEndian.AppendUint32(key, uint32(c.limit))
	if len(c.sign) == 0 {
		return append(key, 0)
	}
	sum := sha256.Sum256(c.sign[0])
	return append(append(key, sum[:8]...), 1)
}
