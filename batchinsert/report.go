package batchinsert

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/headrace/headrace/internal/load"
)

// A Report is what a load did.
type Report struct {
	ID string // LoadOptions.ID, or the one in headrace.quarantine

	// Rows is the number of rows that this call wrote, as the server counts them.
	// With OnConflict it counts inserted and updated rows. In a dry run it counts
	// rows without a fault.
	Rows int64

	// Suppressed rows were not written, and are not bad: a BEFORE trigger returned
	// NULL for them. With OnConflict they are those of Counts.
	Suppressed int64

	Bad     int64 // put into quarantine by this call; for a dry run, found
	Skipped int64 // in the table already: an earlier call with the ID, or another process, wrote them
	Bytes   int64 // of the input, before decompression
	Elapsed time.Duration

	// Unended reports whether the last line of a CSV file has no line end, as
	// that of a file that was cut off has not; see LoadOptions.Strict.
	Unended bool

	// Counts says what became of the rows of a load with OnConflict.
	Counts Counts

	// BadLines are the first hundred bad lines, where they do not end the load.
	BadLines []*LineError

	// Chunks are those that this call committed, of a load whose chunks are
	// transactions of their own.
	Chunks []Chunk
}

// A Chunk is a part of an input, made of whole records.
type Chunk struct {
	Index     int
	FirstByte int64 // of the input's text behind a header; of Records and what is compressed, a place for people only
	EndByte   int64
	FirstLine int64 // from 1
	Rows, Bad int64 // as in [Report]; 0 in a chunk that was not loaded yet
}

// A LineError says which line of a file could not be written. Err is the
// server's *pgconn.PgError, or says what is wrong with the file.
type LineError struct {
	Name string
	// Line counts from 1, the header included. Of a record with line breaks in
	// quotes it is the first. Of Records it is the row.
	Line   int64
	Column string // empty where the whole line is meant
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

// reportOf returns what l did.
func reportOf(l *load.Load) Report {
	r := l.Report()
	out := Report{
		ID: r.ID, Rows: r.Rows, Suppressed: r.Suppressed, Bad: r.Bad, Skipped: r.Skipped, Bytes: r.Bytes, Elapsed: r.Elapsed,
		Unended: r.Unended, Counts: Counts(r.Counts), Chunks: chunksOf(r.Chunks),
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

// loadError adds the reason for which ctx ended to the error of a load, and makes
// it an ErrOtherLoad where it is one.
func loadError(ctx context.Context, err error) error {
	err = withCause(ctx, err)
	if _, other := errors.AsType[*load.OtherError](err); other {
		return &asOtherLoad{err}
	}
	return err
}

// ErrOtherLoad is in the error of a call whose LoadOptions.ID is that of a load
// into another table, of other input, columns or options, or of another version
// of headrace: the same call never succeeds. [Forget] makes the ID free.
var ErrOtherLoad = errors.New("batchinsert: the ID is that of another load")

// An asOtherLoad is an [ErrOtherLoad] in its own words.
type asOtherLoad struct{ err error }

func (e *asOtherLoad) Error() string        { return e.err.Error() }
func (e *asOtherLoad) Unwrap() error        { return e.err }
func (e *asOtherLoad) Is(target error) bool { return target == ErrOtherLoad }
