package records

import (
	"bytes"
	"encoding/binary"
	"io"
	"slices"

	"github.com/headrace/headrace/internal/pgcopy"
)

// textFormat is COPY's text format, one record a line.
//
// Source: PostgreSQL manual, "COPY", section "Text Format".
type textFormat struct{ names []string }

func (f *textFormat) Names() []string { return slices.Clone(f.names) }

func (*textFormat) Lines() int { return 0 }

func (*textFormat) Dialect() string { return "text" }

func (*textFormat) Options() string { return "FORMAT text, ENCODING 'UTF8'" }

// Reader implements [Format].
func (*textFormat) Reader(data []byte, _ []Column) (io.Reader, error) {
	return bytes.NewReader(data), nil
}

// RecordAt implements [Format].
func (*textFormat) RecordAt(line int, _ []byte, _ []Span) int { return line }

func (*textFormat) Naming() string { return "Records.Columns names" }

func (*textFormat) eol() byte { return '\n' }

func (*textFormat) splitter() splitter { return eachLine{} }

// eachLine is a splitter for formats with one record a line.
type eachLine struct{}

func (eachLine) between([]byte) bool { return false }
func (eachLine) after([]byte) bool   { return true }

// Encoder implements [Format].
func (*textFormat) Encoder(columns []Column) Encoder {
	parsers := parsersFor(columns)
	if parsers == nil {
		return nil
	}
	return &textEncoder{parsers: parsers}
}

type textEncoder struct {
	parsers []parser
	scratch []byte
}

// Encode implements [Encoder].
func (e *textEncoder) Encode(buf, data []byte) (out []byte, n int, whole bool) {
	return encodeLines(buf, data, e.record)
}

// encodeLines encodes records that are lines, except lines for which record
// returns skip.
func encodeLines(buf, data []byte, record func(buf, line []byte) (out []byte, ok bool)) (out []byte, n int, whole bool) {
	buf = pgcopy.Header(buf)
	for len(data) > 0 {
		end := lineEnd(data, 0, '\n')
		before := len(buf)
		var ok bool
		if buf, ok = record(buf, bytes.TrimSuffix(data[:end], []byte{'\n'})); !ok {
			return pgcopy.Trailer(buf[:before]), n, false
		}
		if len(buf) > before {
			n++
		}
		data = data[end:]
	}
	return pgcopy.Trailer(buf), n, true
}

// record appends one row.
func (e *textEncoder) record(buf, line []byte) ([]byte, bool) {
	buf = binary.BigEndian.AppendUint16(buf, uint16(len(e.parsers)))
	for i, p := range e.parsers {
		field, rest, more := bytes.Cut(line, []byte{'\t'})
		if more != (i < len(e.parsers)-1) {
			return buf, false
		}
		line = rest
		var ok bool
		if string(field) == `\N` {
			buf, ok = p.null(buf)
		} else {
			buf, ok = p.parse(buf, e.unescape(field))
		}
		if !ok {
			return buf, false
		}
	}
	return buf, true
}

// unescape is the inverse of appendEscaped.
func (e *textEncoder) unescape(field []byte) []byte {
	if bytes.IndexByte(field, '\\') < 0 {
		return field
	}
	out := e.scratch[:0]
	for i := 0; i < len(field); i++ {
		c := field[i]
		if c == '\\' && i+1 < len(field) {
			i++
			switch c = field[i]; c {
			case 'n':
				c = '\n'
			case 'r':
				c = '\r'
			case 't':
				c = '\t'
			}
		}
		out = append(out, c)
	}
	e.scratch = out
	return out
}

// appendEscaped appends a value as a field of a line.
func appendEscaped(buf, value []byte) []byte {
	for {
		i := bytes.IndexAny(value, "\\\n\r\t")
		if i < 0 {
			return append(buf, value...)
		}
		buf = append(append(buf, value[:i]...), '\\')
		switch c := value[i]; c {
		case '\n':
			buf = append(buf, 'n')
		case '\r':
			buf = append(buf, 'r')
		case '\t':
			buf = append(buf, 't')
		default:
			buf = append(buf, c)
		}
		value = value[i+1:]
	}
}
