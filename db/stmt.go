package db

import (
	"context"
	"fmt"
	"iter"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/headrace/headrace/internal/argkey"
	"github.com/headrace/headrace/internal/cacheapi"
	"github.com/headrace/headrace/internal/changes"
	"github.com/headrace/headrace/internal/paging"
	"github.com/headrace/headrace/internal/rowscan"
	"github.com/headrace/headrace/internal/sqltext"
)

// A Stmt is a statement examined once, whose rows become values of type T:
//
//   - a struct: columns go to the fields of their names, as
//     [pgx.RowToStructByName] binds them (a `db:"name"` tag, or the field's name
//     in snake case; embedded structs; `db:"-"` leaves a field out). Each
//     column needs a field, and each field a column.
//   - a type that pgx can scan one column into: the statement returns one column.
//   - map[string]any: column names to what pgx makes of the columns.
//
// It belongs to no handle: make it once, in a package variable, and read with
// it from a *DB, a transaction, a connection, or a cached handle. It may be
// used by many goroutines at once.
type Stmt[T any] struct {
	text  *sqltext.Statement
	read  reader[T]
	paged paging.Orders
}

// Compile examines sql, which is one statement, and T. What it finds out costs
// nothing at calls. It needs no server; [DB.Check] holds statements to a live
// schema.
//
// The server is sent the text normalized, so that statements that differ only
// in white space, comments or the case of keywords share one prepared
// statement. A text that cannot be taken apart is sent as it is.
func Compile[T any](sql string) (*Stmt[T], error) {
	text := sqltext.Analyze(sql)
	if err := text.CheckSingle(); err != nil {
		return nil, fmt.Errorf("db: compile %s: %w", text.Label(), err)
	}
	decoder, err := rowscan.New[T]() // not For: each statement learns the size of its own results
	if err != nil {
		return nil, fmt.Errorf("db: compile %s: %w", text.Label(), err)
	}
	changes.Compiled(text)
	return &Stmt[T]{text: text, read: reader[T]{decoder: decoder, form: firstForm[T]()}}, nil
}

// MustCompile is Compile for package variables: it panics where Compile would
// return an error.
func MustCompile[T any](sql string) *Stmt[T] {
	s, err := Compile[T](sql)
	if err != nil {
		panic(err)
	}
	return s
}

// Name returns the name in the comment "-- name: CityByID :one", as sqlc writes
// it, or "".
func (s *Stmt[T]) Name() string { return s.text.Name }

func (s *Stmt[T]) statement() *sqltext.Statement { return s.text }

// SQL returns the text that is sent: normalized, with white space, comments and
// the case of keywords settled. A text that cannot be split into tokens is sent
// as it was given.
func (s *Stmt[T]) SQL() string { return s.text.Normalized }

// All runs the statement and returns its rows. A statement that returns none
// gives an empty slice. The slice and what it points to are the caller's.
//
// Strings, byte slices and the targets of pointers of one result are cut from
// common memory: one that is kept keeps up to 16 KB alive. Who keeps a few of
// many rows for long copies them, by [strings.Clone] for example.
func (s *Stmt[T]) All(ctx context.Context, q Querier, args ...any) ([]T, error) {
	if cached, ok := q.(cacheapi.TypedReader); ok {
		return s.read.keptAll(ctx, cached, s.text, s.sqlFor(args), args)
	}
	return s.read.all(ctx, q, s.sqlFor(args), s.text.Label, argkey.Clone(args))
}

// AppendTo runs the statement and appends its rows to dst, as append does. A
// program that reads large results again and again passes its slice back, and
// so saves the memory of the rows:
//
//	rows, err = stmt.AppendTo(ctx, pg, rows[:0], id)
//
// The rows that the slice held are overwritten, but not what they refer to:
// strings and pointers copied from them stay valid. Each row is set as in a new
// slice, whatever was there. After an error AppendTo returns dst, whose elements
// are unchanged. With or without an error it may overwrite the array of dst
// beyond its length; elements that it leaves there keep their strings alive.
//
// Options.MaxRows bounds the rows of the statement, not the length of the slice.
// A cached handle answers as it does for All, and copies what it keeps to dst.
// Where its policy says Shared, dst must not be a slice that All returned: that
// one is the cache's.
func (s *Stmt[T]) AppendTo(ctx context.Context, q Querier, dst []T, args ...any) ([]T, error) {
	if cached, ok := q.(cacheapi.TypedReader); ok {
		return s.read.keptAppendTo(ctx, cached, dst, s.text, s.sqlFor(args), args)
	}
	return s.read.appendTo(ctx, q, dst, s.sqlFor(args), s.text.Label, argkey.Clone(args))
}

// One runs the statement and returns its only row. The error is
// [pgx.ErrNoRows] itself where there is none, and wraps [pgx.ErrTooManyRows]
// where there are more.
func (s *Stmt[T]) One(ctx context.Context, q Querier, args ...any) (T, error) {
	if cached, ok := q.(cacheapi.TypedReader); ok {
		return s.read.keptOne(ctx, cached, s.text, s.sqlFor(args), args)
	}
	return s.read.one(ctx, q, s.sqlFor(args), s.text.Label, argkey.Clone(args))
}

// Each runs the statement when the loop over it begins, and yields its rows as
// they come, in memory that does not grow with their number. After an error,
// which comes with a zero T, there is nothing more. Leaving the loop early
// ends the read: on a handle the server is asked to stop a statement that
// changes nothing, elsewhere what it still has to send is read. The rows hold a
// connection meanwhile. Each is never answered from a cache, and
// Options.MaxRows does not bound it.
func (s *Stmt[T]) Each(ctx context.Context, q Querier, args ...any) iter.Seq2[T, error] {
	return s.read.each(ctx, q, s.sqlFor(args), s.text.Label, argkey.Clone(args))
}

// Exec runs the statement for its effect. Rows that it returns are dropped.
func (s *Stmt[T]) Exec(ctx context.Context, e Execer, args ...any) (pgconn.CommandTag, error) {
	tag, err := execAgain(ctx, e, s.sqlFor(args), argkey.Clone(args))
	if err != nil {
		return tag, fmt.Errorf("db: %s: %w", s.text.Label(), withoutLabel(err))
	}
	return tag, nil
}

// sqlFor returns the text to send with args: a query rewriter among them, such
// as pgx.NamedArgs, gets the text as it was given, since it may look for what
// normalizing settles (the case of @names, white space).
func (s *Stmt[T]) sqlFor(args []any) string {
	if argkey.Rewriter(args) != nil {
		return s.text.Text
	}
	return s.text.Normalized
}
