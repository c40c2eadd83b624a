package batchinsert

import (
	"errors"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/headrace/headrace/internal/connecterror"
	"github.com/headrace/headrace/internal/pgcopy"
)

// ErrOutcomeUnknown is wrapped by the error of rows that may have been written:
// the connection was lost, or the context ended, before the server's answer
// arrived. Any other error of a [BufferedWriter] about a row means that it was
// not written.
var ErrOutcomeUnknown = errors.New("batchinsert: whether the rows were written is not known")

// An unsentError is an error that occurred before any row was sent.
type unsentError struct{ err error }

func (e *unsentError) Error() string { return e.err.Error() }
func (e *unsentError) Unwrap() error { return e.err }

func unsent(err error) error {
	if err == nil {
		return nil
	}
	return &unsentError{err}
}

// mayBeWritten reports whether a call that failed with err may have written its
// rows. It is true unless err proves the opposite.
func mayBeWritten(err error) bool {
	var before *unsentError
	var row *RowError
	var column *pgcopy.RowError
	var twice *DuplicateError
	var connect *pgconn.ConnectError
	var pgErr *pgconn.PgError
	switch {
	case err == nil, errors.As(err, &before), errors.As(err, &connect), connecterror.NeverSent(err):
		return false
	case errors.As(err, &pgErr): // an error that ends the session may follow a COMMIT
		return pgErr.SeverityUnlocalized != "ERROR"
	case errors.As(err, &row), errors.As(err, &column), errors.As(err, &twice):
		return false
	}
	return true
}
