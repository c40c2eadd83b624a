package connecterror

import (
	"errors"
	"io"
	"net"
	"syscall"

	"github.com/jackc/pgx/v5/pgconn"
)

// Server returns the server's own error in err, if there is one.
func Server(err error) (*pgconn.PgError, bool) { return errors.AsType[*pgconn.PgError](err) }

// IsServer reports whether err contains an error of the server itself.
func IsServer(err error) bool {
	_, ok := Server(err)
	return ok
}

// NeverSent reports whether the statement that failed with err certainly never
// reached the server. An error that the connection is closed does not count:
// pgx 5.12 also returns it for a simple query or a batch whose response was
// lost, a COMMIT among them. (MultiResultReader.NextResult peeks at the missing
// message, which closes the connection, and then finds it closed.)
func NeverSent(err error) bool {
	return err != nil && pgconn.SafeToRetry(err) && !errors.Is(err, pgconn.ErrConnClosed)
}

// Errors of statements that did not run because of how they were prepared:
//
//   - 0A000 from RevalidateCachedQuery, "cached plan must not change result
//     type": a migration changed the result of the statement after the
//     connection had prepared it.
//   - 26000 and 42P05: a pooler moved the session to another server connection,
//     where the statement's name is unknown or taken (PgBouncer in transaction
//     mode before 1.21).

// NotRun reports whether err is one of these.
func NotRun(err error) bool { return StalePlan(err) || LostStatementName(err) }

// StalePlan reports whether err is the first of these.
func StalePlan(err error) bool {
	pgErr, ok := Server(err)
	return ok && pgErr.Code == "0A000" && pgErr.Routine == "RevalidateCachedQuery"
}

// LostStatementName reports whether err is the second of these.
func LostStatementName(err error) bool {
	pgErr, ok := Server(err)
	return ok && (pgErr.Code == "26000" || pgErr.Code == "42P05")
}

// EndedByServer reports whether err is the error of an established connection
// that ended: by an administrator, a timeout, a crash of another session, or
// the network.
func EndedByServer(err error) bool {
	if pgErr, ok := Server(err); ok {
		switch pgErr.Code {
		case "57P01", "57P02", "57P05", "25P03", "25P04":
			return true
		}
		return false
	}
	if _, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		return false
	}
	for _, broken := range []error{io.EOF, io.ErrUnexpectedEOF, net.ErrClosed, syscall.ECONNRESET, syscall.EPIPE} {
		if errors.Is(err, broken) {
			return true
		}
	}
	return false
}
