package records

import (
	"bytes"
	"encoding/binary"

	"github.com/headrace/headrace/internal/pgcopy"
)

// A csvEncoder parses the text of records here, and not in the server, whose
// time is the scarcer.
type csvEncoder struct {
	f       *csvFormat
	parsers []parser
	scratch []byte
}

// Encoder implements [Format].
func (f *csvFormat) Encoder(columns []Column) Encoder {
	parsers := parsersFor(columns)
	if parsers == nil {
		return nil
	}
	return &csvEncoder{f: f, parsers: parsers}
}

// Encode implements [Encoder].
func (e *csvEncoder) Encode(buf, data []byte) (out []byte, n int, whole bool) {
	buf = pgcopy.Header(buf)
	for len(data) > 0 {
		q := quoteState{f: e.f}
		end := 0
		for end < len(data) {
			next := lineEnd(data, end, e.f.end)
			done := q.after(data[end:next])
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
func (e *csvEncoder) trim(record []byte) []byte {
	if n := len(record); n > 0 && record[n-1] == e.f.end {
		record = record[:n-1]
		if n > 1 && e.f.carriage {
			if record[n-2] != '\r' {
				return []byte{'\r'} // mixed line ends: refused below
			}
			record = record[:n-2]
		}
	}
	return record
}

// record appends one row.
func (e *csvEncoder) record(buf, record []byte) ([]byte, bool) {
	if bytes.IndexByte(record, e.f.Quote) >= 0 {
		return e.quotedRecord(buf, record)
	}
	if bytes.IndexByte(record, '\r') >= 0 || bytes.IndexByte(record, '\n') >= 0 || string(record) == `\.` {
		return buf, false // line ends of another kind; the end of data, to some servers
	}
	buf = binary.BigEndian.AppendUint16(buf, uint16(len(e.parsers)))
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
		if string(text) == e.f.Null {
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
	buf = binary.BigEndian.AppendUint16(buf, uint16(len(e.parsers)))
	for i, p := range e.parsers {
		text, rest, quoted, more, ok := e.field(record)
		if !ok || more != (i < len(e.parsers)-1) {
			return buf, false
		}
		record = rest
		if !quoted && string(text) == e.f.Null {
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

// field cuts the next field, as the server's CopyReadAttributesCSV does: quotes
// may open and close anywhere in it. more says that a comma ended it.
func (e *csvEncoder) field(record []byte) (text, rest []byte, quoted, more, ok bool) {
	text = e.scratch[:0]
	inside := false
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
		case !inside && c == e.f.Comma:
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
