package records

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/headrace/headrace/internal/pgcopy"
)

// A csvEncoder parses the text of records in the client, which relieves the
// server.
type csvEncoder struct {
	f       *csvFormat
	parsers []parser // one per field
	scratch []byte
	strayed bool // field has found what stray looks for
}

// Encoder implements [Format].
func (f *csvFormat) Encoder(columns []Column) Encoder {
	parsers := parsersFor(columns)
	if parsers == nil {
		return nil
	}
	return f.encoder(parsers)
}

// encoder returns an encoder with one parser per column.
func (f *csvFormat) encoder(parsers []parser) *csvEncoder {
	e := &csvEncoder{f: f}
	for _, skip := range f.skip {
		if skip {
			e.parsers = append(e.parsers, parser{parse: skipField})
			continue
		}
		e.parsers = append(e.parsers, parsers[0])
		parsers = parsers[1:]
	}
	return e
}

// skipField is the parser of a field that is skipped.
func skipField(buf, _ []byte) ([]byte, bool) { return buf, true }

// Encode implements [Encoder].
func (e *csvEncoder) Encode(buf, data []byte) (out []byte, n int, whole bool) {
	buf = pgcopy.Header(buf)
	for len(data) > 0 {
		record, _ := e.f.first(data)
		before := len(buf)
		var ok bool
		if buf, ok = e.record(buf, e.trim(record)); !ok {
			return pgcopy.Trailer(buf[:before]), n, false
		}
		data = data[len(record):]
		n++
	}
	return pgcopy.Trailer(buf), n, true
}

// trim removes the line end.
func (e *csvEncoder) trim(record []byte) []byte {
	if n := len(record); n > 0 && record[n-1] == e.f.end {
		record = record[:n-1]
		if n > 1 && e.f.carriage {
			if record[n-2] != '\r' {
				return []byte{'\r'} // mixed line ends, which record refuses
			}
			record = record[:n-2]
		}
	}
	return record
}

// record appends one row.
func (e *csvEncoder) record(buf, record []byte) ([]byte, bool) {
	if !e.f.NoQuote && bytes.IndexByte(record, e.f.Quote) >= 0 {
		return e.quotedRecord(buf, record)
	}
	if bytes.IndexByte(record, '\r') >= 0 || bytes.IndexByte(record, '\n') >= 0 {
		return buf, false // line ends of another kind
	}
	buf = binary.BigEndian.AppendUint16(buf, uint16(len(e.f.names)))
	for i, p := range e.parsers {
		text := record
		if i < len(e.parsers)-1 {
			comma := bytes.IndexByte(record, e.f.Comma)
			if comma < 0 {
				return buf, false
			}
			text, record = record[:comma], record[comma+1:]
		} else if bytes.IndexByte(record, e.f.Comma) >= 0 {
			return buf, false
		}
		var ok bool
		if string(text) == e.f.Null && !e.f.skip[i] {
			buf, ok = p.null(buf)
		} else {
			buf, ok = p.parse(buf, text)
		}
		if !ok {
			return buf, false
		}
	}
	return buf, true
}

// quotedRecord appends a row with quotes in it.
func (e *csvEncoder) quotedRecord(buf, record []byte) ([]byte, bool) {
	buf = binary.BigEndian.AppendUint16(buf, uint16(len(e.f.names)))
	for i, p := range e.parsers {
		text, rest, quoted, more, ok := e.field(record)
		if !ok || more != (i < len(e.parsers)-1) {
			return buf, false
		}
		record = rest
		if !quoted && string(text) == e.f.Null && !e.f.skip[i] {
			buf, ok = p.null(buf)
		} else {
			buf, ok = p.parse(buf, text)
		}
		if !ok {
			return buf, false
		}
	}
	return buf, true
}

// field returns the next field, as the server's CopyReadAttributesCSV does:
// quotes may open and close anywhere in it. more reports whether a comma ended
// it.
func (e *csvEncoder) field(record []byte) (text, rest []byte, quoted, more, ok bool) {
	if e.f.NoQuote {
		text, rest, more = bytes.Cut(record, []byte{e.f.Comma})
		return text, rest, false, more, true
	}
	text = e.scratch[:0]
	inside, stray := false, false
	i := 0
	for ; i < len(record); i++ {
		c := record[i]
		switch {
		case inside && c == e.f.Escape && i+1 < len(record) && (record[i+1] == e.f.Escape || record[i+1] == e.f.Quote):
			i++
			text = append(text, record[i])
		case c == e.f.Quote:
			inside = !inside
			quoted = true
			stray = inside && i > 0 && record[i-1] != e.f.Quote
		case !inside && c == e.f.Comma:
			e.scratch = text
			return text, record[i+1:], quoted, true, true
		case !inside && (c == '\r' || c == '\n'):
			return nil, nil, false, false, false
		case stray && (c == '\r' || c == '\n'):
			e.strayed = true
			return nil, nil, false, false, false
		default:
			text = append(text, c)
		}
	}
	e.scratch = text
	return text, nil, quoted, false, !inside
}

// text appends a record as a line of COPY's text.
func (e *csvEncoder) text(buf, record []byte) ([]byte, error) {
	rest := e.trim(record)
	if e.f.NoQuote && bytes.ContainsAny(rest, "\r\n") {
		return buf, errLineEnd
	}
	separator := ""
	for i, skip := range e.f.skip {
		text, after, quoted, more, ok := e.field(rest)
		switch {
		case e.strayed:
			return buf, errStray
		case !ok:
			return buf, errLineEnd
		case more != (i < len(e.f.skip)-1):
			return buf, e.shape(record)
		}
		rest = after
		if skip {
			continue
		}
		buf = append(buf, separator...)
		separator = "\t"
		if !quoted && string(text) == e.f.Null {
			buf = append(buf, `\N`...)
		} else {
			buf = appendEscaped(buf, text)
		}
	}
	return append(buf, '\n'), nil
}

var errLineEnd = errors.New("a quote is not closed, or a line end is of another kind than the first")

// shape returns the error for a record whose number of fields differs from the
// number of names.
func (e *csvEncoder) shape(record []byte) error {
	return fmt.Errorf("the record has %d fields, and %s %d", e.count(record), e.f.Naming(), len(e.f.skip))
}

// count returns the number of a record's fields, or the expected number if it
// cannot be split.
func (e *csvEncoder) count(record []byte) int {
	record = e.trim(record)
	for n := 1; ; n++ {
		_, rest, _, more, ok := e.field(record)
		switch {
		case !ok:
			return len(e.f.skip)
		case !more:
			return n
		}
		record = rest
	}
}
