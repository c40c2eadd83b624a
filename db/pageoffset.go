package db

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/jackc/pgx/v5"

	"github.com/headrace/headrace/internal/cacheapi"
	"github.com/headrace/headrace/internal/keyset"
	"github.com/headrace/headrace/internal/paging"
	"github.com/headrace/headrace/internal/sqltext"
)

// ErrPageTooDeep is the error for a page number with an OFFSET beyond
// OffsetPager.MaxOffset.
var ErrPageTooDeep = errors.New("db: page too deep")

// An OffsetPager divides rows into numbered pages, for programs that must show
// page numbers. The server reads and discards all rows before a page, so that
// deeper pages cost more. Rows that are inserted or deleted meanwhile shift
// others between pages: some appear twice, some never. Where that matters, or
// there are many rows, use a Pager.
type OffsetPager struct {
	Keys      []Order // as in Pager
	Size      int     // rows of a page
	MaxOffset int     // largest number of rows to skip; default 10,000. A page beyond it fails with ErrPageTooDeep
	Count     Count   // whether to count all rows
}

// Count selects how the rows of all pages are counted.
type Count uint8

const (
	// NoCount leaves OffsetPage.Total at 0.
	NoCount Count = iota

	// EstimatedCount asks the planner, by EXPLAIN: an estimate from statistics,
	// in less than a millisecond.
	EstimatedCount

	// ExactCount counts the rows, which takes as long as reading all of them.
	// It runs a separate statement: rows may be inserted and deleted between
	// the count and the page, unless q is a transaction of isolation level
	// repeatable read.
	ExactCount
)

// An OffsetPage holds the rows of a page, and the number of all rows.
type OffsetPage[T any] struct {
	Items []T
	More  bool  // whether a page follows this one
	Total int64 // rows of all pages, as OffsetPager.Count says
}

const defaultMaxOffset = 10_000

// PaginateOffset returns the page of the given number, counted from 1, of the
// statement that b makes. Stmt.Page describes the statements that can be paged.
func PaginateOffset[T any](ctx context.Context, q Querier, b Builder, p OffsetPager, number int) (OffsetPage[T], error) {
	var page OffsetPage[T]
	sql, args, err := b.ToSql()
	if err != nil {
		return page, fmt.Errorf("db: build a statement: %w", err)
	}
	text := sqltext.Analyze(sql)
	if other, rest, ok, err := paging.ApplyRewriter(ctx, text, args); err != nil {
		return page, pageError(text, err)
	} else if ok {
		text, args = other, rest
	}
	offset, err := p.offset(number)
	if err != nil {
		return page, pageError(text, err)
	}
	run, err := paging.New(text, Pager{Keys: p.Keys}.order(nil))
	if err != nil {
		return page, pageError(text, err)
	}
	pageSQL := run.SQL((*keyset.Position)(nil).Form(p.Size+1)) + " OFFSET $" + strconv.Itoa(run.Params()+1)
	pageArgs := append(slices.Clip(args), offset)
	if page.Items, err = All[T](WithMaxRows(ctx, 0), q, SQL(pageSQL, pageArgs...)); err != nil {
		return page, err
	}
	if page.More = len(page.Items) > p.Size; page.More {
		page.Items = page.Items[:p.Size:p.Size]
	}
	page.Total, err = p.Count.of(ctx, q, run, args)
	return page, err
}

// offset returns the number of rows before a page.
func (p OffsetPager) offset(number int) (int, error) {
	limit := p.MaxOffset
	if limit == 0 {
		limit = defaultMaxOffset
	}
	switch {
	case p.Size < 1 || p.Size > maxLimit:
		return 0, fmt.Errorf("OffsetPager.Size is %d: want 1 to %d", p.Size, maxLimit)
	case limit < 0:
		return 0, fmt.Errorf("OffsetPager.MaxOffset is %d: want 0 (the default) or more", limit)
	case number < 1:
		return 0, fmt.Errorf("page number is %d: want 1 or more", number)
	case number-1 > limit/p.Size:
		return 0, fmt.Errorf("%w: page %d of %d rows each begins beyond row %d", ErrPageTooDeep, number, p.Size, limit)
	}
	return (number - 1) * p.Size, nil
}

// of counts the rows of a statement as c says.
func (c Count) of(ctx context.Context, q Querier, p *paging.Statement, args []any) (int64, error) {
	args = paging.ForOtherColumns(args)
	switch c {
	case NoCount:
		return 0, nil
	case ExactCount:
		return One[int64](ctx, q, SQL(p.CountSQL(), args...))
	case EstimatedCount:
		return estimate(ctx, q, p, args)
	default:
		return 0, pageError(p.Text, fmt.Errorf("OffsetPager.Count is %d: want NoCount, EstimatedCount or ExactCount", c))
	}
}

// estimate returns the planner's estimate of the rows of a statement.
func estimate(ctx context.Context, q Querier, p *paging.Statement, args []any) (int64, error) {
	if cached, ok := q.(cacheapi.TypedReader); ok {
		q = sourceOf(cached) // an estimate is not worth caching and reads no tables
	}
	plans, err := One[[]struct {
		Plan struct {
			Rows float64 `json:"Plan Rows"`
		}
	}](ctx, q, SQL("EXPLAIN (FORMAT JSON) "+p.Text.Normalized, args...))
	if err != nil {
		return 0, err
	}
	if len(plans) != 1 {
		return 0, pageError(p.Text, fmt.Errorf("%d plans for one statement: %w", len(plans), pgx.ErrTooManyRows))
	}
	return int64(plans[0].Plan.Rows), nil
}
