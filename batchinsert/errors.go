package batchinsert

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/headrace/headrace/internal/panics"
	"github.com/headrace/headrace/internal/pgcopy"
	"github.com/headrace/headrace/internal/target"
)

// A RowError reports the row that could not be written: the column cannot hold a
// value, which is detected before the row is sent, or the server refused it, and
// then Err is the server's *pgconn.PgError.
type RowError struct {
	// Row is the row's place in the source, from 1.
	Row int64
	// Column is empty if the error is about the whole row.
	Column string
	// GoType and ServerType are the types of a value that was not sent.
	GoType     string
	ServerType string
	Err        error
}

func (e *RowError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "row %d", e.Row)
	if e.Column != "" {
		fmt.Fprintf(&b, ", column %q", e.Column)
	}
	if e.GoType != "" {
		fmt.Fprintf(&b, ": Go's %s into %s", e.GoType, e.ServerType)
	}
	return b.String() + ": " + e.Err.Error()
}

func (e *RowError) Unwrap() error { return e.Err }

// asRowError returns the encoder's error as a *RowError.
func asRowError(err error, row int64) error {
	var bad *pgcopy.RowError
	if !errors.As(err, &bad) {
		return err
	}
	if bad.Row > 0 {
		row = bad.Row
	}
	return &RowError{Row: row, Column: bad.Column, GoType: bad.GoType, ServerType: bad.ServerType, Err: bad.Err}
}

// offsetRow adds before to the row of a RowError.
func offsetRow(err error, before int64) error {
	if bad, ok := errors.AsType[*RowError](err); ok {
		bad.Row += before
	}
	return err
}

var errNotInserted = errors.New("the row was not inserted; a trigger suppressed it")

// copyError returns the cause of a failed COPY: the source's error, the
// context's, or the server's with the row that its CONTEXT names.
func copyError(ctx context.Context, err error, stream pgcopy.Stream, relname string) error {
	if cause := stream.Err(); cause != nil {
		if p, ok := cause.(*panics.Error); ok { //nolint:errorlint // not one wrapped by the source
			panic(p) // continues in the caller's goroutine
		}
		return asRowError(cause, 0)
	}
	if err = withCause(ctx, err); err == nil {
		return nil
	}
	if row, column, ok := target.CopyPlace(err, relname); ok {
		return &RowError{Row: row, Column: column, Err: err}
	}
	return err
}

// withCause adds the cause of the end of ctx to an error, if ctx has ended.
func withCause(ctx context.Context, err error) error {
	if err == nil || ctx.Err() == nil || errors.Is(err, context.Cause(ctx)) {
		return err
	}
	return fmt.Errorf("%w: %w", context.Cause(ctx), err)
}
