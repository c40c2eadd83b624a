package migrations

import (
	"errors"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// oneLine says in one line that no connection could be made: pgx gives each
// attempt one of its own. Another error is returned as it is. Package db, which
// says more, is not to be imported from here.
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
