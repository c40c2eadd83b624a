package main

import (
	"context"
	"io"
)

// An interruptibleReader reads in a goroutine of its own, so that a Read that
// waits for a pipe ends with its context. The goroutine ends with the next byte
// or with the program.
type interruptibleReader struct {
	ctx    context.Context // of the program, canceled by signals
	blocks chan block
	rest   []byte
	err    error
}

type block struct {
	data []byte
	err  error
}

// interruptible returns a reader of the file that open returns. open may block
// too, as for a named pipe.
func interruptible(ctx context.Context, open func() (io.Reader, error)) io.Reader {
	r := &interruptibleReader{ctx: ctx, blocks: make(chan block)}
	go r.run(open)
	return r
}

func (r *interruptibleReader) run(open func() (io.Reader, error)) {
	in, err := open()
	if closer, ok := in.(io.Closer); ok && err == nil {
		defer func() { _ = closer.Close() }()
	}
	for {
		b := block{err: err}
		if err == nil {
			b.data = make([]byte, 64<<10)
			var n int
			n, b.err = in.Read(b.data)
			b.data = b.data[:n]
		}
		select {
		case r.blocks <- b:
		case <-r.ctx.Done():
			return
		}
		if b.err != nil {
			return
		}
	}
}

func (r *interruptibleReader) Read(p []byte) (int, error) {
	for len(r.rest) == 0 {
		if r.err != nil {
			return 0, r.err
		}
		select {
		case b := <-r.blocks:
			r.rest, r.err = b.data, b.err
		case <-r.ctx.Done():
			return 0, context.Cause(r.ctx)
		}
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}
