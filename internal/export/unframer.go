package export

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
)

// errFraming is the error for data that no server sends.
var errFraming = errors.New("the server's answer is no binary COPY of one column")

// An unframer removes the framing of a binary COPY from the values of its only
// column, which are JSON, and writes each as a line. Writes may split the data
// anywhere: the protocol does not define where, and values may be large.
//
// Source: PostgreSQL manual, COPY, "Binary Format".
type unframer struct {
	out     *bufio.Writer
	step    frameStep
	partial []byte // the received beginning of a field of the framing
	left    int    // bytes of the extension or of the value not received yet
}

// A frameStep consumes one field of the framing from p, or the beginning of one.
type frameStep func(u *unframer, p []byte) (rest []byte, err error)

var copySignature = []byte("PGCOPY\n\xff\r\n\x00")

func newUnframer(out *bufio.Writer) *unframer {
	return &unframer{out: out, step: (*unframer).header}
}

// ended reports whether the COPY is complete.
func (u *unframer) ended() bool { return u.step == nil }

func (u *unframer) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		if u.ended() {
			return n - len(p), errFraming
		}
		rest, err := u.step(u, p)
		if err != nil {
			return n - len(p), err
		}
		p = rest
	}
	return n, nil
}

// field returns the next field of the framing, of n bytes, or nil if it is
// incomplete.
func (u *unframer) field(p []byte, n int) (value, rest []byte) {
	if len(u.partial) == 0 && len(p) >= n {
		return p[:n], p[n:]
	}
	take := min(n-len(u.partial), len(p))
	u.partial = append(u.partial, p[:take]...)
	if len(u.partial) < n {
		return nil, p[take:]
	}
	value, u.partial = u.partial, u.partial[:0]
	return value, p[take:]
}

// header consumes the signature, the flags (four bytes), and the extension's
// length.
func (u *unframer) header(p []byte) ([]byte, error) {
	h, p := u.field(p, len(copySignature)+8)
	if h == nil {
		return p, nil
	}
	rest, ok := bytes.CutPrefix(h, copySignature)
	u.left = int(int32(binary.BigEndian.Uint32(rest[4:])))
	if !ok || binary.BigEndian.Uint32(rest) != 0 || u.left < 0 {
		return nil, errFraming
	}
	u.step = (*unframer).extension
	return p, nil
}

// extension skips the extension.
func (u *unframer) extension(p []byte) ([]byte, error) {
	skip := min(u.left, len(p))
	if u.left -= skip; u.left == 0 {
		u.step = (*unframer).columns
	}
	return p[skip:], nil
}

// columns consumes a row's number of columns, or -1 after the last row.
func (u *unframer) columns(p []byte) ([]byte, error) {
	c, p := u.field(p, 2)
	if c == nil {
		return p, nil
	}
	switch int16(binary.BigEndian.Uint16(c)) {
	case -1:
		u.step = nil
	case 1:
		u.step = (*unframer).length
	default:
		return nil, errFraming
	}
	return p, nil
}

// length consumes the length of the value, which is never NULL: row_to_json is
// not.
func (u *unframer) length(p []byte) ([]byte, error) {
	l, p := u.field(p, 4)
	if l == nil {
		return p, nil
	}
	if u.left = int(int32(binary.BigEndian.Uint32(l))); u.left <= 0 {
		return nil, errFraming
	}
	u.step = (*unframer).value
	return p, nil
}

// value writes the value, or as much of it as p has.
func (u *unframer) value(p []byte) ([]byte, error) {
	text := p[:min(u.left, len(p))]
	if err := u.writeText(text); err != nil {
		return nil, err
	}
	if u.left -= len(text); u.left == 0 {
		u.step = (*unframer).columns
		return p[len(text):], u.out.WriteByte('\n')
	}
	return p[len(text):], nil
}

// writeText writes JSON with line breaks replaced by spaces. They occur between
// tokens only, since strings escape them, and only in values of type json, which
// the server returns as they were written.
func (u *unframer) writeText(text []byte) error {
	for {
		i := bytes.IndexAny(text, "\r\n")
		if i < 0 {
			_, err := u.out.Write(text)
			return err
		}
		if _, err := u.out.Write(text[:i]); err != nil {
			return err
		}
		if err := u.out.WriteByte(' '); err != nil {
			return err
		}
		text = text[i+1:]
	}
}
