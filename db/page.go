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

// ErrBadCursor is the error for a cursor that was not made for the statement,
// its arguments and its order, or was changed, cut or forged, or signed by a
// key that is not among Pager.Sign. It tells no more than that: a cursor comes
// from outside. Answer it as a bad request, or begin at the first page.
var ErrBadCursor = paging.ErrBadCursor

// A Cursor is a place between two rows, and the direction in which to go on
// from it. It is opaque text, safe in URLs; the empty one is the beginning. It
// does not point at a row: it stays good when the rows around it are deleted.
//
// A cursor holds the key values of a row, in the clear.
//
// It may be kept, in a bookmark say: it is bound to the normalized text of its
// statement, to the columns and directions of its order, and to the values of
// the arguments as the server is sent them, not to how the program holds them.
// Integers of any width are equal, and a driver.Valuer is what it returns. An
// instant in another time zone is equal where the parameter is a timestamptz;
// for a timestamp, a date or a text the server is sent the wall clock, which is
// another argument. Versions of this library that open other cursors than those before
// will say so.
type Cursor string

// LastPage stands for the end: the page before it is the last one.
const LastPage Cursor = paging.LastPage

// A Page is some rows, in the Pager's order, and the ways on from them.
//
// The rows on the other side of the page's beginning are not looked at: after
// they were deleted, Prev leads to a page without rows, whose Next leads back.
//
// As JSON it has the members items, which is a list also where there are none,
// next and prev, which are left out where there is no such page.
type Page[T any] struct {
	Items []T    `json:"items"`
	Next  Cursor `json:"next,omitempty"` // the page after this one; "" where this one is the last
	Prev  Cursor `json:"prev,omitempty"` // the page before this one; "" where this one was read without a cursor, or by Prev and is the first
}

// A Pager is the order that pages go through, and who may make cursors.
type Pager struct {
	// Keys order the rows. They are columns of the statement's result. No two
	// rows may be equal in all of them, and the last one may not be NULL: end
	// with a unique column, such as the primary key. A page that meets two
	// equal rows fails. Equal is what the server takes for equal: 1.0 and 1.00
	// are, and under some collations a and A. Where bytes do not tell, as with
	// a key of text alone, the server is asked in the page's own query, for
	// about 0.03 ms for 50 rows on PostgreSQL 15; the first page that finds it
	// out is read twice.
	//
	// The value of a key must not change from page to page. A key that is seen to
	// call a function such as random() or now() in the statement's select list is
	// refused; what views, subqueries and functions of the database's own hide is
	// for the caller to know.
	Keys []Order

	// Sign holds the secrets, of 16 bytes at least, by which cursors are signed
	// (HMAC-SHA-256): by the first one; those behind it still open cursors that
	// they signed, so that secrets can be changed one after the other. Without
	// secrets a cursor is bound to statement, arguments and order, which finds
	// mistakes, but whoever reads the source can forge one.
	Sign [][]byte
}

// An Order is one key of a Pager: a column, its direction, and what is known
// of its NULLs. Make it with Asc or Desc.
type Order struct{ key paging.Order }

// Asc orders by a column of the statement's result from small to large, NULLs
// at the end, as the server does. The name is the column's as the server
// reports it: no quotes, and case counts.
func Asc(column string) Order { return Order{paging.Order{Column: column}} }

// Desc orders by a column from large to small, NULLs at the beginning, as the
// server does.
func Desc(column string) Order { return Order{paging.Order{Column: column, Desc: true}} }

// NullsFirst puts the rows that have NULL in the column before all others.
// For an index to serve the order it must have been made with the same words.
func (o Order) NullsFirst() Order { o.key.Nulls = keyset.NullsFirst; return o }

// NullsLast puts the rows that have NULL in the column behind all others.
func (o Order) NullsLast() Order { o.key.Nulls = keyset.NullsLast; return o }

// NotNull promises that the column is never NULL in the result, which spares
// later pages a look for NULLs: worth it for all keys but the first and the
// last. A page that meets a NULL there fails. Mind columns from the optional
// side of an outer join.
func (o Order) NotNull() Order { o.key.Holding = paging.NullsNever; return o }

// Nullable says that the column may be NULL. Keys are taken to be so unless
// they are the last.
func (o Order) Nullable() Order { o.key.Holding = paging.NullsMaybe; return o }

// Page returns up to limit rows of the statement behind the place at, in the
// order of p. The empty cursor gives the first page and LastPage the last; a
// page's Next and Prev lead on, also under another limit, but not with other
// arguments or another order.
//
// The server runs one statement, which takes as long at any depth as for the
// first page where an index has the keys in their order and directions. Rows
// that are there all the while, and whose keys do not change, are met exactly
// once by who follows Next to its end, whatever is inserted and deleted
// meanwhile.
//
// The statement may be any query. DISTINCT, GROUP BY, window functions, UNION
// and LIMIT within it give right pages, but the server works them out anew for
// each. It may have no ORDER BY of its own (beside LIMIT, OFFSET or DISTINCT ON,
// where it decides on the rows), no FOR UPDATE or FOR SHARE, which would lock
// far more rows than the page has, no data-modifying WITH, and no two columns
// of one name. Key types must have a text form that the server reads back to
// the same value, as all of its own types do.
//
// Each limit makes a statement of its own to prepare: let users choose among a
// few. Arguments are bound into the cursor; one that cannot be, such as a map
// or an io.Reader, is an error. A pgx.QueryRewriter such as pgx.NamedArgs is
// applied first, and given no connection.
func (s *Stmt[T]) Page(ctx context.Context, q Querier, p Pager, at Cursor, limit int, args ...any) (Page[T], error) {
	if text, rest, ok, err := paging.ApplyRewriter(ctx, s.text, args); ok || err != nil {
		if err != nil {
			return Page[T]{}, readError(s.text.Label, err)
		}
		return paginate(ctx, s.read, q, text, p, at, limit, rest)
	}
	var room [4]paging.Order // so that a kept page costs no allocation
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

// pageError says which statement could not be paged through.
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

// A pageCall is one call for a page, its statement's arguments apart.
type pageCall struct {
	*paging.Statement
	sign  [][]byte
	at    Cursor
	limit int
}

// page answers from what q keeps, or reads the page.
func (r reader[T]) page(ctx context.Context, q Querier, call pageCall, args []any) (Page[T], error) {
	if err := call.check(); err != nil {
		return Page[T]{}, pageError(call.Text, err)
	}
	if cached, ok := q.(cacheapi.TypedReader); ok {
		return r.keptPage(ctx, cached, call, args)
	}
	return r.readPage(ctx, q, call, argkey.Clone(args))
}

// maxLimit leaves room for the row that tells whether there is more.
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
