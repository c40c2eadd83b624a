package records

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
)

// CSV says how a CSV file is written: what separates fields, what encloses
// them, what stands before a quote within quotes, and the unquoted text that
// means NULL.
type CSV struct {
	Comma, Quote, Escape byte
	Null                 string
}

// OpenCSV reads the header of a CSV file and leaves file behind it. A file
// without a header has names given.
func OpenCSV(file *bufio.Reader, o CSV, names []string) (Format, error) {
	var h header
	if names != nil {
		h = header{names: names, eol: firstLineEnd(file)}
	} else {
		var err error
		if h, err = readHeader(file, o); err != nil {
			return nil, err
		}
	}
	f := &csvFormat{CSV: o, header: h, given: names != nil, end: '\n', carriage: h.eol == "\r\n"}
	if h.eol == "\r" {
		f.end = '\r'
	}
	return f, nil
}

// firstLineEnd returns what ends the first line, quotes or not.
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

// peekPast peeks until one of chars and a byte behind it are seen, or as far as
// that goes. A read error comes again.
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
	given    bool // the names do not stand in the file
	end      byte // the last byte of a line end
	carriage bool // lines end in \r\n
}

func (f *csvFormat) Names() []string { return slices.Clone(f.header.names) }

func (f *csvFormat) Lines() int { return f.header.lines }

func (f *csvFormat) Dialect() string {
	return fmt.Sprintf("csv %q %q", []byte{f.Comma, f.Quote, f.Escape}, f.Null)
}

func (f *csvFormat) Options() string {
	return "FORMAT csv, HEADER, DELIMITER " + literal(f.Comma) + ", QUOTE " + literal(f.Quote) +
		", ESCAPE " + literal(f.Escape) + ", NULL " + stringLiteral(f.Null) + ", ENCODING 'UTF8'"
}

// Reader implements [Format]. Before the records comes a header of one line,
// which the server passes over: from it the server learns how lines end, without
// which it does not count the lines of the first record.
func (f *csvFormat) Reader(data []byte, _ []Column) (io.Reader, error) {
	return io.MultiReader(strings.NewReader("header"+f.header.eol), bytes.NewReader(data)), nil
}

// RecordAt implements [Format]. Before the first record the server has counted
// the header. Within quotes it counts line feeds where lines end in them, and
// carriage returns where lines end in those, alone or not.
func (f *csvFormat) RecordAt(line int, data []byte, spans []Span) int {
	counted := byte('\n')
	if f.header.eol != "\n" {
		counted = '\r'
	}
	next := 1 // line of the record behind
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

// A quoteState counts quotes as the server's CopyReadLineText does, so that
// both see the same records in every file, broken ones too.
type quoteState struct {
	f       *csvFormat
	quoted  bool
	escaped bool // the byte before was an escape that escapes
}

func (q *quoteState) after(line []byte) bool {
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

// between: an empty line is a record to the server.
func (q *quoteState) between([]byte) bool { return false }

func literal(b byte) string { return stringLiteral(string([]byte{b})) }

// stringLiteral writes s as SQL, whatever standard_conforming_strings says.
func stringLiteral(s string) string {
	return "E'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(s) + "'"
}
