package export

import (
	"bufio"
	"fmt"
	"io"
)

// bufferBytes is how much w is given at once. The server sends each row by
// itself.
const bufferBytes = 64 << 10

// A gate is where pgconn writes a COPY's data. It tells pgconn of no error,
// because pgconn would close the connection: it has itself shut, and drops what
// the server still sends until it stops.
type gate struct {
	fail   func(error)   // has the gate shut
	isShut func() bool   // also by the end of the context
	data   io.Writer     // takes what the server sends
	buffer *bufio.Writer // in front of the caller's writer
	lines  *unframer     // data, for NDJSON
	err    error         // of data
}

func newGate(w io.Writer, format int) *gate {
	g := &gate{buffer: bufio.NewWriterSize(fullWriter{w}, bufferBytes)}
	g.data = g.buffer
	if format == NDJSON {
		g.lines = newUnframer(g.buffer)
		g.data = g.lines
	}
	return g
}

func (g *gate) Write(p []byte) (int, error) {
	if !g.isShut() {
		if _, err := g.data.Write(p); err != nil {
			g.err = err
			g.fail(err)
		}
	}
	return len(p), nil
}

// finish writes out what is left once all has come, or returns why not all has:
// err, unless it is only the consequence of the gate's own error.
func (g *gate) finish(err error) error {
	switch {
	case g.err != nil:
		return g.err
	case err != nil:
		return err
	case g.lines != nil && !g.lines.ended():
		return errFraming
	}
	return g.buffer.Flush()
}

// A fullWriter makes a short write an error. A bufio.Writer would call again
// for the rest, for ever where nothing is taken.
type fullWriter struct{ w io.Writer }

func (w fullWriter) Write(p []byte) (int, error) {
	n, err := w.w.Write(p)
	if n < len(p) && err == nil {
		err = io.ErrShortWrite
	}
	if err != nil {
		return n, fmt.Errorf("write: %w", err)
	}
	return n, nil
}
