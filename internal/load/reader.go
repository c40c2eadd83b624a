package load

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/headrace/headrace/internal/panics"
	"github.com/headrace/headrace/internal/records"
)

// A block is a part of the input that is sent at once. In a load in chunks, the
// reader's blocks are the chunks.
type block struct {
	*records.Chunk
	binary []byte // a whole binary COPY; nil if it is sent as text
	spare  []byte // memory for binary
}

// A reader cuts the input into blocks in a goroutine of its own, so that the
// input is read while the server processes the previous block.
type reader struct {
	blocks  chan block // closed at the end of the input, or at its error
	buffers chan []byte
	quit    chan struct{}
	ended   chan struct{}

	err error // valid once blocks is closed
}

// maxDelay bounds how long rows of a slow input wait for the rest of their
// block.
const maxDelay = 50 * time.Millisecond

// readAhead is the number of blocks that wait to be sent.
const readAhead = 1

// startReader starts the reader, which owns the input and encoder from then on.
// If encoder is not nil, it encodes the blocks.
func (l *Load) startReader(encoder records.Encoder) *reader {
	l.reading = true
	r := &reader{
		blocks: make(chan block, readAhead), buffers: make(chan []byte, 2*(l.opts.Jobs+readAhead+1)),
		quit: make(chan struct{}), ended: make(chan struct{}),
	}
	hurry := maxDelay
	if l.opts.ID != "" {
		hurry = 0 // so that every attempt cuts at the same places
	}
	c := records.NewCutter(l.input.file, l.input.format, l.opts.ChunkBytes, hurry)
	go func() {
		defer close(r.ended)
		defer l.input.close()
		r.run(l, c, encoder)
	}()
	return r
}

func (r *reader) run(l *Load, c *records.Cutter, encoder records.Encoder) {
	defer close(r.blocks)
	defer func() {
		if v := recover(); v != nil {
			r.err = panics.New(v)
		}
	}()
	for {
		chunk, err := l.cut(c, r.buffer())
		if err != nil {
			if !errors.Is(err, io.EOF) {
				r.err = placeOf(err, c)
			}
			return
		}
		out := block{Chunk: chunk}
		if encoder != nil {
			out.spare = r.buffer()
			out.encode(encoder)
		}
		select {
		case r.blocks <- out:
		case <-r.quit:
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

// placeOf adds the place to an error of reading the input: the record, or the
// first record that has not been cut.
func placeOf(err error, c *records.Cutter) *fileError {
	if fault, ok := errors.AsType[*records.Error](err); ok {
		return &fileError{line: int64(fault.Index) + 1, column: fault.Column, err: fault.Err}
	}
	return &fileError{line: c.Line(), err: err}
}

// encode sets b.binary if all values have a binary form.
func (b *block) encode(encoder records.Encoder) {
	out, _, whole := encoder.Encode(b.spare[:0], b.Data)
	b.spare = out
	if whole {
		b.binary = out
	}
}

// buffer returns the memory of a block that was sent, or nil.
func (r *reader) buffer() []byte {
	select {
	case b := <-r.buffers:
		return b
	default:
		return nil
	}
}

// recycle makes the memory of a sent block available to buffer.
func (r *reader) recycle(sent block) {
	for _, b := range [][]byte{sent.Data, sent.spare} {
		if b == nil {
			continue
		}
		select {
		case r.buffers <- b:
		default:
		}
	}
}

// next waits for the next block. more is false at the end of the input. The
// error is the input's or ctx's.
func (r *reader) next(ctx context.Context) (next block, more bool, err error) {
	select {
	case next, more = <-r.blocks:
		if !more && r.err != nil {
			err = r.err
		}
		return next, more, err
	case <-ctx.Done():
		return block{}, false, context.Cause(ctx)
	}
}

// A fileError is an error of reading the input, with its line.
type fileError struct {
	line   int64
	column string
	err    error
}

func (f *fileError) Error() string { return f.err.Error() }
func (f *fileError) Unwrap() error { return f.err }

// stop ends the goroutine. It waits a second for a Read under way, after which
// the goroutine ends.
func (r *reader) stop() {
	close(r.quit)
	timer := time.NewTimer(time.Second)
	defer timer.Stop()
	select {
	case <-r.ended:
	case <-timer.C:
	}
}
