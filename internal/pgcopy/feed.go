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
	// blockSize is what pgconn's buffer holds beside the message's header, so
	// that one block is one Read.
	blockSize = 65536 - 5

	// flushEvery bounds how long a row of a slow source waits for company. It
	// also bounds how late an end of the COPY from the other side is seen:
	// pgconn looks for one between two Reads only.
	flushEvery = 50 * time.Millisecond

	// closeTimeout is how long Close waits for a source that is in the middle of
	// producing a row.
	closeTimeout = time.Second
)

// OfSeq returns the stream over what seq yields; an error ends it. seq runs in
// a goroutine of its own, which ends with the rows, with an error, or at the
// first row that seq yields after Close. Close waits a second for that, then
// leaves the goroutine to its source.
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

// A feed hands blocks from the goroutine that runs the source to Read. A block
// is handed over when its filling starts: n tells how much of it can be read
// already, so that a slow source's rows do not wait for it to be full.
type feed[T any] struct {
	encoder *Encoder[T]
	seq     iter.Seq2[T, error]

	blocks  chan *block   // to Read; closed by produce at the end of the rows
	free    chan *block   // back to produce
	quit    chan struct{} // closed by Close
	done    chan struct{} // closed when produce has ended
	rows    atomic.Int64
	failed  atomic.Pointer[error] // set before blocks is closed
	closing atomic.Bool           // set by Close, looked at after each row

	mu     sync.Mutex // held by Read and Close; guards what follows
	timer  *time.Timer
	block  *block // being read, or nil
	taken  int    // bytes of block that were read
	full   bool   // block will not grow any more
	closed bool
}

type block struct {
	buf  []byte        // set before n is first stored, and left alone until the block is free
	n    atomic.Int64  // bytes of buf that are complete rows
	full chan struct{} // receives one value when n will not grow any more
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

// A blockWriter fills one block after the other.
type blockWriter struct {
	blocks chan<- *block
	free   <-chan *block
	quit   <-chan struct{}

	block   *block
	buf     []byte // block.buf with all that was written
	scratch []byte // for a row that might not fit behind buf
	aside   bool   // room gave scratch
	largest int    // bytes of the largest row so far
}

// room returns the buffer that the next row is to be appended to.
func (w *blockWriter) room() []byte {
	w.aside = cap(w.buf)-len(w.buf) < w.largest
	if w.aside {
		return w.scratch[:0]
	}
	return w.buf
}

// advance accepts what room gave, with one more row at its end. It returns
// false when the stream was closed.
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
	// The row made append move to a larger array. Read must not see the array
	// change, so the row opens the next block.
	return w.write(row)
}

// write appends data to the block, or opens the next with it, whatever its
// size.
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

// finish says that the block will not grow any more.
func (w *blockWriter) finish() {
	if w.block != nil {
		w.block.full <- struct{}{}
		w.block = nil
	}
}

// Read implements [Stream]. It returns what there is after flushEvery at the
// latest, and may return nothing.
func (f *feed[T]) Read(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return 0, errClosed
	}
	if err := f.failed.Load(); err != nil {
		return 0, *err // the rows before it would be thrown away anyway
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

// end returns what Read says once the source has ended.
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
