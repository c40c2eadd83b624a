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
