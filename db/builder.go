package db

import (
	"context"
	"fmt"
	"iter"
	"strings"

	"github.com/Masterminds/squirrel"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/headrace/headrace/internal/cacheapi"
	"github.com/headrace/headrace/internal/rowscan"
	"github.com/headrace/headrace/internal/sqltext"
)

// A Builder makes a statement at run time: squirrel's builders, what SQL
// returns, and anything else with this method. The text numbers its
// parameters $1, $2, ... One that is read from is one statement; a text of
// several would run all of them where the simple protocol is used.
type Builder interface {
	ToSql() (sql string, args []any, err error)
}

// SQL is a Builder of a text that is there already.
func SQL(sql string, args ...any) Builder { return given{sql, args} }

type given struct {
	sql  string
	args []any
}

func (g given) ToSql() (string, []any, error) { return g.sql, g.args, nil }

// Select begins a SELECT of the given columns. Like those of Insert, Update
// and Delete its text is numbered by the rules of the server's lexer: a
// question mark is a parameter only where it is not part of a string, a quoted
// name or a comment, and ?? is the operator ?. Inner statements come from
// squirrel itself, which leaves the question marks for the outermost to number.
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

// AnyOf is the condition that column, an expression in SQL, is one of values.
// Other than squirrel.Eq with a slice, its text is the same for any number of
// values, so that one prepared statement serves them all. No values means that
// no row meets it.
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
		return r.keptAll(ctx, cached, sourceOf(cached).tracker.Text(sql), sql, args)
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
		return r.keptOne(ctx, cached, sourceOf(cached).tracker.Text(sql), sql, args)
	}
	return r.one(ctx, q, sql, labelOf(sql), args)
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
	tag, err := execAgain(ctx, e, sql, args)
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
	if strings.IndexByte(sql, ';') >= 0 { // most texts have none, and need no look
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

// labelOf returns what messages call a statement; it is only asked for by them.
func labelOf(sql string) func() string {
	return func() string { return sqltext.Analyze(sql).Label() }
}
