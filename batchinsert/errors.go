package batchinsert

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/headrace/headrace/internal/pgcopy"
)

// A RowError says which row could not be written: because a value has no place
// in its column, found before the row was sent, or because the server refused
// it, and then Err is the server's *pgconn.PgError.
type RowError struct {
	// Row is the row's place in the source, from 1.
	Row int64
	// Column is empty where the whole row is meant.
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

// rowError turns the encoder's error into one of ours.
func rowError(err error, row int64) error {
	var bad *pgcopy.RowError
	if !errors.As(err, &bad) {
		return err
	}
	if bad.Row > 0 {
		row = bad.Row
	}
	return &RowError{Row: row, Column: bad.Column, GoType: bad.GoType, ServerType: bad.ServerType, Err: bad.Err}
}

// afterRow counts a RowError's row from further back.
func afterRow(err error, before int64) error {
	if bad, ok := errors.AsType[*RowError](err); ok {
		bad.Row += before
	}
	return err
}

var errNotInserted = errors.New("the row was not inserted; a trigger suppressed it")

// copyError explains why a COPY failed: by the source, by the context, or by
// the server, whose CONTEXT names the row.
func copyError(ctx context.Context, err error, stream pgcopy.Stream, relname string) error {
	if cause := stream.Err(); cause != nil {
		if p, ok := errors.AsType[*pgcopy.PanicError](cause); ok {
			panic(p) // on with it, in the goroutine that called us
		}
		return rowError(cause, 0)
	}
	if err = withCause(ctx, err); err == nil {
		return nil
	}
	if row, column, ok := copyPlace(err, relname); ok {
		return &RowError{Row: row, Column: column, Err: err}
	}
	return err
}

// withCause adds the reason for which ctx ended to an error that it made.
func withCause(ctx context.Context, err error) error {
	if err == nil || ctx.Err() == nil || errors.Is(err, context.Cause(ctx)) {
		return err
	}
	return fmt.Errorf("%w: %w", context.Cause(ctx), err)
}

// copyPlace reads the place from the CONTEXT of a COPY's error: "COPY cities,
// line 7, column population: ...", where a line is a row. Words may be in the
// server's language (lc_messages); their order is the same.
func copyPlace(err error, relname string) (line int64, column string, ok bool) {
	var pgErr *pgconn.PgError
	if !errors.As(err, &pgErr) {
		return 0, "", false
	}
	byCopy := true // and not by a trigger, which is called in a further context
	for context := range strings.Lines(pgErr.Where) {
		if line, column, ok = placeIn(context, relname); ok {
			if column == "" && byCopy {
				column = namedColumn(pgErr)
			}
			return line, column, true
		}
		byCopy = false
	}
	return 0, "", false
}

// placeIn reads the place from one line of CONTEXT.
func placeIn(context, relname string) (line int64, column string, ok bool) {
	rest, isCopy := strings.CutPrefix(strings.TrimSpace(context), "COPY "+relname+", ")
	if !isCopy {
		return 0, "", false
	}
	_, rest, _ = strings.Cut(rest, " ") // "line"
	digits := strings.IndexFunc(rest, func(r rune) bool { return r < '0' || r > '9' })
	if digits < 0 {
		digits = len(rest)
	}
	line, err := strconv.ParseInt(rest[:digits], 10, 64)
	if err != nil {
		return 0, "", false
	}
	if rest, hasColumn := strings.CutPrefix(rest[digits:], ", "); hasColumn {
		_, column, _ = strings.Cut(rest, " ") // "column"
		column, _, _ = strings.Cut(column, ":")
	}
	return line, column, true
}

// namedColumn returns the column that an error names elsewhere: NULL in one
// that is NOT NULL (23502) in a field, data missing for one (22P04) in its
// message.
func namedColumn(pgErr *pgconn.PgError) string {
	if pgErr.ColumnName == "" && pgErr.Code == "22P04" {
		return quotedName(pgErr.Message)
	}
	return pgErr.ColumnName
}

// quotedName returns what stands in quotation marks in a message, in those of
// the server's language, or "" where that is not one name.
func quotedName(message string) string {
	isMark := func(r rune) bool { return strings.ContainsRune(`"»«„“”`, r) }
	var parts []string
	for message != "" {
		at := strings.IndexFunc(message, isMark)
		if at < 0 {
			break
		}
		_, size := utf8.DecodeRuneInString(message[at:])
		parts, message = append(parts, message[:at]), message[at+size:]
	}
	if len(parts) != 2 { // what is before the name, and the name
		return ""
	}
	return strings.TrimSpace(parts[1])
}
