package db

import (
	"context"
	"fmt"

	"github.com/headrace/headrace/internal/argkey"
	"github.com/headrace/headrace/internal/cacheapi"
	"github.com/headrace/headrace/internal/keyset"
	"github.com/headrace/headrace/internal/paging"
	"github.com/headrace/headrace/internal/sqltext"
)

// ErrBadCursor is the error for a cursor that was made for another statement,
// other arguments or another order, that was modified, truncated or forged, or
// that was signed by a secret missing from Pager.Sign. It carries no further
// detail, since cursors come from outside. Respond with a bad request, or start
// at the first page.
var ErrBadCursor = paging.ErrBadCursor

// A Cursor is a position between two rows, and the direction to continue in. It
// is opaque text, safe in URLs; the empty cursor is the beginning. It does not
// point at a row: it stays valid when the rows around it are deleted.
//
// A cursor contains the key values of a row, unencrypted.
//
// A cursor may be stored, for example in a bookmark. It is bound to the
// normalized text of its statement, to the columns and directions of its order,
// and to the argument values as they are sent to the server: equal integers
// match regardless of width, and a driver.Valuer matches the value that it
// returns. An instant in another time zone matches where the parameter is a
// timestamptz. For a timestamp, a date or a text, pgx sends the wall clock, so
// that it is a different argument. A release of this library that cannot open
// older cursors will say so.
type Cursor string

// LastPage is the position after the last row: the page before it is the last
// page.
const LastPage Cursor = "last" // paging.LastPage

// A Page holds rows in the Pager's order, and the cursors of the neighbouring
// pages.
//
// A read does not check whether the page before still has rows. If they were
// deleted, Prev leads to a page without rows, whose Next leads back.
//
// As JSON a page has the members items, next and prev. items is a list even if
// it is empty; next and prev are left out if there is no such page.
type Page[T any] struct {
	Items []T    `json:"items"`
	Next  Cursor `json:"next,omitempty"` // the page after this one; "" on the last page
	Prev  Cursor `json:"prev,omitempty"` // the page before this one; "" on the first page, and on a page read without a cursor
}

// A Pager defines the order of pages and the secrets that sign cursors.
type Pager struct {
	// Keys order the rows. They are columns of the statement's result. No two
	// rows may be equal in all keys, and the last key may not be NULL unless it is
	// Nullable: end with a unique column, such as the primary key. A page that contains two equal
	// rows fails. Equality is that of the server: 1.0 equals 1.00, and under
	// some collations a equals A. If different bytes may be equal keys, as with
	// a single key of type text, the page's query also compares neighbouring rows,
	// for about 0.03 ms per 50 rows on PostgreSQL 15. The first page of such a
	// statement is read twice.
	//
	// The value of a key must not change from page to page. Paging rejects a
	// key whose expression in the select list visibly calls a function such as
	// random() or now(). It cannot see such calls in views, subqueries and
	// functions of the database.
	Keys []Order

	// Sign holds the secrets that sign cursors (HMAC-SHA-256), of 16 bytes at
	// least. The first one signs; cursors signed by the others are still
	// accepted, so that secrets can be rotated. Without secrets a cursor is
	// still bound to statement, arguments and order, which detects mistakes,
	// but anyone who reads the source can forge one.
	Sign [][]byte
}

// An Order is one key of a Pager: a column, its direction, and how it treats
// NULLs. Make it with Asc or Desc.
type Order struct{ key paging.Order }

// Asc orders by a column of the statement's result in ascending order, NULLs
// last, as the server does. The name is the column's name as the server reports
// it: without quotes, and case-sensitive.
func Asc(column string) Order { return Order{paging.Order{Column: column}} }

// Desc orders by a column in descending order, NULLs first, as the server does.
func Desc(column string) Order { return Order{paging.Order{Column: column, Desc: true}} }

// NullsFirst puts rows with NULL in the column first. An index serves the order
// only if it was created with NULLS FIRST too.
func (o Order) NullsFirst() Order { o.key.Nulls = keyset.NullsFirst; return o }

// NullsLast puts rows with NULL in the column last.
func (o Order) NullsLast() Order { o.key.Nulls = keyset.NullsLast; return o }

// NotNull promises that the column is never NULL in the result, so that later
// pages skip the part of the query that looks for NULLs. It is useful for every key but the first and
// the last. A page that contains a NULL there fails. Columns from the optional
// side of an outer join may be NULL.
func (o Order) NotNull() Order { o.key.Holding = paging.NullsNever; return o }

// Nullable states that the column may be NULL, which is the default for every
// key but the last.
func (o Order) Nullable() Order { o.key.Holding = paging.NullsMaybe; return o }

// Page returns up to limit rows of the statement after the position at, in the
// order of p. The empty cursor returns the first page and LastPage the last. A
// page's Next and Prev lead to its neighbours; they work with another limit,
// but not with other arguments or another order.
//
// The server runs one statement, which takes equally long at any depth where an
// index has the keys in their order and directions. Following Next to the end
// visits each row exactly once if the row exists throughout and its keys do not
// change, whatever else is inserted and deleted meanwhile.
//
// The statement may be any query. DISTINCT, GROUP BY, window functions, UNION
// and LIMIT within it give correct pages, but the server evaluates them again
// for each page. The statement may not have an ORDER BY of its own (except with
// LIMIT, OFFSET or DISTINCT ON, where it selects the rows), FOR UPDATE or FOR
// SHARE (which would lock far more rows than the page has), data-modifying
// WITH, or two columns of one name. Key types must have a text form that the
// server reads back to the same value, as all built-in types do.
//
// Each limit is a separate statement to prepare: offer users a choice of a few.
// Arguments are part of the cursor; an argument that cannot be, such as a map
// or an io.Reader, is an error. A pgx.QueryRewriter such as pgx.NamedArgs is
// applied first, without a connection.
func (s *Stmt[T]) Page(ctx context.Context, q Querier, p Pager, at Cursor, limit int, args ...any) (Page[T], error) {
	if text, rest, ok, err := paging.ApplyRewriter(ctx, s.text, args); ok || err != nil {
		if err != nil {
			return Page[T]{}, readError(s.text.Label, err)
		}
		return paginate(ctx, s.read, q, text, p, at, limit, rest)
	}
	var room [4]paging.Order // so that a cached page costs no allocation
	run, err := s.paged.In(s.text, p.order(room[:0]))
	if err != nil {
		return Page[T]{}, pageError(s.text, err)
	}
	return s.read.page(ctx, q, pageCall{run, p.Sign, at, limit}, args)
}

// Paginate is Page for a statement built at run time.
func Paginate[T any](ctx context.Context, q Querier, b Builder, p Pager, at Cursor, limit int) (Page[T], error) {
	r, sql, args, err := built[T](b)
	if err != nil {
		return Page[T]{}, err
	}
	text := sqltext.Analyze(sql)
	if rewrittenText, rest, ok, err := paging.ApplyRewriter(ctx, text, args); err != nil {
		return Page[T]{}, readError(text.Label, err)
	} else if ok {
		text, args = rewrittenText, rest
	}
	return paginate(ctx, r, q, text, p, at, limit, args)
}

func paginate[T any](ctx context.Context, r reader[T], q Querier, text *sqltext.Statement, p Pager, at Cursor, limit int, args []any) (Page[T], error) {
	if err := text.CheckSingle(); err != nil {
		return Page[T]{}, pageError(text, err)
	}
	run, err := paging.New(text, p.order(nil))
	if err != nil {
		return Page[T]{}, pageError(text, err)
	}
	return r.page(ctx, q, pageCall{run, p.Sign, at, limit}, args)
}

// pageError adds the statement to an error of its page.
func pageError(text *sqltext.Statement, err error) error {
	return fmt.Errorf("db: page of %s: %w", text.Label(), err)
}

// order appends the keys to dst.
func (p Pager) order(dst []paging.Order) []paging.Order {
	for _, o := range p.Keys {
		dst = append(dst, o.key)
	}
	return dst
}

// A pageCall is one call for a page, without the arguments of its statement.
type pageCall struct {
	*paging.Statement
	sign  [][]byte
	at    Cursor
	limit int
}

// page returns the page from the cache of q, or reads it.
func (r reader[T]) page(ctx context.Context, q Querier, call pageCall, args []any) (Page[T], error) {
	if err := call.check(); err != nil {
		return Page[T]{}, pageError(call.Text, err)
	}
	if cached, ok := q.(cacheapi.TypedReader); ok {
		return r.cachedPage(ctx, cached, call, args)
	}
	return r.readPage(ctx, q, call, argkey.Clone(args))
}

// maxLimit leaves room for the extra row that shows whether another page
// follows.
const maxLimit = 1<<31 - 2

func (c pageCall) check() error {
	if c.limit < 1 || c.limit > maxLimit {
		return fmt.Errorf("limit is %d: want 1 to %d", c.limit, maxLimit)
	}
	for i, key := range c.sign {
		if len(key) < minSecret {
			return fmt.Errorf("Pager.Sign[%d] has %d bytes: want %d or more", i, len(key), minSecret)
		}
	}
	return nil
}

const minSecret = 16
