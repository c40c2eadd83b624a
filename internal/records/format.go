package records

import (
	"io"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/headrace/headrace/internal/pgcopy"
)

// A Format is a format of records. It may be used by many goroutines at once.
type Format interface {
	// Names are the fields of each record, in the order of its columns.
	Names() []string

	// Lines is the number of lines of the file that were read for the names.
	Lines() int

	// Dialect describes the options that the meaning of records depends on, for
	// a fingerprint.
	Dialect() string

	// Encoder returns an encoder for these columns, in the order of Names, or
	// nil if one of them has a type without a parser. It is for one goroutine.
	Encoder(columns []Column) Encoder

	// Options are the options of a COPY of the data of Reader.
	Options() string

	// Reader returns records in the form that the server parses. It returns an
	// *[Error] for a record whose fault the server would not report.
	Reader(data []byte, columns []Column) (io.Reader, error)

	// RecordAt returns the index of the record of a line, both from 0. The
	// server counts lines in the data that Reader returns for data, the records
	// at spans.
	RecordAt(line int, data []byte, spans []Span) int

	// Naming is the source of the names, as the beginning of an error: "the
	// header names".
	Naming() string

	eol() byte // the last byte of a line
	splitter() splitter
}

// An Encoder converts records to rows.
type Encoder interface {
	// Encode appends records as a whole binary COPY, up to the first with a
	// value that only the server can parse. n is their number; whole reports
	// whether all were appended.
	Encode(buf, data []byte) (out []byte, n int, whole bool)
}

// A splitter finds the ends of records. Each is at the end of a line.
type splitter interface {
	// between reports whether a line belongs to no record. It is called first.
	between(line []byte) bool
	// after processes a line, its end included, and reports whether a record
	// ends with it.
	after(line []byte) bool
}

// A Column is the column of a field.
type Column struct {
	Name    string
	OID     uint32 // of the type; for a domain, of its base type
	Enum    bool
	Array   bool
	JSON    bool // json or jsonb, or arrays of them
	NotNull bool // a NULL is refused
}

// A parser encodes the fields of a column.
type parser struct {
	parse   pgcopy.ParseFunc
	notNull bool
}

// null appends NULL, or returns false for a NOT NULL column, so that the server
// refuses it.
func (p parser) null(buf []byte) ([]byte, bool) {
	if p.notNull {
		return buf, false
	}
	return pgcopy.AppendNull(buf), true
}

// parsersFor returns nil if a column's type has no parser.
func parsersFor(columns []Column) []parser {
	parsers := make([]parser, len(columns))
	for i, c := range columns {
		oid := c.OID
		if c.Enum {
			oid = pgtype.TextOID // the server's error for an unknown label names the record
		}
		parsers[i] = parser{pgcopy.ParserFor(oid), c.NotNull}
		if parsers[i].parse == nil {
			return nil
		}
	}
	return parsers
}

// An Error is the fault of a record.
type Error struct {
	Index  int    // of the record among those given
	Column string // empty if the error is about the whole record
	Code   string // the SQLSTATE that the server would return
	Err    error
}

// The SQLSTATEs of errors found in the client.
//
// Source: PostgreSQL manual, "PostgreSQL Error Codes".
const (
	badShape     = "22P04" // bad_copy_file_format
	badJSON      = "22032" // invalid_json_text
	BadCharacter = "22021" // character_not_in_repertoire
)

func (e *Error) Error() string { return e.Err.Error() }
func (e *Error) Unwrap() error { return e.Err }
