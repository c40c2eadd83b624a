package batchinsert

import (
	"io"
	"iter"

	"github.com/headrace/headrace/internal/load"
)

// An Input is what [Load] reads: [CSV], [NDJSON], or [Records].
type Input interface {
	input() (load.Input, error)
}

// CSV is the input of a CSV file (RFC 4180, and what the server's own CSV
// reader takes beyond it). Its header names the columns; without one,
// LoadOptions.Columns does.
//
// Compression by gzip, zstd or bzip2 is seen by the first bytes, UTF-16 by its
// byte order mark.
func CSV(r io.Reader) Input { return fileInput{load.CSV(r)} }

// NDJSON is the input of a file with one JSON object a line. Its keys are the
// columns: those of LoadOptions.Columns, else those of the objects in the first
// 64 KiB; a record with another key is a bad line. A key that a record lacks,
// and a JSON null, are NULL.
//
// Strings are the value's text; for json and jsonb columns every value is taken
// as the JSON that it is. Arrays become the server's arrays where the column is
// one. A composite type has to be given as a string in the server's notation.
//
// Compression and encodings are seen as for [CSV].
func NDJSON(r io.Reader) Input { return fileInput{load.NDJSON(r)} }

// Records is the input of rows that a program yields, such as another file
// format's reader: as Table.Copy, but with all that [Load] offers. A chunk is
// made of their text, so that they go through more hands than Copy's do.
type Records struct {
	// Name is what errors call the input. Default: "input".
	Name string

	// Columns names the columns that rows have values for.
	Columns []string

	// Rows yields rows until it yields an error, which ends the load. A row is
	// read before the next is asked for. Values are strings, in the form that
	// the server reads, []byte for bytea, numbers, booleans, times, nil for
	// NULL, and whatever pgx knows a text form of. Maps, and structs and slices
	// that pgx does not know, become JSON.
	//
	// It is run in a goroutine of its own.
	Rows iter.Seq2[[]any, error]

	// Total is the number of rows, for progress, if that is known.
	Total int64
}

func (r Records) input() (load.Input, error) { return load.Rows(r), notNegative("Records", r) }

// A fileInput is the Input of a file.
type fileInput struct{ file load.Input }

func (f fileInput) input() (load.Input, error) { return f.file, nil }

// arguments returns those of a load as the machinery takes them.
func arguments(in Input, opts *LoadOptions) (load.Input, load.Options, error) {
	o, err := opts.internal()
	if err != nil {
		return nil, o, err
	}
	input, err := in.input()
	return input, o, err
}
