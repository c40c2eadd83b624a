package records

import (
	"io"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/headrace/headrace/internal/pgcopy"
)

// A Format is one way to write records. It may be used by many goroutines at
// once.
type Format interface {
	// Names are the fields of each record, in the order of its columns.
	Names() []string

	// Lines is how many lines of the file were read for the names.
	Lines() int

	// Dialect says what the records' meaning depends on, for a fingerprint.
	Dialect() string

	// Encoder returns an encoder for these columns, in the order of Names, or
	// nil where one of them has a type without a parser. It is for one
	// goroutine.
	Encoder(columns []Column) Encoder

	// Options are those of a COPY that reads what Reader returns.
	Options() string

	// Reader returns records as the server's own reader takes them. What is
	// wrong with one that even the server could not tell is an *[Error].
	Reader(data []byte, columns []Column) (io.Reader, error)

	// RecordAt returns the place of the record that a line belongs to, both
	// from 0: a line as the server counts them in what Reader returns for data,
	// which are the records at spans.
	RecordAt(line int, data []byte, spans []Span) int

	// Naming is where the names come from, as the beginning of a sentence: "the
	// header names".
	Naming() string

	eol() byte // the last byte of a line
	splitter() splitter
}

// An Encoder turns records into rows.
type Encoder interface {
	// Encode appends records as a whole binary COPY, up to the first with a
	// value that has to be left to the server. n is their number; whole says
	// that it was all.
	Encode(buf, data []byte) (out []byte, n int, whole bool)
}

// A splitter tells where records end: at the end of a line, but not of each.
type splitter interface {
	// between says whether a line belongs to no record. It is asked first.
	between(line []byte) bool
	// after moves on over a line, its end included, and says whether a record
	// ends with it.
	after(line []byte) bool
}

// A Column is where a field goes to.
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

// null appends NULL, or leaves it to the server to refuse it.
func (p parser) null(buf []byte) ([]byte, bool) {
	if p.notNull {
		return buf, false
	}
	return pgcopy.AppendNull(buf), true
}

// parsersFor returns nil where a column's type has no parser.
func parsersFor(columns []Column) []parser {
	parsers := make([]parser, len(columns))
	for i, c := range columns {
		oid := c.OID
		if c.Enum {
			oid = pgtype.TextOID // the server's own check of the label names the record
		}
		parsers[i] = parser{pgcopy.ParserFor(oid), c.NotNull}
		if parsers[i].parse == nil {
			return nil
		}
	}
	return parsers
}

// An Error is what is wrong with a record.
type Error struct {
	Index  int    // the record's place among those given
	Column string // empty where the whole record is meant
	Code   string // the SQLSTATE that the server would have given
	Err    error
}

// The codes of errors found here; see "PostgreSQL Error Codes" in the manual.
const (
	badShape     = "22P04" // bad_copy_file_format
	badJSON      = "22032" // invalid_json_text
	BadCharacter = "22021" // character_not_in_repertoire
)

func (e *Error) Error() string { return e.Err.Error() }
func (e *Error) Unwrap() error { return e.Err }
