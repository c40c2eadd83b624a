package db

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/headrace/headrace/internal/sqltext"
)

// Compiled is a statement of any row type made by Compile or CompileWrite.
// Options.Prepare and [DB.Check] take it.
type Compiled interface {
	// SQL returns the text that is sent.
	SQL() string

	// Name returns the name in the comment "-- name: CityByID :one", as sqlc
	// writes it, or "".
	Name() string

	statement() *sqltext.Statement
	check(conn *pgx.Conn, sd *pgconn.StatementDescription) error
}

// Check checks statements against the server's current schema: it prepares each
// one and checks its columns against the Go type of its rows. It returns the
// joined problems of all statements, each naming its statement. It runs
// nothing. Named parameters, as [pgx.NamedArgs] takes them, are numbered first.
// Call it when a program starts, or after a migration.
func (d *DB) Check(ctx context.Context, stmts ...Compiled) error {
	conn, _, err := d.acquire(ctx)
	if err != nil {
		return fmt.Errorf("db: check statements: %w", err)
	}
	defer release(conn)
	var problems []error
	for _, stmt := range stmts {
		sd, err := conn.Conn().PgConn().Prepare(ctx, "", numbered(stmt.statement()), nil)
		if err != nil && numbered(stmt.statement()) != stmt.SQL() && !conn.Conn().IsClosed() { // @ may be an operator
			if other, otherErr := conn.Conn().PgConn().Prepare(ctx, "", stmt.SQL(), nil); otherErr == nil {
				sd, err = other, nil
			}
		}
		if err == nil {
			err = stmt.check(conn.Conn(), sd)
		}
		if err != nil {
			problems = append(problems, fmt.Errorf("db: check %s: %w", stmt.statement().Label(), err))
		}
		if conn.Conn().IsClosed() {
			break // the other statements would fail likewise
		}
	}
	return errors.Join(problems...)
}

// check checks the columns of a prepared statement against T. A statement
// without columns is meant for Exec.
func (s *Stmt[T]) check(conn *pgx.Conn, sd *pgconn.StatementDescription) error {
	if len(sd.Fields) == 0 {
		return nil
	}
	return s.read.decoder.Check(sd.Fields, conn.TypeMap())
}
