package db

import (
	"context"
	"fmt"
	"iter"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/headrace/headrace/internal/argkey"
	"github.com/headrace/headrace/internal/cacheapi"
	"github.com/headrace/headrace/internal/changes"
	"github.com/headrace/headrace/internal/paging"
	"github.com/headrace/headrace/internal/rowscan"
	"github.com/headrace/headrace/internal/sqltext"
)

// A Stmt is a statement that is examined once and whose rows become values of
// type T:
//
//   - a struct: columns are bound to fields by name, as in
//     [pgx.RowToStructByName] (a `db:"name"` tag, or the field's name in snake
//     case; embedded structs; `db:"-"` skips a field). Each column needs a
//     field, and each field a column.
//   - a type that pgx can scan one column into: the statement returns one
//     column.
//   - map[string]any: column names mapped to pgx's values.
//
// A Stmt belongs to no handle: make it once, in a package variable, and read
// with it from a *DB, a transaction, a connection, or a cached handle. It is
// safe for concurrent use.
type Stmt[T any] struct {
	text  *sqltext.Statement
	read  reader[T]
	paged paging.Orders
}

// Compile examines sql, which must be one statement, and T. Calls do not repeat
// that work. It needs no server; [DB.Check] checks statements against a live
// schema.
//
// The normalized text is sent, so that statements that differ only in white
// space, comments or the case of keywords share one prepared statement. A text
// that cannot be split into tokens is sent unchanged.
func Compile[T any](sql string) (*Stmt[T], error) {
	text := sqltext.Analyze(sql)
	if err := text.CheckSingle(); err != nil {
		return nil, fmt.Errorf("db: compile %s: %w", text.Label(), err)
	}
	decoder, err := rowscan.New[T]() // not For: each statement estimates the size of its own results
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

// SQL returns the text that is sent: normalized in white space, comments and
// the case of keywords. A text that cannot be split into tokens is sent
// unchanged.
func (s *Stmt[T]) SQL() string { return s.text.Normalized }

// All runs the statement and returns its rows. A statement that returns no rows
// yields an empty slice. The slice and everything it points to belong to the
// caller.
//
// Strings, byte slices and the targets of pointers of one result share memory
// blocks: one retained value keeps up to 16 KB alive. To retain a few of many
// rows for long, copy them, for example with [strings.Clone].
func (s *Stmt[T]) All(ctx context.Context, q Querier, args ...any) ([]T, error) {
	if cached, ok := q.(cacheapi.TypedReader); ok {
		return s.read.cachedAll(ctx, cached, s.text, s.sqlFor(args), args)
	}
	return s.read.all(ctx, q, s.sqlFor(args), s.text.Label, argkey.Clone(args))
}

// AppendTo runs the statement and appends its rows to dst, as append does. A
// program that reads large results repeatedly passes its slice back, and so
// saves the memory of the rows:
//
//	rows, err = stmt.AppendTo(ctx, pg, rows[:0], id)
//
// It overwrites the rows of the slice, but not what they refer to: strings and
// pointers copied from them stay valid. Each row is set as in a new slice,
// whatever the element held before. After an error AppendTo returns dst with
// its elements unchanged. In any case it may overwrite the array of dst beyond
// its length; elements left there keep their strings alive.
//
// Options.MaxRows bounds the rows of the statement, not the length of the
// slice. A cached handle returns the same rows as for All, copied to dst. If
// its policy sets Shared, dst must not be a slice that All returned, which
// belongs to the cache.
func (s *Stmt[T]) AppendTo(ctx context.Context, q Querier, dst []T, args ...any) ([]T, error) {
	if cached, ok := q.(cacheapi.TypedReader); ok {
		return s.read.cachedAppendTo(ctx, cached, dst, s.text, s.sqlFor(args), args)
	}
	return s.read.appendTo(ctx, q, dst, s.sqlFor(args), s.text.Label, argkey.Clone(args))
}

// One runs the statement and returns its only row. It returns [pgx.ErrNoRows]
// itself if there is none, and an error that wraps [pgx.ErrTooManyRows] if
// there are several.
func (s *Stmt[T]) One(ctx context.Context, q Querier, args ...any) (T, error) {
	if cached, ok := q.(cacheapi.TypedReader); ok {
		return s.read.cachedOne(ctx, cached, s.text, s.sqlFor(args), args)
	}
	return s.read.one(ctx, q, s.sqlFor(args), s.text.Label, argkey.Clone(args))
}

// Each runs the statement when the loop begins, and yields its rows as they
// arrive, in memory that does not grow with their number. An error comes with a
// zero T and ends the loop. Leaving the loop early ends the read: on a handle
// the server is asked to stop a statement that changes nothing, elsewhere the
// rest of the result is read. The rows hold a connection until then. Each
// always bypasses the cache, and Options.MaxRows does not apply to it.
func (s *Stmt[T]) Each(ctx context.Context, q Querier, args ...any) iter.Seq2[T, error] {
	return s.read.each(ctx, q, s.sqlFor(args), s.text.Label, argkey.Clone(args))
}

// Exec runs the statement for its effect and discards its rows.
func (s *Stmt[T]) Exec(ctx context.Context, e Execer, args ...any) (pgconn.CommandTag, error) {
	tag, err := execRetrying(ctx, e, s.sqlFor(args), argkey.Clone(args))
	if err != nil {
		return tag, fmt.Errorf("db: %s: %w", s.text.Label(), withoutLabel(err))
	}
	return tag, nil
}

// sqlFor returns the text to send with args. A query rewriter among them, such
// as pgx.NamedArgs, gets the unmodified text, since it may depend on what
// normalizing changes (the case of @names, white space).
func (s *Stmt[T]) sqlFor(args []any) string {
	if argkey.Rewriter(args) != nil {
		return s.text.Text
	}
	return s.text.Normalized
}

// Optional runs the statement and returns its only row, and reports whether
// there was one. It returns an error that wraps [pgx.ErrTooManyRows] if there
// are several.
func (s *Stmt[T]) Optional(ctx context.Context, q Querier, args ...any) (value T, found bool, err error) {
	value, err = s.One(ctx, q, args...)
	if err == pgx.ErrNoRows { //nolint:errorlint // One returns it bare
		return value, false, nil
	}
	return value, err == nil, err
}

// A Write is a statement that is examined once and run for its effect: an
// INSERT, an UPDATE, a DELETE, a call. For a statement whose rows are read,
// with RETURNING, use Stmt. It is safe for concurrent use.
type Write struct{ stmt *Stmt[struct{}] }

// CompileWrite examines sql as [Compile] does.
func CompileWrite(sql string) (*Write, error) {
	stmt, err := Compile[struct{}](sql)
	if err != nil {
		return nil, err
	}
	return &Write{stmt}, nil
}

// MustCompileWrite is CompileWrite for package variables: it panics where
// CompileWrite would return an error.
func MustCompileWrite(sql string) *Write {
	w, err := CompileWrite(sql)
	if err != nil {
		panic(err)
	}
	return w
}

// Exec runs the statement; see [Stmt.Exec].
func (w *Write) Exec(ctx context.Context, e Execer, args ...any) (pgconn.CommandTag, error) {
	return w.stmt.Exec(ctx, e, args...)
}

// Name returns the statement's name; see [Stmt.Name].
func (w *Write) Name() string { return w.stmt.Name() }

func (w *Write) statement() *sqltext.Statement { return w.stmt.text }

// SQL returns the text that is sent.
func (w *Write) SQL() string { return w.stmt.SQL() }
