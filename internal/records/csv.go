package records

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// CSV is the dialect of a CSV file: the separator of fields, the quote, the
// escape of a quote within quotes, and the unquoted text that means NULL.
type CSV struct {
	Comma, Quote, Escape byte
	NoQuote              bool // quotes are data, and each line is a record
	Null                 string
}

// OpenCSV reads the header of a CSV file and leaves file positioned after it.
// The names of a file without a header are given.
func OpenCSV(file *bufio.Reader, o CSV, fields Fields) (Format, error) {
	var h header
	given := fields.Names != nil
	if given {
		h = header{names: fields.Names, eol: firstLineEnd(file)}
	} else {
		var err error
		if h, err = readHeader(file, o); err != nil {
			return nil, err
		}
	}
	f := &csvFormat{CSV: o, header: h, given: given, end: '\n', carriage: h.eol == "\r\n"}
	if h.eol == "\r" {
		f.end = '\r'
	}
	if err := fields.check(h.names); err != nil {
		return nil, err
	}
	for _, name := range h.names {
		skip := slices.Contains(fields.Skip, name)
		f.skip = append(f.skip, skip)
		if !skip {
			f.names = append(f.names, fields.column(name))
		}
	}
	return f, nil
}

// firstLineEnd returns the end of the first line, in quotes or not.
func firstLineEnd(file *bufio.Reader) string {
	start := peekPast(file, "\r\n")
	i := bytes.IndexAny(start, "\r\n")
	switch {
	case i < 0 || start[i] == '\n':
		return "\n"
	case i+1 < len(start) && start[i+1] == '\n':
		return "\r\n"
	}
	return "\r"
}

// peekPast peeks up to one of chars and the byte after it, or as far as
// possible. The next Read returns a read error.
func peekPast(file *bufio.Reader, chars string) []byte {
	for n := 1; ; n++ {
		start, err := file.Peek(max(n, file.Buffered()))
		if i := bytes.IndexAny(start, chars); err != nil || i >= 0 && i+1 < len(start) {
			return start
		}
		n = len(start)
	}
}

type csvFormat struct {
	CSV
	header   header
	names    []string // of the columns: those of the header, renamed, without skipped ones
	skip     []bool   // fields of the header
	given    bool     // the file has no header
	end      byte     // the last byte of a line end
	carriage bool     // lines end in \r\n
}

func (f *csvFormat) Names() []string { return slices.Clone(f.names) }

func (f *csvFormat) Lines() int { return f.header.lines }

func (f *csvFormat) Dialect() string {
	return fmt.Sprintf("csv %q %t %q %v", []byte{f.Comma, f.Quote, f.Escape}, f.NoQuote, f.Null, f.skip)
}

// translated reports whether records are sent in COPY's text format, because the
// server's CSV parser cannot read them.
func (f *csvFormat) translated() bool { return f.NoQuote || slices.Contains(f.skip, true) }

func (f *csvFormat) Options() string {
	if f.translated() {
		return (*textFormat)(nil).Options()
	}
	return "FORMAT csv, HEADER, DELIMITER " + literal(f.Comma) + ", QUOTE " + literal(f.Quote) +
		", ESCAPE " + literal(f.Escape) + ", NULL " + stringLiteral(f.Null) + ", ENCODING 'UTF8'"
}

// Reader implements [Format]. The records follow a header of one line, which the
// server skips: from it the server detects how lines end, without which it does
// not count the lines of the first record.
func (f *csvFormat) Reader(data []byte, _ []Column) (io.Reader, error) {
	if f.translated() {
		return f.translate(data)
	}
	data, err := f.checked(data)
	if err != nil {
		return nil, err
	}
	return io.MultiReader(strings.NewReader("header"+f.header.eol), bytes.NewReader(data)), nil
}

// endOfData is a record that silently ends the input of servers before version
// 18, and is data for later ones.
const endOfData = `\.`

// checked returns an error for records that [csvFormat.stray] suspects, or that
// the server would split differently, and makes [endOfData] data for all
// servers.
func (f *csvFormat) checked(data []byte) ([]byte, error) {
	ends := bytes.Contains(data, []byte(endOfData)) && f.Null != endOfData
	// The server reads the byte after a carriage return, and if that is not a
	// character, its error names the record before.
	undecodable := f.end == '\r' && !storable(data)
	if !ends && !undecodable && bytes.IndexByte(data, f.Quote) < 0 {
		return data, nil
	}
	e := csvEncoder{f: f}
	out, kept := []byte(nil), 0 // out is what data[:kept] becomes
	pos := 0
	for index := 0; pos < len(data); index++ {
		record, lines := f.first(data[pos:])
		if lines > 1 && f.stray(record) {
			return nil, &Error{Index: index, Code: badShape, Err: errStray}
		}
		if undecodable && !storable(record) {
			return nil, &Error{Index: index, Code: BadCharacter, Err: errCharacter}
		}
		if ends && string(e.trim(record)) == endOfData {
			out = append(out, data[kept:pos]...)
			out = append(append(append(out, f.Quote), endOfData...), f.Quote)
			kept = pos + len(endOfData)
		}
		pos += len(record)
	}
	if kept == 0 {
		return data, nil
	}
	return append(out, data[kept:]...), nil
}

// first returns the first record of data, its line end included, and its number
// of lines.
func (f *csvFormat) first(data []byte) (record []byte, lines int) {
	q := quoteState{f: f}
	end := 0
	for done := false; end < len(data) && !done; lines++ {
		next := lineEnd(data, end, f.end)
		done = q.after(data[end:next])
		end = next
	}
	return data[:end], lines
}

var errStray = errors.New("a quote inside a field opens text that goes on in the next line; LoadOptions.NoQuote takes quotes as data")

// stray reports whether a quote that is not at the beginning of a field encloses
// a line end. No program writes such files, but a file whose quotes are data (5"
// disk) looks like one, and its lines would be joined.
func (f *csvFormat) stray(record []byte) bool {
	e := csvEncoder{f: f}
	for more := true; more; {
		_, record, _, more, _ = e.field(record)
	}
	return e.strayed
}

// translate returns the records as lines of COPY's text, without skipped fields.
func (f *csvFormat) translate(data []byte) (io.Reader, error) {
	e := csvEncoder{f: f}
	buf := make([]byte, 0, len(data)+len(data)/8)
	for index := 0; len(data) > 0; index++ {
		record, _ := f.first(data)
		var err error
		if buf, err = e.text(buf, record); err != nil {
			return nil, &Error{Index: index, Code: badShape, Err: err}
		}
		data = data[len(record):]
	}
	return bytes.NewReader(buf), nil
}

// RecordAt implements [Format]. The server counts the header as a line. Within
// quotes it counts line feeds if lines end in them, and carriage returns if
// lines end in those, alone or not.
func (f *csvFormat) RecordAt(line int, data []byte, spans []Span) int {
	if f.translated() {
		return line
	}
	counted := byte('\n')
	if f.header.eol != "\n" {
		counted = '\r'
	}
	next := 1 // line of the following record
	for i, s := range spans {
		record := data[s.Start-spans[0].Start : s.End-spans[0].Start]
		if next += bytes.Count(record, []byte{counted}); line < next {
			return i
		}
	}
	return len(spans) - 1
}

func (f *csvFormat) Naming() string {
	if f.given {
		return "LoadOptions.Columns names"
	}
	return "the header names"
}

func (f *csvFormat) eol() byte { return f.end }

func (f *csvFormat) splitter() splitter { return &quoteState{f: f} }

// A quoteState tracks quotes as the server's CopyReadLineText does, so that both
// find the same records in every file, including malformed ones.
type quoteState struct {
	f       *csvFormat
	quoted  bool
	escaped bool // the byte before was an escape that escapes
}

func (q *quoteState) after(line []byte) bool {
	if q.f.NoQuote {
		return true
	}
	if q.f.Escape == q.f.Quote {
		if bytes.Count(line, []byte{q.f.Quote})%2 == 1 {
			q.quoted = !q.quoted
		}
		return !q.quoted
	}
	for _, c := range line {
		if q.quoted && c == q.f.Escape {
			q.escaped = !q.escaped
		}
		if c == q.f.Quote && !q.escaped {
			q.quoted = !q.quoted
		}
		if c != q.f.Escape {
			q.escaped = false
		}
	}
	return !q.quoted
}

// between is false: for the server, an empty line is a record.
func (q *quoteState) between([]byte) bool { return false }

func literal(b byte) string { return stringLiteral(string([]byte{b})) }

// stringLiteral returns s as an SQL literal that does not depend on
// standard_conforming_strings.
func stringLiteral(s string) string {
	return "E'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(s) + "'"
}
