package db

import (
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/headrace/headrace/internal/sqltext"
)

// Compiled is a statement of any row type made by Compile or CompileWrite, or
// such a statement with [WithParams]. Options.Prepare and [DB.Check] take it.
type Compiled interface {
	// SQL returns the text that is sent.
	SQL() string

	// Name returns the name in the comment "-- name: CityByID :one", as sqlc
	// writes it, or "".
	Name() string

	statement() *sqltext.Statement
	// params returns the arguments of WithParams, and whether there are any.
	params() ([]any, bool)
	// checkColumns checks the columns against the Go type of the rows. labels
	// are those of enums that the connection has not registered.
	checkColumns(columns []pgconn.FieldDescription, typeMap *pgtype.Map, labels map[uint32][]string) error
	// nullErrors returns the error of a NULL in each column, or nil where the
	// Go type can hold it.
	nullErrors(columns []pgconn.FieldDescription, typeMap *pgtype.Map) []error
}

// WithParams tells [DB.Check] the Go types of the statement's arguments, by
// values of these types: zero values do, and so does a [pgx.NamedArgs] for a
// statement with named parameters. An untyped nil leaves the type of its
// parameter unchecked. Nothing else makes use of the arguments:
//
//	err := pg.Check(ctx, db.WithParams(riverByID, int64(0)))
func WithParams(stmt Compiled, args ...any) Compiled { return &withParams{stmt, args} }

type withParams struct {
	Compiled
	args []any
}

func (w *withParams) params() ([]any, bool) { return w.args, true }

func (s *Stmt[T]) params() ([]any, bool) { return nil, false }

// checkColumns checks the columns of a statement against T. A statement without
// columns is meant for Exec.
func (s *Stmt[T]) checkColumns(columns []pgconn.FieldDescription, typeMap *pgtype.Map, labels map[uint32][]string) error {
	if len(columns) == 0 {
		return nil
	}
	return s.read.decoder.Check(columns, typeMap, labels)
}

func (s *Stmt[T]) nullErrors(columns []pgconn.FieldDescription, typeMap *pgtype.Map) []error {
	if len(columns) == 0 {
		return nil
	}
	return s.read.decoder.NullErrors(columns, typeMap)
}

func (w *Write) params() ([]any, bool) { return nil, false }

// A Write discards rows: it has no type to check against.

func (w *Write) checkColumns([]pgconn.FieldDescription, *pgtype.Map, map[uint32][]string) error {
	return nil
}

func (w *Write) nullErrors([]pgconn.FieldDescription, *pgtype.Map) []error { return nil }
