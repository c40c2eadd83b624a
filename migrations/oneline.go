package migrations

import (
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// packageError adds the package's prefix to an error, which may be nil.
func packageError(err error) error {
	if err == nil {
		return nil
	}
	return oneLine(fmt.Errorf("migrations: %w", err))
}

// oneLine reports in one line that no connection could be made: pgx writes one
// line for each attempt. It returns any other error as it is. It does not use
// package db, which explains more, because this package must not import it.
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
