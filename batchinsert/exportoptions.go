package batchinsert

import (
	"github.com/headrace/headrace/internal/export"
)

// ExportOptions say how rows are written. The zero value, and a nil
// *ExportOptions, mean the defaults.
type ExportOptions struct {
	// Format of what is written. Default: AsCSV.
	Format ExportFormat

	// Comma separates fields of CSV, Quote encloses them, Escape stands before
	// a quote within quotes. Each is one byte. Default, as in [LoadOptions]: a
	// comma, a double quote, and the same as Quote.
	Comma, Quote, Escape byte

	// Null is how NULL is written in CSV, without quotes; a text that is the
	// same gets them. Default: nothing at all.
	Null string
}

// ExportFormat is a form in which rows are written.
type ExportFormat int

const (
	// AsCSV is RFC 4180 with a header and line feeds.
	AsCSV ExportFormat = iota
	// AsNDJSON is one JSON object a line, as the server's row_to_json makes it
	// of the row. Line breaks between the tokens of a json value become
	// spaces. Columns need names of their own. LoadNDJSON takes it back, but
	// for composites and arrays of them, and arrays of box, which it refuses;
	// bounds of arrays, which become 1; and the JSON value null, which becomes
	// NULL. AsCSV keeps all of these.
	AsNDJSON
	// AsBinary is the server's binary COPY, for a COPY ... FROM of columns of
	// the very same types; see [db.CopyRaw].
	AsBinary
)

// internal returns o as the machinery takes it.
func (o *ExportOptions) internal() (export.Options, error) {
	if o == nil {
		return export.Options{}, nil
	}
	return export.Options{Format: int(o.Format), Comma: o.Comma, Quote: o.Quote, Escape: o.Escape, Null: o.Null}, notNegative("ExportOptions", *o)
}
