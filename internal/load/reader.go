package load

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/headrace/headrace/internal/panics"
	"github.com/headrace/headrace/internal/records"
)

// A block is a chunk on its way, encoded where that could be done.
type block struct {
	*records.Chunk
	binary []byte // a whole binary COPY; nil where the server has to read the text
	spare  []byte // memory for binary
}

// A reader cuts a file into blocks in a goroutine of its own, so that the
// file is read while the server is busy with what came before.
type reader struct {
	blocks  chan block // closed at the end of the file, or at its error
	buffers chan []byte
	quit    chan struct{}
	ended   chan struct{}

	err error // valid when blocks is closed
}

// maxDelay is how long rows wait for more of the file, to be sent together.
const maxDelay = 50 * time.Millisecond

// readAhead is how many blocks wait for their sender.
const readAhead = 1

// startReader starts cutting the file. encoder, where it is not nil, encodes blocks
// on the way; it is the producer's from then on, as the input is.
func (l *Load) startReader(encoder records.Encoder) *reader {
	l.reading = true
	p := &reader{
		blocks: make(chan block, readAhead), buffers: make(chan []byte, 2*(l.opts.Jobs+readAhead+1)),
		quit: make(chan struct{}), ended: make(chan struct{}),
	}
	hurry := maxDelay
	if l.opts.ID != "" {
		hurry = 0 // the same cuts each time
	}
	c := records.NewCutter(l.input.file, l.input.format, l.opts.ChunkBytes, hurry)
	go func() {
		defer close(p.ended)
		defer l.input.close()
		p.run(l, c, encoder)
	}()
	return p
}

func (p *reader) run(l *Load, c *records.Cutter, encoder records.Encoder) {
	defer close(p.blocks)
	defer func() {
		if v := recover(); v != nil {
			p.err = panics.New(v)
		}
	}()
	for {
		chunk, err := l.cut(c, p.buffer())
		if err != nil {
			if !errors.Is(err, io.EOF) {
				p.err = placeOf(err, c)
			}
			return
		}
		out := block{Chunk: chunk}
		if encoder != nil {
			out.spare = p.buffer()
			out.encode(encoder)
		}
		select {
		case p.blocks <- out:
		case <-p.quit:
			return
		}
	}
}

var errUnended = errors.New("the last line has no line end: the file may have been cut off")

// cut returns the next chunk of the input.
func (l *Load) cut(c *records.Cutter, buf []byte) (*records.Chunk, error) {
	chunk, err := c.Cut(buf)
	if err != nil || !chunk.Unended {
		return chunk, err
	}
	l.unended.Store(true)
	if l.opts.Strict {
		last := chunk.FirstLine + int64(chunk.Lines) - 1
		return nil, &records.Error{Index: int(last) - 1, Err: errUnended} // as Values counts
	}
	return chunk, nil
}

// placeOf says where in the file reading it failed: the record, or else the
// first of those that were not cut yet.
func placeOf(err error, c *records.Cutter) *fileError {
	if fault, ok := errors.AsType[*records.Error](err); ok {
		return &fileError{line: int64(fault.Index) + 1, column: fault.Column, err: fault.Err}
	}
	return &fileError{line: c.Line(), err: err}
}

// encode makes the block binary, if all of its values can be.
func (p *block) encode(encoder records.Encoder) {
	out, _, whole := encoder.Encode(p.spare[:0], p.Data)
	p.spare = out
	if whole {
		p.binary = out
	}
}

// buffer returns memory of a block that was sent.
func (p *reader) buffer() []byte {
	select {
	case b := <-p.buffers:
		return b
	default:
		return nil
	}
}

// recycle makes a block's memory free for another.
func (p *reader) recycle(sent block) {
	for _, b := range [][]byte{sent.Data, sent.spare} {
		if b == nil {
			continue
		}
		select {
		case p.buffers <- b:
		default:
		}
	}
}

// next waits for the next block. more is false at the end of the file. An error
// is the file's or ctx's.
func (p *reader) next(ctx context.Context) (next block, more bool, err error) {
	select {
	case next, more = <-p.blocks:
		if !more && p.err != nil {
			err = p.err
		}
		return next, more, err
	case <-ctx.Done():
		return block{}, false, context.Cause(ctx)
	}
}

// A fileError is an error of reading the file, at a line.
type fileError struct {
	line   int64
	column string
	err    error
}

func (f *fileError) Error() string { return f.err.Error() }
func (f *fileError) Unwrap() error { return f.err }

// stop ends the goroutine. One that is inside of a Read of the file cannot be
// reached there: it ends after it.
func (p *reader) stop() {
	close(p.quit)
	timer := time.NewTimer(time.Second)
	defer timer.Stop()
	select {
	case <-p.ended:
	case <-timer.C:
	}
}
