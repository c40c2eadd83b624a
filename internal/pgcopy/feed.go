package pgcopy

import (
	"fmt"
	"io"
	"iter"
	"sync"
	"sync/atomic"
	"time"

	"github.com/headrace/headrace/internal/panics"
)

const (
	// blockSize is the size of pgconn's buffer without the message's header, so
	// that one block is one Read.
	blockSize = 65536 - 5

	// flushEvery bounds the time for which a row of a slow source waits for
	// others. It also bounds the delay until the server's error is noticed:
	// pgconn checks for one between two Reads only.
	flushEvery = 50 * time.Millisecond

	// closeTimeout bounds the time that Close waits for the source's current
	// row.
	closeTimeout = time.Second
)

// OfSeq returns the stream over the rows of seq; an error ends it. seq runs in a
// goroutine of its own, which ends with the rows, with an error, or at the first
// row that seq yields after Close. Close waits for that up to a second.
func OfSeq[T any](e *Encoder[T], seq iter.Seq2[T, error]) Stream {
	f := &feed[T]{
		encoder: e,
		seq:     seq,
		blocks:  make(chan *block, 1),
		free:    make(chan *block, 2),
		quit:    make(chan struct{}),
		done:    make(chan struct{}),
		timer:   time.NewTimer(flushEvery),
	}
	f.free <- newBlock()
	f.free <- newBlock()
	go f.run()
	return f
}

// A feed passes blocks from the goroutine that runs the source to Read. A block
// is passed when its filling starts: n is the number of bytes that can be read
// already, so that rows of a slow source do not wait until it is full.
type feed[T any] struct {
	encoder *Encoder[T]
	seq     iter.Seq2[T, error]

	blocks  chan *block   // to Read; closed by run at the end of the rows
	free    chan *block   // back to run
	quit    chan struct{} // closed by Close
	done    chan struct{} // closed when run has ended
	rows    atomic.Int64
	failed  atomic.Pointer[error] // set before blocks is closed
	closing atomic.Bool           // set by Close, checked after each row

	mu     sync.Mutex // held by Read and Close; guards what follows
	timer  *time.Timer
	block  *block // being read, or nil
	taken  int    // bytes of block that were read
	full   bool   // block is complete
	closed bool
}

type block struct {
	buf  []byte        // set before n is first stored, and unchanged until the block is free
	n    atomic.Int64  // bytes of buf that are complete rows
	full chan struct{} // receives one value when the block is complete
}

func newBlock() *block {
	return &block{buf: make([]byte, 0, blockSize), full: make(chan struct{}, 1)}
}

// run runs the source to its end.
func (f *feed[T]) run() {
	defer close(f.done)
	defer close(f.blocks)
	defer func() {
		if v := recover(); v != nil {
			f.fail(panics.New(v))
		}
	}()
	w := blockWriter{blocks: f.blocks, free: f.free, quit: f.quit}
	if !w.write(copyHeader) {
		return
	}
	var row T // one variable for all rows: its address escapes
	for v, err := range f.seq {
		if err != nil {
			f.fail(fmt.Errorf("row %d of the source: %w", f.rows.Load()+1, err))
			return
		}
		row = v
		out, err := f.encoder.Append(w.room(), &row)
		if err != nil {
			f.fail(atRow(err, f.rows.Load()+1))
			return
		}
		if !w.advance(out) {
			return
		}
		f.rows.Add(1)
		if f.closing.Load() {
			return
		}
	}
	if w.write(copyTrailer) {
		w.finish()
	}
}

func (f *feed[T]) fail(err error) { f.failed.Store(&err) }

// A blockWriter fills blocks.
type blockWriter struct {
	blocks chan<- *block
	free   <-chan *block
	quit   <-chan struct{}

	block   *block
	buf     []byte // block.buf with all bytes written
	scratch []byte // for a row that may not fit after buf
	aside   bool   // room returned scratch
	largest int    // bytes of the largest row so far
}

// room returns the buffer for the next row.
func (w *blockWriter) room() []byte {
	w.aside = cap(w.buf)-len(w.buf) < w.largest
	if w.aside {
		return w.scratch[:0]
	}
	return w.buf
}

// advance accepts the buffer of room with a further row. It returns false if the
// stream was closed.
func (w *blockWriter) advance(out []byte) bool {
	if w.aside {
		w.scratch = out
		return w.write(out)
	}
	row := out[len(w.buf):]
	w.largest = max(w.largest, len(row))
	if cap(out) == cap(w.buf) {
		w.buf = out
		w.block.n.Store(int64(len(out)))
		return true
	}
	// append has moved to a larger array. Read must not see the array change,
	// so the row begins the next block.
	return w.write(row)
}

// write appends data to the block, or begins the next one with it, regardless of
// its size.
func (w *blockWriter) write(data []byte) bool {
	w.largest = max(w.largest, len(data))
	if w.block != nil && len(w.buf)+len(data) <= cap(w.buf) {
		w.buf = append(w.buf, data...)
		w.block.n.Store(int64(len(w.buf)))
		return true
	}
	w.finish()
	select {
	case w.block = <-w.free:
	case <-w.quit:
		return false
	}
	w.block.buf = append(w.block.buf[:0], data...)
	w.buf = w.block.buf
	w.block.n.Store(int64(len(w.buf)))
	select {
	case w.blocks <- w.block:
		return true
	case <-w.quit:
		return false
	}
}

// finish marks the block as complete.
func (w *blockWriter) finish() {
	if w.block != nil {
		w.block.full <- struct{}{}
		w.block = nil
	}
}

// Read implements [Stream]. It returns the available bytes after flushEvery at
// the latest, and may return none.
func (f *feed[T]) Read(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return 0, errClosed
	}
	if err := f.failed.Load(); err != nil {
		return 0, *err // the rows before it would be rolled back anyway
	}
	f.timer.Reset(flushEvery)
	if f.block == nil {
		select {
		case c, more := <-f.blocks:
			if !more {
				return 0, f.end()
			}
			f.block = c
		case <-f.timer.C:
			return 0, nil
		}
	}
	if !f.full && int(f.block.n.Load())-f.taken < len(p) {
		select {
		case <-f.block.full:
			f.full = true
		case <-f.done:
		case <-f.timer.C:
		}
	}
	return f.take(p), nil
}

// take copies complete rows of the block. Called with mu held.
func (f *feed[T]) take(p []byte) int {
	have := int(f.block.n.Load())
	n := copy(p, f.block.buf[f.taken:have])
	f.taken += n
	if f.full && f.taken == have {
		f.free <- f.block
		f.block, f.taken, f.full = nil, 0, false
	}
	return n
}

// end returns the error of Read after the source has ended.
func (f *feed[T]) end() error {
	if err := f.failed.Load(); err != nil {
		return *err
	}
	return io.EOF
}

// Rows implements [Stream].
func (f *feed[T]) Rows() int64 { return f.rows.Load() }

// Err implements [Stream].
func (f *feed[T]) Err() error {
	if err := f.failed.Load(); err != nil {
		return *err
	}
	return nil
}

// Close implements [Stream].
func (f *feed[T]) Close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return
	}
	f.closed = true
	f.closing.Store(true)
	close(f.quit)
	f.timer.Reset(closeTimeout)
	select {
	case <-f.done:
	case <-f.timer.C:
	}
	f.timer.Stop()
}
