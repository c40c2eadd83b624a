package db

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/headrace/headrace/internal/sqltext"
)

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

// check has no type to check against: Write discards rows.
func (w *Write) check(*pgx.Conn, *pgconn.StatementDescription) error { return nil }

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

// Optional runs the statement that b makes and returns its only row, and
// reports whether there was one; see [Stmt.Optional].
func Optional[T any](ctx context.Context, q Querier, b Builder) (value T, found bool, err error) {
	value, err = One[T](ctx, q, b)
	if err == pgx.ErrNoRows { //nolint:errorlint // One returns it bare
		return value, false, nil
	}
	return value, err == nil, err
}

// InTxValue is [DB.InTx] for a function that returns a value. After an error it
// returns the zero value.
func InTxValue[T any](ctx context.Context, d *DB, opts TxOptions, fn func(tx pgx.Tx) (T, error)) (T, error) {
	var value T
	err := d.InTx(ctx, opts, func(tx pgx.Tx) (err error) {
		value, err = fn(tx)
		return err
	})
	if err != nil {
		var none T
		return none, err
	}
	return value, nil
}
