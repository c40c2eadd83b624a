package tablecache

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

var errClosed = fmt.Errorf("the tier is closed: %w", net.ErrClosed)

const (
	runMigration     = "call tablecache.Install, or run the migration of tablecache.Migration"
	grantPermissions = "GRANT USAGE on the schema, and SELECT, INSERT, UPDATE and DELETE on its tables"
	usePrimary       = "connect to the primary, for example with target_session_attrs=read-write"
	allowWrites      = usePrimary + ", and set default_transaction_read_only to off"
)

// advices say what to do about errors, by their SQLSTATE.
var advices = map[string]string{
	"42P01": runMigration,     // undefined_table
	"3F000": runMigration,     // invalid_schema_name
	"42501": grantPermissions, // insufficient_privilege
	"25006": allowWrites,      // read_only_sql_transaction
	"0A000": usePrimary,       // feature_not_supported: unlogged tables on a standby
	"26000": poolerAdvice,     // invalid_sql_statement_name
	"42P05": poolerAdvice,     // duplicate_prepared_statement
}

const poolerAdvice = "behind a pooler without prepared statements, add default_query_exec_mode=exec to the connection string"

// wrap returns err with the activity, the place, and what to do. It keeps nil.
func (t *Tier) wrap(activity string, err error) error {
	if err == nil {
		return nil
	}
	if pgErr, ok := errors.AsType[*pgconn.PgError](err); ok && advices[pgErr.Code] != "" {
		return fmt.Errorf("tablecache: %s: %s: %w (%s)", activity, t.where, err, advices[pgErr.Code])
	}
	return fmt.Errorf("tablecache: %s: %s: %w", activity, t.where, oneLine(err))
}

// oneLine reports in one line that no connection could be made: pgx writes one
// line for each attempt.
func oneLine(err error) error {
	if _, ok := errors.AsType[*pgconn.ConnectError](err); !ok {
		return err
	}
	return &oneLineError{strings.Join(strings.Fields(err.Error()), " "), err}
}

type oneLineError struct {
	text  string
	cause error
}

func (e *oneLineError) Error() string { return e.text }
func (e *oneLineError) Unwrap() error { return e.cause }

// isSerializationFailure reports whether the server asks to repeat a
// transaction. The statements cause no deadlocks among themselves, but may meet
// others.
func isSerializationFailure(err error) bool {
	pgErr, ok := errors.AsType[*pgconn.PgError](err)
	return ok && (pgErr.Code == "40001" || pgErr.Code == "40P01")
}

// isTemporary reports whether err may end without a change of the program or
// its options.
func isTemporary(err error) bool {
	if pgErr, ok := errors.AsType[*pgconn.PgError](err); ok {
		switch pgErr.Code {
		case "53300", "57P01", "57P02", "57P03": // too_many_connections, and a server that stops or starts
			return true
		}
		return strings.HasPrefix(pgErr.Code, "08") || strings.HasPrefix(pgErr.Code, "40")
	}
	if errors.Is(err, context.Canceled) {
		return false
	}
	for _, t := range []error{io.EOF, io.ErrUnexpectedEOF, net.ErrClosed, context.DeadlineExceeded} {
		if errors.Is(err, t) {
			return true
		}
	}
	if opErr, ok := errors.AsType[*net.OpError](err); ok && opErr.Op == "remote error" {
		return false // an alert of TLS
	}
	_, ok := errors.AsType[net.Error](err)
	return ok
}
