package records

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// A header is the first record of a CSV file.
type header struct {
	names []string
	lines int    // number of its lines
	eol   string // its line end, and so that of the file
}

// headerLimit bounds a header. Without it, a file with one stray quote would be
// read into memory as a single name.
const headerLimit = 1 << 20

// readHeader reads the first record and leaves file positioned after it.
func readHeader(file *bufio.Reader, o CSV) (header, error) {
	var h header
	p := headerParser{comma: o.Comma, quote: o.Quote, escape: o.Escape, noQuote: o.NoQuote}
	for n := 0; ; n++ {
		c, err := file.ReadByte()
		if errors.Is(err, io.EOF) {
			if n == 0 {
				return h, errors.New("the file is empty: it has no header")
			}
			if p.quoted {
				return h, errors.New("a quote in the header is not closed")
			}
			break
		}
		if err != nil {
			return h, err
		}
		if n == headerLimit {
			return h, fmt.Errorf("the header is longer than %d bytes; is a quote not closed?", headerLimit)
		}
		if c == '\n' || c == '\r' && !follows(file, '\n') {
			h.lines++
			if !p.quoted {
				h.eol = p.eol(c)
				break
			}
		}
		p.add(c)
	}
	h.lines = max(h.lines, 1)
	h.names = p.end()
	for i, name := range h.names {
		if name == "" {
			return h, fmt.Errorf("the header's field %d is empty", i+1)
		}
		if !utf8.ValidString(name) {
			return h, fmt.Errorf("the header's field %d is not valid UTF-8, or not valid in the encoding that LoadOptions.Encoding names", i+1)
		}
	}
	return h, nil
}

// follows reports whether c is the next byte.
func follows(file *bufio.Reader, c byte) bool {
	next, _ := file.Peek(1) // the next Read returns its error
	return len(next) == 1 && next[0] == c
}

// A headerParser splits a record as the server's CSV parser does: quotes may
// open and close anywhere in a field.
type headerParser struct {
	comma, quote, escape byte
	noQuote              bool

	fields  []string
	field   strings.Builder
	quoted  bool
	last    byte
	pending byte // a quote or an escape whose meaning depends on the next byte
}

// add processes the next byte of the record.
func (p *headerParser) add(c byte) {
	p.last = c
	if p.quoted {
		p.addQuoted(c)
		return
	}
	if p.pending != 0 {
		// A closing quote, unless Escape is the same as Quote and a second one
		// follows, which is a quote in the text.
		last := p.pending
		p.pending = 0
		if last == p.quote && c == p.quote && p.escape == p.quote {
			p.field.WriteByte(c)
			p.quoted = true
			return
		}
	}
	switch {
	case c == '\r': // the line feed follows
	case c == p.comma:
		p.next()
	case c == p.quote && !p.noQuote:
		p.quoted = true
	default:
		p.field.WriteByte(c)
	}
}

// addQuoted processes a byte within quotes.
func (p *headerParser) addQuoted(c byte) {
	if p.pending != 0 { // an escape that differs from the quote
		p.pending = 0
		if c != p.quote && c != p.escape {
			p.field.WriteByte(p.escape)
		}
		p.field.WriteByte(c)
		return
	}
	switch {
	case c == p.escape && p.escape != p.quote:
		p.pending = c
	case c == p.quote:
		p.quoted = false
		p.pending = c
	default:
		p.field.WriteByte(c)
	}
}

// eol returns the line end whose last byte is c.
func (p *headerParser) eol(c byte) string {
	if c == '\n' && p.last == '\r' {
		return "\r\n"
	}
	return string([]byte{c})
}

func (p *headerParser) next() {
	p.fields = append(p.fields, p.field.String())
	p.field.Reset()
}

func (p *headerParser) end() []string {
	p.next()
	return p.fields
}
