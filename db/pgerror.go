package db

import (
	"errors"

	"github.com/jackc/pgx/v5/pgconn"
)

func asPgError(err error) (*pgconn.PgError, bool) { return errors.AsType[*pgconn.PgError](err) }

// isServerError reports whether the server itself answered with an error.
func isServerError(err error) bool {
	_, ok := asPgError(err)
	return ok
}

// neverSent reports whether the statement that failed with err certainly never
// reached the server. That the connection is closed does not say so: pgx 5.12
// says it of a simple query or a batch, too, whose answer is lost
// (MultiResultReader.NextResult peeks at the message that does not come, which
// closes the connection, and then finds it closed).
func neverSent(err error) bool {
	return err != nil && pgconn.SafeToRetry(err) && !errors.Is(err, pgconn.ErrConnClosed)
}
