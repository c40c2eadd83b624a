package export

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
)

// errFraming is not expected from a server.
var errFraming = errors.New("the server's answer is no binary COPY of one column")

// An unframer takes the framing of a binary COPY off values of its only column,
// which are JSON, and writes each as a line. Its input may be cut anywhere: the
// protocol promises nothing of where, and values may be large.
//
// The framing is that of the manual's page on COPY, "Binary Format".
type unframer struct {
	out  *bufio.Writer
	step frameStep
	part []byte // of the framing: what has come of a piece that was cut
	left int    // bytes to come of the extension, or of the value
}

// A frameStep takes one piece of the framing, or what there is of it, off p.
type frameStep func(u *unframer, p []byte) (rest []byte, err error)

var copySignature = []byte("PGCOPY\n\xff\r\n\x00")

func newUnframer(out *bufio.Writer) *unframer {
	return &unframer{out: out, step: (*unframer).header}
}

// ended says whether all has come.
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

// field returns the next n bytes of the framing, or nil where they have not all
// come.
func (u *unframer) field(p []byte, n int) (piece, rest []byte) {
	if len(u.part) == 0 && len(p) >= n {
		return p[:n], p[n:]
	}
	take := min(n-len(u.part), len(p))
	u.part = append(u.part, p[:take]...)
	if len(u.part) < n {
		return nil, p[take:]
	}
	piece, u.part = u.part, u.part[:0]
	return piece, p[take:]
}

// header is the signature, four bytes of flags, and the extension's length.
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

// extension is passed over.
func (u *unframer) extension(p []byte) ([]byte, error) {
	skip := min(u.left, len(p))
	if u.left -= skip; u.left == 0 {
		u.step = (*unframer).columns
	}
	return p[skip:], nil
}

// columns is a row's number of columns, or -1 behind the last row.
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

// length is that of the value. No row is NULL to row_to_json.
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

// value is the JSON.
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

// writeText writes JSON with spaces in place of line breaks. They are between
// tokens: within a string JSON has no line breaks as they are. The server
// leaves them as they came in values of type json.
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
