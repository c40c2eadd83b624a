package batchinsert

import (
	"context"
	"errors"
	"io"
	"runtime/debug"
	"time"

	"github.com/headrace/headrace/internal/pgcopy"
)

// A piece is a chunk on its way, encoded where that could be done.
type piece struct {
	*chunk
	binary []byte // a whole binary COPY; nil where the server has to read the text
	spare  []byte // memory for binary
}

// A producer cuts a file into pieces in a goroutine of its own, so that the
// file is read while the server is busy with what came before.
type producer struct {
	pieces  chan piece // closed at the end of the file, or at its error
	buffers chan []byte
	quit    chan struct{}
	ended   chan struct{}

	// Valid when pieces is closed.
	err  error
	line int64 // where in the file err came up
}

// slowFile is how long rows wait for more of the file, to be sent together.
const slowFile = 50 * time.Millisecond

// ahead is how many pieces wait for their sender.
const ahead = 1

// produce starts cutting the file. encoder, where it is not nil, encodes pieces
// on the way; it is the producer's from then on.
func (l *csvLoad) produce(encoder *textEncoder) *producer {
	p := &producer{
		pieces: make(chan piece, ahead), buffers: make(chan []byte, 2*(l.opts.Jobs+ahead+1)),
		quit: make(chan struct{}), ended: make(chan struct{}),
	}
	c := &cutter{r: l.file, d: &l.dialect, size: l.opts.ChunkBytes, next: chunk{firstLine: int64(l.header.lines) + 1}}
	if l.opts.ID == "" {
		c.hurry = slowFile
	}
	go p.run(c, encoder)
	return p
}

func (p *producer) run(c *cutter, encoder *textEncoder) {
	defer close(p.ended)
	defer close(p.pieces)
	defer func() {
		if v := recover(); v != nil {
			p.err = &pgcopy.PanicError{Value: v, Stack: debug.Stack()}
		}
	}()
	for {
		chunk, err := c.cut(p.buffer())
		if err != nil {
			if !errors.Is(err, io.EOF) {
				p.err, p.line = err, c.next.firstLine
			}
			return
		}
		out := piece{chunk: chunk, spare: p.buffer()}
		if encoder != nil {
			out.encode(encoder)
		}
		select {
		case p.pieces <- out:
		case <-p.quit:
			return
		}
	}
}

// encode makes the piece binary, if all of its values can be.
func (p *piece) encode(encoder *textEncoder) {
	out, _, whole := encoder.encode(p.spare[:0], p.data)
	p.spare = out
	if whole {
		p.binary = out
	}
}

// buffer returns memory of a piece that was sent.
func (p *producer) buffer() []byte {
	select {
	case b := <-p.buffers:
		return b
	default:
		return nil
	}
}

// giveBack makes a piece's memory free for another.
func (p *producer) giveBack(sent piece) {
	for _, b := range [][]byte{sent.data, sent.spare} {
		if b == nil {
			continue
		}
		select {
		case p.buffers <- b:
		default:
		}
	}
}

// next waits for the next piece. more is false at the end of the file. An error
// is the file's or ctx's.
func (p *producer) next(ctx context.Context) (next piece, more bool, err error) {
	select {
	case next, more = <-p.pieces:
		if !more && p.err != nil {
			err = &fileError{line: p.line, err: p.err}
		}
		return next, more, err
	case <-ctx.Done():
		return piece{}, false, context.Cause(ctx)
	}
}

// A fileError is an error of reading the file, at a line.
type fileError struct {
	line int64
	err  error
}

func (f *fileError) Error() string { return f.err.Error() }
func (f *fileError) Unwrap() error { return f.err }

// stop ends the goroutine. One that is inside of a Read of the file cannot be
// reached there: it ends after it.
func (p *producer) stop() {
	close(p.quit)
	timer := time.NewTimer(time.Second)
	defer timer.Stop()
	select {
	case <-p.ended:
	case <-timer.C:
	}
}
