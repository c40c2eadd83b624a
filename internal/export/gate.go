package export

import (
	"bufio"
	"fmt"
	"io"
)

// bufferBytes is the size of the writes to the caller's writer. The server sends
// each row separately.
const bufferBytes = 64 << 10

// A gate is the writer that pgconn gets for a COPY's data. It reports no error
// to pgconn, which would close the connection: after an error it discards what
// the server still sends until the COPY is canceled.
type gate struct {
	fail   func(error)   // cancels the COPY
	isShut func() bool   // the COPY is being canceled
	data   io.Writer     // for the data of the server
	buffer *bufio.Writer // to the caller's writer
	lines  *unframer     // data, if NDJSON
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

// finish flushes the buffer after a complete COPY, or returns why it is
// incomplete: the gate's own error, of which err is a consequence, or err.
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

// A fullWriter returns an error for a short write. A bufio.Writer would call
// Write again for the rest, endlessly if nothing is accepted.
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
