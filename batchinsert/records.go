package batchinsert

import (
	"bytes"
	"fmt"
	"io"
	"time"
)

// A dialect is how a CSV file is written.
type dialect struct {
	comma, quote, escape byte
	eol                  byte // the last byte of a line end
	carriage             bool // lines end in \r\n
	null                 string
}

func (o *LoadOptions) dialect(eol string) dialect {
	d := dialect{comma: o.Comma, quote: o.Quote, escape: o.Escape, null: o.Null, eol: '\n', carriage: eol == "\r\n"}
	if eol == "\r" {
		d.eol = '\r'
	}
	return d
}

// A quoteState tells where records end: at a line end outside of quotes. It
// counts quotes as the server's CopyReadLineText does, so that both see the
// same records in every file, broken ones too.
type quoteState struct {
	quoted  bool
	escaped bool // the byte before was an escape that escapes
}

// after moves on over a line, its end included, and says whether a record ends
// with it.
func (q *quoteState) after(line []byte, d *dialect) bool {
	if d.escape == d.quote {
		if bytes.Count(line, []byte{d.quote})%2 == 1 {
			q.quoted = !q.quoted
		}
		return !q.quoted
	}
	for _, c := range line {
		if q.quoted && c == d.escape {
			q.escaped = !q.escaped
		}
		if c == d.quote && !q.escaped {
			q.quoted = !q.quoted
		}
		if c != d.escape {
			q.escaped = false
		}
	}
	return !q.quoted
}

// A chunk is a piece of a file made of whole records.
type chunk struct {
	index     int
	data      []byte
	firstByte int64 // its place in the decompressed file
	firstLine int64 // of the file, from 1
	records   int
	lines     int
}

// A span is a record of a chunk.
type span struct {
	start, end int   // in the chunk's data, the line end included
	line       int64 // the file's line that it begins at
}

// spans finds the records of the chunk.
func (c *chunk) spans(d *dialect) []span {
	spans := make([]span, 0, c.records)
	var q quoteState
	start, pos := 0, 0
	first, line := c.firstLine, c.firstLine
	for pos < len(c.data) {
		end := lineEnd(c.data, pos, d)
		line++
		if q.after(c.data[pos:end], d) || end == len(c.data) {
			spans = append(spans, span{start, end, first})
			start, first = end, line
		}
		pos = end
	}
	return spans
}

// lineEnd returns the place behind the line that begins at pos.
func lineEnd(data []byte, pos int, d *dialect) int {
	if i := bytes.IndexByte(data[pos:], d.eol); i >= 0 {
		return pos + i + 1
	}
	return len(data)
}

// longestRecord bounds a record: without it, a stray quote would have the rest
// of a file read into memory.
const longestRecord = 32 << 20

var errLongRecord = fmt.Errorf("a record longer than %d bytes begins here; is a quote not closed?", longestRecord)

// A cutter cuts a file into chunks: a chunk ends with the first record that
// ends at its size or behind, so that the same file is cut the same way each
// time, however its bytes arrive.
type cutter struct {
	r    io.Reader
	d    *dialect
	size int
	// hurry cuts a chunk before its size once it has been waited for that
	// long, so that the rows of a slow file do not wait for company. 0: never,
	// where cuts have to be the same each time.
	hurry time.Duration

	rest []byte // what was read beyond the last chunk
	next chunk  // place of the next chunk
	eof  bool
}

// cut returns the next chunk, in buf if it is large enough, or io.EOF. An error
// of the file comes after the chunks before it.
func (c *cutter) cut(buf []byte) (*chunk, error) {
	data := append(buf[:0], c.rest...)
	c.rest = nil
	out := c.next
	var q quoteState
	start := time.Now()
	pos, open := 0, false // open: a record goes on in the next line
	for {
		end := bytes.IndexByte(data[pos:], c.d.eol)
		if end < 0 {
			if !c.eof {
				if c.hurry > 0 && pos > 0 && !open && time.Since(start) > c.hurry {
					break
				}
				var err error
				if data, err = c.more(data); err != nil {
					return nil, err
				}
				continue // look at the line again, now that there is more of it
			}
			if pos == len(data) {
				if open {
					out.records++ // a quote was never closed
				}
				break
			}
			end = len(data) - pos - 1 // the last line has no end
		}
		line := data[pos : pos+end+1]
		pos += len(line)
		out.lines++
		if open = !q.after(line, c.d); open {
			continue
		}
		out.records++
		if pos >= c.size {
			break
		}
	}
	if pos == 0 {
		return nil, io.EOF
	}
	c.rest = bytes.Clone(data[pos:])
	out.data = data[:pos]
	c.next = chunk{index: out.index + 1, firstByte: out.firstByte + int64(pos), firstLine: out.firstLine + int64(out.lines)}
	return &out, nil
}

// more reads on behind data.
func (c *cutter) more(data []byte) ([]byte, error) {
	if len(data) > c.size+longestRecord {
		return nil, errLongRecord
	}
	if cap(data)-len(data) < readSize {
		data = append(data, make([]byte, max(readSize, len(data)/2))...)[:len(data)]
	}
	n, err := c.r.Read(data[len(data) : len(data)+readSize])
	if err == io.EOF {
		c.eof, err = true, nil
	}
	return data[:len(data)+n], err
}

const readSize = 64 << 10
