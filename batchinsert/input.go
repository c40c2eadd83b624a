package batchinsert

import (
	"io"
	"iter"

	"github.com/headrace/headrace/internal/load"
)

// An Input is the input of [Load]: [CSV], [NDJSON], or [Records].
type Input interface {
	input() (load.Input, error)
}

// CSV is the input of a CSV file (RFC 4180, and the extensions of the server's
// CSV parser). Its header names the columns; without a header,
// LoadOptions.Columns does.
//
// Compression by gzip, zstd or bzip2 is detected by the first bytes, UTF-16 by
// its byte order mark.
func CSV(r io.Reader) Input { return fileInput{load.CSV(r)} }

// NDJSON is the input of a file with one JSON object a line. Its keys are the
// columns: those of LoadOptions.Columns, else those of the objects in the first
// 64 KiB; a record with another key is a bad line. A missing key and a JSON null
// are NULL.
//
// A string is the value's text; for json and jsonb columns each value is the
// JSON as written. An array becomes an array of the server if the column is one.
// A value of a composite type must be a string in the server's notation.
//
// Compression and encodings are detected as for [CSV].
func NDJSON(r io.Reader) Input { return fileInput{load.NDJSON(r)} }

// Records is the input of rows that a program yields, such as a reader of
// another file format: like Table.Copy, with all features of [Load]. Rows are
// first converted to text, which costs more than Copy.
type Records struct {
	// Name of the input in errors. Default: "input".
	Name string

	// Columns names the columns of the rows.
	Columns []string

	// Rows yields rows until it yields an error, which ends the load. A row may
	// be reused after its yield returns. Values are strings in the server's
	// notation, []byte for bytea, numbers, booleans, times, nil for NULL, and
	// any type for which pgx has a text form. Slices are arrays for a column of
	// an array type; for json and jsonb all values but strings become JSON, and
	// []byte is JSON. Maps, and structs and slices unknown to pgx, become JSON
	// for any column.
	//
	// It runs in a goroutine of its own.
	Rows iter.Seq2[[]any, error]

	// Total is the number of rows, for Progress. Default 0: unknown.
	Total int64
}

func (r Records) input() (load.Input, error) { return load.Rows(r), notNegative("Records", r) }

// A fileInput is the Input of a file.
type fileInput struct{ file load.Input }

func (f fileInput) input() (load.Input, error) { return f.file, nil }

// arguments returns the arguments of a load for package load, or an error if
// they are invalid.
func arguments(in Input, opts *LoadOptions) (load.Input, load.Options, error) {
	o, err := opts.internal()
	if err != nil {
		return nil, o, err
	}
	input, err := in.input()
	return input, o, err
}
