package batchinsert

import (
	"github.com/headrace/headrace/internal/export"
)

// ExportOptions configure an export. The zero value and a nil *ExportOptions
// mean the defaults.
type ExportOptions struct {
	// Format of the output. Default: AsCSV.
	Format ExportFormat

	// Comma separates fields of CSV, Quote encloses them, Escape stands before
	// a quote within quotes. Each is one byte. Default, as in [LoadOptions]: a
	// comma, a double quote, and the same as Quote.
	Comma, Quote, Escape byte

	// Null is the text for NULL in CSV, written without quotes; a value with
	// the same text gets quotes. Default: no text.
	Null string
}

// ExportFormat is the format of an export.
type ExportFormat int

const (
	// AsCSV is RFC 4180 with a header and line feeds.
	AsCSV ExportFormat = iota
	// AsNDJSON is one JSON object a line, as the server's row_to_json returns
	// it. Line breaks between the tokens of a json value become spaces. The
	// names of columns must differ. [Load] of [NDJSON] reads it back, with exceptions:
	// it refuses composites, arrays of them, and arrays of box; lower bounds of
	// arrays become 1; and the JSON value null becomes NULL. AsCSV preserves
	// all of these.
	AsNDJSON
	// AsBinary is the server's binary COPY, for a COPY ... FROM into columns of
	// exactly the same types; see [db.CopyRaw].
	AsBinary
)

// internal returns o for package export, or an error if it is invalid.
func (o *ExportOptions) internal() (export.Options, error) {
	if o == nil {
		return export.Options{}, nil
	}
	return export.Options{Format: int(o.Format), Comma: o.Comma, Quote: o.Quote, Escape: o.Escape, Null: o.Null}, notNegative("ExportOptions", *o)
}
