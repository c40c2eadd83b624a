package db

import (
	"context"
	"fmt"
	"iter"
	"strings"

	"github.com/Masterminds/squirrel"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/headrace/headrace/internal/cacheapi"
	"github.com/headrace/headrace/internal/rowscan"
	"github.com/headrace/headrace/internal/sqltext"
)

// A Builder makes a statement at run time: squirrel's builders, the result of
// SQL, and any other type with this method. The text numbers its parameters $1,
// $2, ... Functions that read rows accept one statement: the simple protocol
// would run every statement of a text.
type Builder interface {
	ToSql() (sql string, args []any, err error)
}

// SQL returns a Builder for an existing text.
func SQL(sql string, args ...any) Builder { return builtText{sql, args} }

type builtText struct {
	sql  string
	args []any
}

func (t builtText) ToSql() (string, []any, error) { return t.sql, t.args, nil }

// Select begins a SELECT of the given columns. The builders of Select, Insert,
// Update and Delete number their parameters by the rules of the server's lexer:
// a question mark is a parameter only outside of strings, quoted names and
// comments, and ?? is the operator ?. Build inner statements with squirrel
// itself, which leaves the question marks for the outermost statement to
// number.
func Select(columns ...string) squirrel.SelectBuilder {
	return squirrel.Select(columns...).PlaceholderFormat(placeholders{})
}

// Insert begins an INSERT into the given table.
func Insert(into string) squirrel.InsertBuilder {
	return squirrel.Insert(into).PlaceholderFormat(placeholders{})
}

// Update begins an UPDATE of the given table.
func Update(table string) squirrel.UpdateBuilder {
	return squirrel.Update(table).PlaceholderFormat(placeholders{})
}

// Delete begins a DELETE from the given table.
func Delete(from string) squirrel.DeleteBuilder {
	return squirrel.Delete(from).PlaceholderFormat(placeholders{})
}

type placeholders struct{}

// ReplacePlaceholders numbers the parameters of sql.
func (placeholders) ReplacePlaceholders(sql string) (string, error) {
	return sqltext.Placeholders(sql)
}

// AnyOf returns the condition that column, an SQL expression, equals one of
// values. Unlike squirrel.Eq with a slice, its text is the same for any number
// of values, so that one prepared statement serves all of them. With no values
// the condition matches no row.
func AnyOf[T any](column string, values []T) squirrel.Sqlizer {
	if values == nil {
		values = []T{} // nil would be sent as NULL
	}
	return squirrel.Expr(column+" = ANY(?)", values)
}

// All runs the statement that b makes and returns its rows; see [Stmt.All].
func All[T any](ctx context.Context, q Querier, b Builder) ([]T, error) {
	r, sql, args, err := built[T](b)
	if err != nil {
		return nil, err
	}
	if cached, ok := q.(cacheapi.TypedReader); ok {
		return r.cachedAll(ctx, cached, sourceOf(cached).tracker.Text(sql), sql, args)
	}
	return r.all(ctx, q, sql, labelOf(sql), args)
}

// One runs the statement that b makes and returns its only row; see [Stmt.One].
func One[T any](ctx context.Context, q Querier, b Builder) (T, error) {
	r, sql, args, err := built[T](b)
	if err != nil {
		var zero T
		return zero, err
	}
	if cached, ok := q.(cacheapi.TypedReader); ok {
		return r.cachedOne(ctx, cached, sourceOf(cached).tracker.Text(sql), sql, args)
	}
	return r.one(ctx, q, sql, labelOf(sql), args)
}

// Optional runs the statement that b makes and returns its only row, and
// reports whether there was one; see [Stmt.Optional].
func Optional[T any](ctx context.Context, q Querier, b Builder) (value T, found bool, err error) {
	value, err = One[T](ctx, q, b)
	if err == pgx.ErrNoRows { //nolint:errorlint // One returns it bare
		return value, false, nil
	}
	return value, err == nil, err
}

// Each runs the statement that b makes and yields its rows; see [Stmt.Each].
func Each[T any](ctx context.Context, q Querier, b Builder) iter.Seq2[T, error] {
	r, sql, args, err := built[T](b)
	if err != nil {
		return func(yield func(T, error) bool) {
			var zero T
			yield(zero, err)
		}
	}
	return r.each(ctx, q, sql, labelOf(sql), args)
}

// Exec runs the statement that b makes for its effect.
func Exec(ctx context.Context, e Execer, b Builder) (pgconn.CommandTag, error) {
	sql, args, err := b.ToSql()
	if err != nil {
		return pgconn.CommandTag{}, fmt.Errorf("db: build a statement: %w", err)
	}
	tag, err := execRetrying(ctx, e, sql, args)
	if err != nil {
		return tag, fmt.Errorf("db: %s: %w", labelOf(sql)(), err)
	}
	return tag, nil
}

// built makes the statement and the reader of its rows.
func built[T any](b Builder) (r reader[T], sql string, args []any, err error) {
	sql, args, err = b.ToSql()
	if err != nil {
		return r, "", nil, fmt.Errorf("db: build a statement: %w", err)
	}
	if strings.IndexByte(sql, ';') >= 0 { // most texts have none
		if err := sqltext.Analyze(sql).CheckSingle(); err != nil {
			return r, "", nil, fmt.Errorf("db: build a statement: %w", err)
		}
	}
	r.decoder, err = rowscan.For[T]()
	if err != nil {
		return r, "", nil, fmt.Errorf("db: read %s: %w", labelOf(sql)(), err)
	}
	r.form = firstForm[T]()
	return r, sql, args, nil
}

// labelOf returns a function that returns the label of a statement for
// messages. Labels are computed only when needed.
func labelOf(sql string) func() string {
	return func() string { return sqltext.Analyze(sql).Label() }
}
