package batchinsert

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/headrace/headrace/internal/pgcopy"
	"github.com/headrace/headrace/internal/target"
)

// WriterOptions configure a BufferedWriter. The zero value and a nil
// *WriterOptions mean the defaults. Negative numbers are errors.
type WriterOptions[T any] struct {
	// A batch is written when it has Rows rows (default 1,000), about Bytes
	// bytes (default 1 MiB), or when its first row has waited for Every
	// (default 100 ms), whichever is first; and at once if a caller of Write is
	// waiting and no other batch is being written.
	Rows  int
	Bytes int
	Every time.Duration

	// MaxRows and MaxBytes bound the rows that are accepted and not yet
	// written: Add and Write wait for room. Default: ten batches.
	MaxRows  int
	MaxBytes int

	// OnConflict makes each batch an Upsert. Default: an Insert. Duplicates
	// applies within a batch; with Refuse, the second of two rows fails.
	OnConflict *OnConflict

	// OnError is called with rows accepted by Add that were not written, and
	// the reason. If err wraps [ErrOutcomeUnknown], all rows of the call may
	// have been written. It is called from the writer's goroutine, blocks it,
	// and must not call the writer. Without it such rows are kept for the next
	// Flush or Close, and take up room until then.
	OnError func(rows []T, err error)
}

// withDefaults returns o with its defaults, and an error if o is invalid.
func (o *WriterOptions[T]) withDefaults() (out WriterOptions[T], err error) {
	if o != nil {
		out = *o
	}
	err = notNegative("WriterOptions", out)
	if err == nil && out.OnConflict != nil {
		_, err = out.OnConflict.internal()
	}
	positive := func(v *int, standard int) {
		if *v <= 0 {
			*v = standard
		}
	}
	positive(&out.Rows, 1000)
	positive(&out.Bytes, 1<<20)
	positive(&out.MaxRows, 10*out.Rows)
	positive(&out.MaxBytes, 10*out.Bytes)
	if out.Every <= 0 {
		out.Every = 100 * time.Millisecond
	}
	return out, err
}

var (
	// ErrFull is returned by TryAdd when there is no room for the row.
	ErrFull = errors.New("batchinsert: the writer's buffer is full")

	// ErrClosed is returned for rows that come after Close.
	ErrClosed = errors.New("batchinsert: the writer is closed")
)

// An UnwrittenError returns rows that were accepted and were not written, or
// possibly not written. All other rows accepted before are in the table.
type UnwrittenError[T any] struct {
	// Rows were not written.
	Rows []T
	// Unknown are rows that may have been written: see [ErrOutcomeUnknown].
	Unknown []T
	// Err is the reason, for the last of these rows.
	Err error
}

func (e *UnwrittenError[T]) Error() string {
	message := fmt.Sprintf("batchinsert: %d rows were not written", len(e.Rows))
	if len(e.Unknown) > 0 {
		message += fmt.Sprintf(", and of %d it is not known", len(e.Unknown))
	}
	return message + ": " + e.Err.Error()
}

func (e *UnwrittenError[T]) Unwrap() error { return e.Err }

// A BufferedWriter collects rows from many goroutines and writes them in
// batches, one at a time: while one is written the next fills up, so that all
// callers share the cost of a statement and a commit.
//
// A row that the server refuses fails alone: a batch with a bad row is bisected
// until the row is found, and the others are written. No row is written twice:
// if the connection is lost before the answer to a commit arrives, the outcome
// is unknown, and the rows are not sent again but returned with
// [ErrOutcomeUnknown].
//
// It runs one goroutine, which ends with Close.
type BufferedWriter[T any] struct {
	table *Table[T]
	w     Writer
	opts  WriterOptions[T]
	size  func(*T) int

	invalid error // what is wrong with the options

	stop  context.CancelFunc
	wake  chan struct{} // holds a value when the state below requires the goroutine
	ended chan struct{} // closed when the goroutine has ended

	mu            sync.Mutex // guards the fields below
	queue         []entry[T]
	since         time.Time // when the first row of queue was accepted, or the last batch was taken
	bytes         int       // of queue
	inFlight      int       // rows being written
	inFlightBytes int       // bytes being written
	failed        []T       // not written, without an OnError
	unknown       []T       // possibly written, without an OnError
	cause         error
	waiting       int           // entries of queue with a caller in Write
	accepted      uint64        // rows so far
	settled       uint64        // rows written or failed so far, in order of acceptance
	flushTo       uint64        // the highest accepted that a Flush waits for
	changed       chan struct{} // closed and replaced when settled or the room has changed
	closed        bool
}

// An entry is an accepted row.
type entry[T any] struct {
	row   T
	bytes int
	done  chan<- error // of a caller in Write, or nil
}

// NewWriter starts a BufferedWriter, which must be closed. The table's options
// apply, except ChunkRows and Progress. If options are invalid, each method of
// the writer returns an error.
func (t *Table[T]) NewWriter(w Writer, opts *WriterOptions[T]) *BufferedWriter[T] {
	o, invalid := opts.withDefaults()
	if invalid == nil {
		invalid = t.invalid
	}
	table := t.With(Options{ChunkRows: o.Rows, Omit: t.opts.Omit, KeepIdentity: t.opts.KeepIdentity})
	ctx, stop := context.WithCancel(context.Background()) //nolint:gosec // Close calls it
	b := &BufferedWriter[T]{
		table: table, w: w, opts: o, invalid: invalid, stop: stop, size: pgcopy.SizeOf[T](t.fields),
		wake: make(chan struct{}, 1), ended: make(chan struct{}), changed: make(chan struct{}),
	}
	go b.run(ctx)
	return b
}

// Add accepts a row, to be written soon. It waits while there is no room, and
// returns an error only if the row was not accepted: ctx's, ErrClosed, or an
// *[UnwrittenError] without rows if the room is taken up by rows that failed and
// wait for Flush.
func (b *BufferedWriter[T]) Add(ctx context.Context, row T) error {
	return b.add(ctx, entry[T]{row: row})
}

// TryAdd is Add for callers that cannot wait: it returns ErrFull instead.
func (b *BufferedWriter[T]) TryAdd(row T) error {
	_, err := b.accept(entry[T]{row: row})
	return err
}

// Write accepts a row and returns nil once its batch is committed, or the reason
// why the row was not written. If the outcome is unknown, or ctx ends first, the
// error wraps [ErrOutcomeUnknown]. As with Insert and Upsert, the error is nil
// for a row that a trigger suppresses or a rule writes elsewhere.
func (b *BufferedWriter[T]) Write(ctx context.Context, row T) error {
	done := make(chan error, 1)
	if err := b.add(ctx, entry[T]{row: row, done: done}); err != nil {
		return err
	}
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return target.OutcomeUnknown(context.Cause(ctx))
	}
}

// add accepts e, and waits for room.
func (b *BufferedWriter[T]) add(ctx context.Context, e entry[T]) error {
	for {
		changed, err := b.accept(e)
		if !errors.Is(err, ErrFull) {
			return err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// accept adds e to the queue, or returns ErrFull and a channel that is closed
// when there may be room.
func (b *BufferedWriter[T]) accept(e entry[T]) (changed <-chan struct{}, err error) {
	e.bytes = b.size(&e.row)
	b.mu.Lock()
	defer b.mu.Unlock()
	switch waiting, failed := len(b.queue)+b.inFlight, len(b.failed)+len(b.unknown); {
	case b.invalid != nil:
		return nil, b.invalid
	case b.closed:
		return nil, ErrClosed
	case failed >= b.opts.MaxRows:
		return nil, &UnwrittenError[T]{Err: b.cause}
	case waiting+failed >= b.opts.MaxRows, waiting > 0 && b.bytes+b.inFlightBytes+e.bytes > b.opts.MaxBytes:
		return b.changed, ErrFull
	}
	if len(b.queue) == 0 {
		b.since = time.Now()
	}
	b.queue = append(b.queue, e)
	b.bytes += e.bytes
	b.accepted++
	if e.done != nil {
		b.waiting++
	}
	if len(b.queue) == 1 || e.done != nil || len(b.queue) >= b.opts.Rows || b.bytes >= b.opts.Bytes {
		b.signal()
	}
	return nil, nil
}

// signal wakes the goroutine.
func (b *BufferedWriter[T]) signal() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// Flush waits until every row accepted before has been written or has failed. It
// returns failed rows that were not reported to OnError or a caller of Write in
// an *[UnwrittenError].
func (b *BufferedWriter[T]) Flush(ctx context.Context) error {
	b.mu.Lock()
	target := b.accepted
	b.flushTo = max(b.flushTo, target)
	b.mu.Unlock()
	b.signal()
	for {
		b.mu.Lock()
		settled, changed := b.settled, b.changed
		b.mu.Unlock()
		if settled >= target {
			return b.takeFailed()
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("batchinsert: flush: %w", context.Cause(ctx))
		}
	}
}

// takeFailed returns the failed rows and removes them.
func (b *BufferedWriter[T]) takeFailed() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.failed) == 0 && len(b.unknown) == 0 {
		return b.invalid
	}
	err := &UnwrittenError[T]{Rows: b.failed, Unknown: b.unknown, Err: b.cause}
	b.failed, b.unknown, b.cause = nil, nil, nil
	b.announce()
	return err
}

// announce wakes the callers that wait for room or for rows to be settled.
// Called with mu held.
func (b *BufferedWriter[T]) announce() {
	close(b.changed)
	b.changed = make(chan struct{})
}

// Close writes the accepted rows and ends the writer. If ctx ends first, it
// stops writing. It returns rows that were not written and not reported before
// in an *[UnwrittenError]. It may be called again.
func (b *BufferedWriter[T]) Close(ctx context.Context) error {
	b.mu.Lock()
	b.closed = true
	b.announce()
	b.mu.Unlock()
	b.signal()
	select {
	case <-b.ended:
	case <-ctx.Done():
		b.stop()
		<-b.ended
	}
	b.stop()
	return b.takeFailed()
}
