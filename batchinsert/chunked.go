package batchinsert

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/sync/errgroup"
)

// errWriter refuses what cannot run several transactions.
var errWriter = errors.New("LoadOptions.ID, Jobs above 1 and Quarantine need transactions of their own: give a handle or a pool")

// runChunks loads each chunk in a transaction of its own.
func (l *csvLoad) runChunks(ctx context.Context, w Writer) error {
	_, isPool := w.(interface {
		Acquire(ctx context.Context) (*pgxpool.Conn, error)
	})
	if !isPool {
		return errWriter
	}
	book, err := l.openLedger(ctx, w)
	if err != nil {
		return err
	}
	if book.finished {
		l.count(0, 0, book.rows)
		return nil
	}
	// What is wrong with the table or the header is found before the first
	// chunk is recorded.
	if err := pgx.BeginFunc(ctx, w, func(tx pgx.Tx) error { _, err := l.sender(ctx, tx); return err }); err != nil {
		return err
	}
	p := l.produce(nil)
	defer p.stop()
	chunks, err := l.work(ctx, w, p, book)
	if err != nil {
		return l.fileError(err)
	}
	return book.finish(ctx, w, chunks)
}

// work loads the pieces, and returns how many there were.
func (l *csvLoad) work(ctx context.Context, w Writer, p *producer, book *ledger) (int, error) {
	group, ctx := errgroup.WithContext(ctx)
	counts := make([]int, l.opts.Jobs)
	for job := range l.opts.Jobs {
		group.Go(func() error {
			for {
				piece, more, err := p.next(ctx)
				if err != nil || !more {
					return err
				}
				if err := l.loadChunk(ctx, w, piece, book); err != nil {
					return err
				}
				counts[job]++
				p.giveBack(piece)
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

// loadChunk loads a chunk, unless the ledger says that it is loaded, or that
// somebody else is at it.
func (l *csvLoad) loadChunk(ctx context.Context, w Writer, p piece, book *ledger) error {
	if err := book.plan(ctx, w, p.chunk); err != nil {
		return err
	}
	var rows, bad, skipped int64
	err := startOver(ctx, w, true, func() error {
		return pgx.BeginFunc(ctx, w, func(tx pgx.Tx) error {
			rows, bad, skipped = 0, 0, 0
			state, loaded, err := book.take(ctx, tx, p.chunk)
			if err != nil || state != ours {
				skipped = loaded
				return err
			}
			if rows, bad, err = l.writeChunk(ctx, tx, p); err != nil {
				return err
			}
			return book.enter(ctx, tx, p.chunk, rows, bad)
		})
	})
	if err != nil {
		return err
	}
	l.count(rows, bad, skipped)
	return nil
}

// tooBad says whether so many more bad lines are more than MaxBad allows.
func (l *csvLoad) tooBad(more int64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.opts.MaxBad > 0 && l.bad+more > l.opts.MaxBad
}

func (l *csvLoad) writeChunk(ctx context.Context, tx pgx.Tx, p piece) (rows, bad int64, err error) {
	s, err := l.sender(ctx, tx)
	if err != nil {
		return 0, 0, err
	}
	if l.opts.OnBad == Quarantine {
		rows, bad, err = s.sieve(ctx, p.chunk)
	} else {
		if s.encoder != nil {
			p.encode(s.encoder)
		}
		rows, err = int64(p.records), s.copyPiece(ctx, p)
	}
	if err == nil && s.match.writesIdentity() {
		err = moveSequences(ctx, tx, l.table, s.match)
	}
	return rows, bad, err
}
