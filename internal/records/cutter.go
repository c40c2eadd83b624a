package records

import (
	"bytes"
	"fmt"
	"io"
	"time"
)

// lineEnd returns the offset after the line that begins at pos.
func lineEnd(data []byte, pos int, eol byte) int {
	if i := bytes.IndexByte(data[pos:], eol); i >= 0 {
		return pos + i + 1
	}
	return len(data)
}

// maxRecord bounds a record. Without it, a stray quote would cause the rest of a
// file to be read into memory.
const maxRecord = 32 << 20

var errLongRecord = fmt.Errorf("a record longer than %d bytes begins here; is a quote not closed?", maxRecord)

// A Cutter cuts a file into chunks. A chunk ends with the first record that ends
// at or after its size, so that the same file is always cut at the same places,
// regardless of how its bytes arrive.
type Cutter struct {
	r      io.Reader
	format Format
	size   int
	hurry  time.Duration

	rest []byte // bytes read after the last chunk
	next Chunk  // place of the next chunk
	eof  bool
}

// NewCutter returns a cutter of chunks of about size bytes of r, which is
// positioned after the header. If hurry is not 0, a chunk is cut before its size
// after that time, so that rows of a slow file do not wait; places then differ
// between runs.
func NewCutter(r io.Reader, f Format, size int, hurry time.Duration) *Cutter {
	return &Cutter{r: r, format: f, size: size, hurry: hurry, next: Chunk{FirstLine: int64(f.Lines()) + 1}}
}

// Skip sets the place of the next chunk, whose bytes r must yield.
func (c *Cutter) Skip(to Chunk) {
	c.next = Chunk{Index: to.Index, FirstByte: to.FirstByte, FirstLine: to.FirstLine}
}

// Line returns the line of the file at which the next chunk begins.
func (c *Cutter) Line() int64 { return c.next.FirstLine }

// Cut returns the next chunk, in buf if it is large enough, or io.EOF. An error
// of the file is returned after the chunks before it.
func (c *Cutter) Cut(buf []byte) (*Chunk, error) {
	data := append(buf[:0], c.rest...)
	c.rest = nil
	out := c.next
	s, eol := c.format.splitter(), c.format.eol()
	start := time.Now()
	pos, open := 0, false // open: a record continues in the next line
	late := func() bool { return c.hurry > 0 && pos > 0 && !open && time.Since(start) > c.hurry }
	for {
		line, read, err := c.line(data, pos, eol, late)
		if err != nil {
			return nil, err
		}
		data = read
		if len(line) == 0 {
			if open {
				out.Records++
				out.Unclosed = true
			}
			break
		}
		if line[len(line)-1] != eol {
			_, out.Unended = c.format.(*csvFormat)
		}
		pos += len(line)
		out.Lines++
		if s.between(line) {
			continue
		}
		if open = !s.after(line); open {
			continue
		}
		out.Records++
		if pos >= c.size {
			break
		}
	}
	if pos == 0 {
		return nil, io.EOF
	}
	c.rest = bytes.Clone(data[pos:])
	out.Data = data[:pos]
	c.next = Chunk{Index: out.Index + 1, FirstByte: out.FirstByte + int64(pos), FirstLine: out.FirstLine + int64(out.Lines)}
	return &out, nil
}

// line returns the line that begins at pos, and data with the bytes read for it.
// The last line of a file may have no end. The line is nil at the end of the
// file, and if more would have to be read after hurry has passed.
func (c *Cutter) line(data []byte, pos int, eol byte, late func() bool) (line, read []byte, err error) {
	for seen := pos; ; {
		if i := bytes.IndexByte(data[seen:], eol); i >= 0 {
			return data[pos : seen+i+1], data, nil
		}
		switch {
		case c.eof:
			return data[pos:], data, nil
		case late():
			return nil, data, nil
		}
		seen = len(data)
		if data, err = c.more(data); err != nil {
			return nil, nil, err
		}
	}
}

// more appends the next bytes to data.
func (c *Cutter) more(data []byte) ([]byte, error) {
	if len(data) > c.size+maxRecord {
		return nil, errLongRecord
	}
	if cap(data)-len(data) < readSize {
		room := max(readSize, min(len(data)/2, c.size+readSize-len(data))) // so that a chunk needs little more memory than its size
		data = append(data, make([]byte, room)...)[:len(data)]
	}
	n, err := c.r.Read(data[len(data) : len(data)+readSize])
	if err == io.EOF {
		c.eof, err = true, nil
	}
	return data[:len(data)+n], err
}

const readSize = 64 << 10
