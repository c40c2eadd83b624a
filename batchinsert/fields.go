package batchinsert

import (
	"bytes"
	"encoding/binary"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/headrace/headrace/internal/pgcopy"
)

// A textEncoder turns records of CSV into rows of a binary COPY, so that their
// text is parsed here and not by the server, whose time is the scarcer.
type textEncoder struct {
	d       *dialect
	parsers []pgcopy.ParseFunc
	scratch []byte
}

// newTextEncoder returns nil where a column's type has no parser.
func newTextEncoder(m *match, d *dialect) *textEncoder {
	e := &textEncoder{d: d}
	for _, c := range m.columns {
		parse := pgcopy.ParserFor(c.oid)
		if c.kind == 'e' {
			parse = pgcopy.ParserFor(pgtype.TextOID) // the server's own check of the label names the line
		}
		if parse == nil {
			return nil
		}
		e.parsers = append(e.parsers, parse)
	}
	return e
}

// clone returns an encoder for another goroutine.
func (e *textEncoder) clone() *textEncoder {
	if e == nil {
		return nil
	}
	return &textEncoder{d: e.d, parsers: e.parsers}
}

// encode appends records as a whole COPY, up to the first with a value that has
// to be left to the server. n is their number; whole says that it was all.
func (e *textEncoder) encode(buf, data []byte) (out []byte, n int, whole bool) {
	buf = pgcopy.Header(buf)
	for len(data) > 0 {
		var q quoteState
		end := 0
		for end < len(data) {
			next := lineEnd(data, end, e.d)
			done := q.after(data[end:next], e.d)
			end = next
			if done {
				break
			}
		}
		before := len(buf)
		ok := !q.quoted
		if ok {
			buf, ok = e.record(buf, e.trim(data[:end]))
		}
		if !ok {
			return pgcopy.Trailer(buf[:before]), n, false
		}
		data = data[end:]
		n++
	}
	return pgcopy.Trailer(buf), n, true
}

// trim takes off the line end.
func (e *textEncoder) trim(record []byte) []byte {
	if n := len(record); n > 0 && record[n-1] == e.d.eol {
		record = record[:n-1]
		if n > 1 && e.d.carriage {
			if record[n-2] != '\r' {
				return []byte{'\r'} // mixed line ends: refused below
			}
			record = record[:n-2]
		}
	}
	return record
}

// record appends one row.
func (e *textEncoder) record(buf, record []byte) ([]byte, bool) {
	if bytes.IndexByte(record, e.d.quote) >= 0 {
		return e.quotedRecord(buf, record)
	}
	if bytes.IndexByte(record, '\r') >= 0 || bytes.IndexByte(record, '\n') >= 0 || string(record) == `\.` {
		return buf, false // line ends of another kind; the end of data, to some servers
	}
	buf = binary.BigEndian.AppendUint16(buf, uint16(len(e.parsers)))
	for i, parse := range e.parsers {
		text := record
		if i < len(e.parsers)-1 {
			comma := bytes.IndexByte(record, e.d.comma)
			if comma < 0 {
				return buf, false
			}
			text, record = record[:comma], record[comma+1:]
		} else if bytes.IndexByte(record, e.d.comma) >= 0 {
			return buf, false
		}
		if string(text) == e.d.null {
			buf = pgcopy.AppendNull(buf)
			continue
		}
		var ok bool
		if buf, ok = parse(buf, text); !ok {
			return buf, false
		}
	}
	return buf, true
}

// quotedRecord appends a row with quotes in it.
func (e *textEncoder) quotedRecord(buf, record []byte) ([]byte, bool) {
	buf = binary.BigEndian.AppendUint16(buf, uint16(len(e.parsers)))
	for i, parse := range e.parsers {
		text, rest, quoted, more, ok := e.field(record)
		if !ok || more != (i < len(e.parsers)-1) {
			return buf, false
		}
		record = rest
		if !quoted && string(text) == e.d.null {
			buf = pgcopy.AppendNull(buf)
			continue
		}
		if buf, ok = parse(buf, text); !ok {
			return buf, false
		}
	}
	return buf, true
}

// field cuts the next field, as the server's CopyReadAttributesCSV does: quotes
// may open and close anywhere in it. more says that a comma ended it.
func (e *textEncoder) field(record []byte) (text, rest []byte, quoted, more, ok bool) {
	text = e.scratch[:0]
	inside := false
	i := 0
	for ; i < len(record); i++ {
		c := record[i]
		switch {
		case inside && c == e.d.escape && i+1 < len(record) && (record[i+1] == e.d.escape || record[i+1] == e.d.quote):
			i++
			text = append(text, record[i])
		case c == e.d.quote:
			inside = !inside
			quoted = true
		case !inside && c == e.d.comma:
			e.scratch = text
			return text, record[i+1:], quoted, true, true
		case !inside && (c == '\r' || c == '\n'):
			return nil, nil, false, false, false
		default:
			text = append(text, c)
		}
	}
	e.scratch = text
	return text, nil, quoted, false, !inside
}
