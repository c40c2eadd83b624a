package load

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/sync/errgroup"

	"github.com/headrace/headrace/internal/records"
	"github.com/headrace/headrace/internal/target"
)

// errWriter is the error for a Writer that cannot run several transactions.
var errWriter = errors.New("LoadOptions.ID, Jobs above 1 and Quarantine need transactions of their own: give a handle or a pool")

// runChunks loads each chunk in a transaction of its own.
func (l *Load) runChunks(ctx context.Context, w target.Beginner) error {
	_, isPool := w.(interface {
		Acquire(ctx context.Context) (*pgxpool.Conn, error)
	})
	if !isPool {
		return errWriter
	}
	if err := l.describeFirst(ctx, w); err != nil {
		return err
	}
	book, err := l.openLedger(ctx, w)
	if err != nil {
		return err
	}
	if book.finished {
		l.add(tally{skipped: book.rows})
		return l.restoreOwn(ctx, w)
	}
	// Errors of the table and the header come before the first chunk is
	// recorded.
	if err := pgx.BeginFunc(ctx, w, func(tx pgx.Tx) error { _, err := l.sender(ctx, tx); return err }); err != nil {
		return err
	}
	if err := l.survey(ctx, w, book); err != nil {
		return err
	}
	return l.withoutIndexes(ctx, w, func() error {
		r := l.startReader(nil)
		defer r.stop()
		chunks, err := l.work(ctx, w, r, book)
		switch {
		case err == nil:
			return book.finish(ctx, w, chunks)
		case len(l.total.Unknown) > 0: // of a job whose error is not the first
			return target.OutcomeUnknown(l.fileError(err))
		}
		return l.fileError(err)
	})
}

// work loads the chunks of r over several connections, and returns their number.
func (l *Load) work(ctx context.Context, w target.Beginner, r *reader, book *ledger) (int, error) {
	group, ctx := errgroup.WithContext(ctx)
	counts := make([]int, l.opts.Jobs)
	for job := range l.opts.Jobs {
		group.Go(func() error {
			mem := new(scratch)
			for {
				b, more, err := r.next(ctx)
				if err != nil || !more {
					return err
				}
				if err := l.loadChunk(ctx, w, b.Chunk, book, mem); err != nil {
					return err
				}
				counts[job]++
				r.recycle(b)
			}
		})
	}
	err := group.Wait()
	chunks := 0
	for _, n := range counts {
		chunks += n
	}
	return chunks, err
}

// loadChunk loads a chunk, unless it is loaded already or another process is
// loading it.
func (l *Load) loadChunk(ctx context.Context, w target.Beginner, c *records.Chunk, book *ledger, mem *scratch) error {
	if err := book.announce(ctx, w, c); err != nil {
		return err
	}
	var done tally
	err := target.Retry(ctx, w, true, func() error {
		return target.WriteTx(ctx, w, func(tx pgx.Tx) error {
			state, loaded, err := book.lock(ctx, tx, c)
			if done = (tally{skipped: loaded}); err != nil || state != ours {
				return err
			}
			if done, err = l.writeChunk(ctx, tx, c, mem); err != nil {
				return err
			}
			return book.markLoaded(ctx, tx, c, done.rows, done.bad)
		})
	})
	written := done.sent > 0 || done.bad > 0
	if err != nil {
		if written && errors.Is(err, target.ErrOutcomeUnknown) {
			l.report(&l.total.Unknown, chunkOf(c, done.rows, done.bad))
		}
		return err
	}
	l.add(done)
	if written {
		l.report(&l.total.Chunks, chunkOf(c, done.rows, done.bad))
	}
	return nil
}

// report adds a chunk to a list of the Report.
func (l *Load) report(list *[]Chunk, c Chunk) {
	l.mu.Lock()
	defer l.mu.Unlock()
	*list = append(*list, c)
}

func chunkOf(c *records.Chunk, rows, bad int64) Chunk {
	return Chunk{
		Index: c.Index, FirstByte: c.FirstByte, EndByte: c.FirstByte + int64(len(c.Data)), FirstLine: c.FirstLine,
		Rows: rows, Bad: bad,
	}
}

// badLimit returns the bound on bad lines that the load exceeds together with
// more, in words, or "". atEnd reports whether more is a whole chunk.
func (l *Load) badLimit(more tally, atEnd bool) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	bad := l.total.Bad + more.bad
	all := bad + l.sent + more.sent
	switch o := &l.opts; {
	case o.MaxBad > 0 && bad > o.MaxBad:
		return fmt.Sprintf("%d lines are", o.MaxBad)
	case o.MaxBadShare > 0 && (atEnd || all >= 1000) && float64(bad) > o.MaxBadShare*float64(all):
		return fmt.Sprintf("%g %% of the lines are", 100*o.MaxBadShare)
	}
	return ""
}

func (l *Load) writeChunk(ctx context.Context, tx pgx.Tx, c *records.Chunk, mem *scratch) (tally, error) {
	s, err := l.sender(ctx, tx)
	if err != nil {
		return tally{}, err
	}
	if l.opts.OnBad == quarantine {
		err = s.copyWithQuarantine(ctx, c)
	} else {
		err = s.copyChunk(ctx, c, mem)
	}
	if err == nil {
		err = s.finish(ctx)
	}
	return s.done, err
}

// scratch is memory that a job reuses for each chunk.
type scratch struct{ text, binary []byte }

// blocksPerChunk is the number of blocks in which a chunk is sent: an encoded
// block takes memory in addition to the chunk.
const blocksPerChunk = 4

// copyChunk sends a chunk block by block.
func (s *sender) copyChunk(ctx context.Context, c *records.Chunk, mem *scratch) error {
	encoder := s.encoder()
	cutter := records.NewCutter(bytes.NewReader(c.Data), s.load.input.format, len(c.Data)/blocksPerChunk, 0)
	cutter.Skip(*c)
	for {
		cut, err := cutter.Cut(mem.text)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		b := block{Chunk: cut, spare: mem.binary}
		if encoder != nil {
			b.encode(encoder)
		}
		if err := s.copyBlock(ctx, b); err != nil {
			return err
		}
		mem.text, mem.binary = cut.Data, b.spare
	}
}
