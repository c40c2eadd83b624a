package batchinsert

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/headrace/headrace/internal/connecterror"
	"github.com/headrace/headrace/internal/retry"
	"github.com/headrace/headrace/internal/target"
)

// run writes batches until the writer is closed and empty. When ctx ends, the
// remaining rows fail with ctx's error.
func (b *BufferedWriter[T]) run(ctx context.Context) {
	defer close(b.ended)
	timer := time.NewTimer(b.opts.Every)
	defer timer.Stop()
	for {
		batch, wait, more := b.take()
		switch {
		case batch != nil:
			b.write(ctx, batch)
			continue
		case !more:
			return
		}
		timer.Reset(wait)
		select {
		case <-b.wake:
		case <-timer.C:
		}
	}
}

// take returns the next batch if it is due, or else how long to wait. more is
// false if there will be no further batch.
func (b *BufferedWriter[T]) take() (batch []entry[T], wait time.Duration, more bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.queue) == 0 {
		return nil, time.Hour, !b.closed
	}
	wait = b.opts.Every - time.Since(b.since)
	due := wait <= 0 || b.closed || b.waiting > 0 || b.settled < b.flushTo ||
		len(b.queue) >= b.opts.Rows || b.bytes >= b.opts.Bytes
	if !due {
		return nil, wait, true
	}
	n, bytes := 0, 0
	for n < len(b.queue) && n < b.opts.Rows && (n == 0 || bytes+b.queue[n].bytes <= b.opts.Bytes) {
		bytes += b.queue[n].bytes
		if b.queue[n].done != nil {
			b.waiting--
		}
		n++
	}
	batch = b.queue[:n:n]
	b.queue = append([]entry[T](nil), b.queue[n:]...)
	b.since = time.Now()
	b.bytes -= bytes
	b.inFlight, b.inFlightBytes = n, bytes
	return batch, 0, true
}

// write writes a batch and wakes the callers that wait for it.
func (b *BufferedWriter[T]) write(ctx context.Context, batch []entry[T]) {
	b.writeRows(ctx, batch)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.settled += uint64(len(batch))
	b.inFlight, b.inFlightBytes = 0, 0
	b.announce()
}

// writeRows writes the entries that the server accepts and reports all outcomes.
func (b *BufferedWriter[T]) writeRows(ctx context.Context, entries []entry[T]) {
	if len(entries) == 0 {
		return
	}
	rows := make([]T, len(entries))
	for i := range entries {
		rows[i] = entries[i].row
	}
	err := b.writeWithRetry(ctx, rows)
	bad := badRow(err)
	switch {
	case bad >= 1 && bad <= int64(len(entries)):
		i := int(bad - 1)
		b.report(entries[i:i+1], err)
		b.writeRows(ctx, append(entries[:i:i], entries[i+1:]...))
	case err != nil && len(entries) > 1 && target.RowsFault(serverCode(err)):
		half := len(entries) / 2
		b.writeRows(ctx, entries[:half])
		b.writeRows(ctx, entries[half:])
	default:
		b.report(entries, err)
	}
}

// badRow returns the place of the row that caused err, or 0. Of two rows with
// the same keys it is the second.
func badRow(err error) int64 {
	var row *RowError
	var twice *DuplicateError
	switch {
	case errors.As(err, &row):
		return row.Row
	case errors.As(err, &twice):
		return twice.Second
	}
	return 0
}

// report reports the outcome of entries to their callers of Write, to OnError,
// or to the next Flush.
func (b *BufferedWriter[T]) report(entries []entry[T], err error) {
	unknown := errors.Is(err, ErrOutcomeUnknown)
	var unclaimed []T
	for _, e := range entries {
		if e.done != nil {
			e.done <- err // has room for it
		} else if err != nil {
			unclaimed = append(unclaimed, e.row)
		}
	}
	switch {
	case len(unclaimed) == 0:
	case b.opts.OnError != nil:
		b.opts.OnError(unclaimed, err)
	default:
		b.mu.Lock()
		if b.cause = err; unknown {
			b.unknown = append(b.unknown, unclaimed...)
		} else {
			b.failed = append(b.failed, unclaimed...)
		}
		b.mu.Unlock()
	}
}

var writeAgain = retry.Policy{Attempts: 8, First: 40 * time.Millisecond, Longest: 2 * time.Second}

// writeWithRetry writes rows in one transaction, and again if it is certain that
// nothing was written and another attempt may succeed.
func (b *BufferedWriter[T]) writeWithRetry(ctx context.Context, rows []T) error {
	if err := context.Cause(ctx); err != nil {
		return err
	}
	_, err := writeAgain.Do(ctx, retryable, func() error { return b.writeOnce(ctx, rows) })
	return err
}

func (b *BufferedWriter[T]) writeOnce(ctx context.Context, rows []T) error {
	if b.opts.OnConflict != nil {
		_, err := b.table.Upsert(ctx, b.w, Rows(rows), *b.opts.OnConflict)
		return err
	}
	_, err := b.table.Insert(ctx, b.w, Rows(rows))
	return err
}

// retryable reports whether err is caused by the server's state, before anything
// was written.
func retryable(err error) bool {
	var pgErr *pgconn.PgError
	if !errors.As(err, &pgErr) {
		var connect *pgconn.ConnectError
		return connecterror.NeverSent(err) || errors.As(err, &connect)
	}
	switch pgErr.Code {
	case "53300", "57P03", "55P03": // too many connections; starting up; a lock is not available
		return true
	}
	return retry.SerializationFailure(err)
}

// serverCode returns the SQLSTATE of an error of the server.
func serverCode(err error) string {
	if pgErr, ok := errors.AsType[*pgconn.PgError](err); ok {
		return pgErr.Code
	}
	return ""
}
