package batchinsert

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/headrace/headrace/internal/load"
)

// A Report is the result of a load.
type Report struct {
	ID string // LoadOptions.ID, or the one in headrace.quarantine

	// Rows is the number of rows that this call wrote, as counted by the
	// server. With OnConflict it counts inserted and updated rows; in a dry
	// run, good rows.
	Rows int64

	// Suppressed rows were not written and are not bad: a BEFORE trigger
	// returned NULL. With OnConflict they are those of Counts.
	Suppressed int64

	Bad     int64 // lines put into quarantine by this call, or found by a dry run
	Skipped int64 // rows written by an earlier call with the ID, or by another process
	Bytes   int64 // of the input, before decompression
	Elapsed time.Duration

	// Unended reports whether the last line of a CSV file has no line end,
	// which may mean that the file was cut off; see LoadOptions.Strict.
	Unended bool

	// Counts are the numbers of rows by outcome of a load with OnConflict.
	Counts Counts

	// BadLines are the first hundred bad lines of a load that continues after
	// them.
	BadLines []*LineError

	// Chunks are the chunks that this call committed, in a load in chunks.
	Chunks []Chunk

	// Unknown are the chunks whose commit was not answered, so that they may be
	// in the table: see [ErrOutcomeUnknown]. Their rows are not counted above.
	// A further call of a load with an ID finds out and loads the missing ones.
	Unknown []Chunk
}

// A Chunk is a part of an input with whole records, loaded in one transaction.
type Chunk struct {
	Index     int
	FirstByte int64 // in the input's text after a header; informative only for Records and compressed files
	EndByte   int64
	FirstLine int64 // from 1
	Rows, Bad int64 // as in [Report]; 0 in a chunk that is not loaded
}

// A LineError reports the line of a file that could not be written. Err is the
// server's *pgconn.PgError, or describes the fault of the file.
type LineError struct {
	Name string
	// Line counts from 1, the header included. It is the first line of a record
	// with line breaks in quotes, and the number of the row of Records.
	Line   int64
	Column string // empty if the error is about the whole line
	Err    error
}

func (e *LineError) Error() string {
	at := fmt.Sprintf("%s:%d", e.Name, e.Line)
	if e.Column != "" {
		at += fmt.Sprintf(", column %q", e.Column)
	}
	return at + ": " + e.Err.Error()
}

func (e *LineError) Unwrap() error { return e.Err }

func newLineError(name string, line int64, column string, err error) error {
	return &LineError{Name: name, Line: line, Column: column, Err: err}
}

// reportOf returns the report of l.
func reportOf(l *load.Load) Report {
	r := l.Report()
	out := Report{
		ID: r.ID, Rows: r.Rows, Suppressed: r.Suppressed, Bad: r.Bad, Skipped: r.Skipped, Bytes: r.Bytes, Elapsed: r.Elapsed,
		Unended: r.Unended, Counts: Counts(r.Counts), Chunks: chunksOf(r.Chunks), Unknown: chunksOf(r.Unknown),
	}
	for _, err := range r.BadLines {
		if line, ok := errors.AsType[*LineError](err); ok {
			out.BadLines = append(out.BadLines, line)
		}
	}
	return out
}

func chunksOf(chunks []load.Chunk) []Chunk {
	var out []Chunk
	for _, c := range chunks {
		out = append(out, Chunk(c))
	}
	return out
}

// loadError adds the cause of the end of ctx to the error of a load, and makes
// it an ErrOtherLoad if it is a *load.OtherError.
func loadError(ctx context.Context, err error) error {
	err = withCause(ctx, err)
	if _, other := errors.AsType[*load.OtherError](err); other {
		return &otherLoadError{err}
	}
	return err
}

// ErrOtherLoad is wrapped by the error of a call whose LoadOptions.ID belongs to
// a load into another table, of another input, with other columns or options, or
// by another version of headrace: the same call never succeeds. [Forget]
// releases the ID.
var ErrOtherLoad = errors.New("batchinsert: the ID is that of another load")

// An otherLoadError is an [ErrOtherLoad] with a text of its own.
type otherLoadError struct{ err error }

func (e *otherLoadError) Error() string        { return e.err.Error() }
func (e *otherLoadError) Unwrap() error        { return e.err }
func (e *otherLoadError) Is(target error) bool { return target == ErrOtherLoad }
