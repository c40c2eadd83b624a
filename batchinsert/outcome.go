package batchinsert

import (
	"errors"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/headrace/headrace/internal/connecterror"
	"github.com/headrace/headrace/internal/pgcopy"
)

// ErrOutcomeUnknown is in the error of rows that may have been written: the
// connection was lost, or the context ended, while the server's answer was under
// way. Any other error of a [BufferedWriter] about a row means that it was not
// written.
var ErrOutcomeUnknown = errors.New("batchinsert: whether the rows were written is not known")

// An unsentError is one that came before any row was sent.
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
// rows nevertheless. It may where nothing tells that it did not.
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
	case errors.As(err, &pgErr): // one that ends the session may come after a COMMIT
		return pgErr.SeverityUnlocalized != "ERROR"
	case errors.As(err, &row), errors.As(err, &column), errors.As(err, &twice):
		return false
	}
	return true
}
