package load

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/jackc/pgx/v5"

	"github.com/headrace/headrace/internal/records"
	"github.com/headrace/headrace/internal/target"
)

// NewPlanned returns a load whose chunks are planned, and run one by one.
func NewPlanned(table string, in Input, opts Options) (*Load, error) {
	l, err := New(table, in, opts)
	switch {
	case err != nil:
		return l, err
	case l.opts.ID == "" || l.opts.unnamed:
		return l, errors.New("LoadOptions.ID is empty: chunks are recorded under it")
	case l.opts.DropIndexes, l.opts.DryRun, l.opts.Verify:
		return l, errors.New("LoadOptions: DropIndexes, DryRun and Verify are for Load")
	}
	return l, nil
}

// Plan records the chunks, unless they are recorded already, and returns them.
func (l *Load) Plan(ctx context.Context, w target.Beginner) (chunks []Chunk, err error) {
	defer l.input.close()
	if err := l.describeFirst(ctx, w); err != nil {
		return nil, err
	}
	book, err := l.openLedger(ctx, w)
	if err != nil {
		return nil, err
	}
	if book.changed {
		if err := l.adopt(ctx, w, book, nil); err != nil {
			return nil, err
		}
	}
	err = pgx.BeginFunc(ctx, w, func(tx pgx.Tx) error {
		if _, err := l.sender(ctx, tx); err != nil {
			return err
		}
		planned, err := book.lockPlan(ctx, tx)
		if err == nil && !planned {
			err = l.record(ctx, tx, book)
		}
		if err != nil {
			return err
		}
		chunks, err = book.chunks(ctx, tx)
		return err
	})
	return chunks, err
}

// record cuts the input and records its chunks.
func (l *Load) record(ctx context.Context, tx pgx.Tx, book *ledger) error {
	c := records.NewCutter(l.input.file, l.input.format, l.opts.ChunkBytes, 0)
	n := 0
	var buf []byte
	for ; ; n++ {
		chunk, err := l.cut(c, buf)
		if errors.Is(err, io.EOF) {
			return book.recordCount(ctx, tx, n)
		}
		if err != nil {
			return l.fileError(placeOf(err, c))
		}
		if err := book.record(ctx, tx, chunk); err != nil {
			return err
		}
		buf = chunk.Data
	}
}

// RunChunk loads the chunk of the given index, in a transaction of its own.
func (l *Load) RunChunk(ctx context.Context, w target.Beginner, index int) error {
	defer l.input.close()
	if err := l.describeFirst(ctx, w); err != nil {
		return err
	}
	book, err := l.openLedger(ctx, w)
	if err != nil {
		return err
	}
	if book.changed {
		return fmt.Errorf("load %q was planned with another file, or with this one before it was changed: call Plan", book.id)
	}
	from, err := book.find(ctx, w, index)
	if err != nil {
		return err
	}
	if err := l.input.seek(from.FirstByte); err != nil {
		return fmt.Errorf("go to byte %d of the input: %w", from.FirstByte, err)
	}
	c := records.NewCutter(l.input.file, l.input.format, l.opts.ChunkBytes, 0)
	c.Skip(records.Chunk{Index: index, FirstByte: from.FirstByte, FirstLine: from.FirstLine})
	chunk, err := l.cut(c, nil)
	switch {
	case errors.Is(err, io.EOF):
		return book.differs(from.FirstByte, from.EndByte)
	case err != nil:
		return l.fileError(placeOf(err, c))
	}
	book.wait = true
	if err := l.loadChunk(ctx, w, chunk, book, new(scratch)); err != nil {
		return err
	}
	return book.finishPlanned(ctx, w)
}

// lockPlan locks the load until the transaction ends, and reports whether all of
// its chunks are recorded.
func (b *ledger) lockPlan(ctx context.Context, tx pgx.Tx) (planned bool, err error) {
	err = tx.QueryRow(ctx, `SELECT chunks IS NOT NULL FROM headrace.loads WHERE load_id = $1 FOR UPDATE`, b.id).Scan(&planned)
	return planned, err
}

// recordCount records the number of chunks.
func (b *ledger) recordCount(ctx context.Context, tx pgx.Tx, n int) error {
	_, err := tx.Exec(ctx, `UPDATE headrace.loads SET chunks = $2 WHERE load_id = $1`, b.id, n)
	return err
}

const chunkColumns = "chunk, first_byte, end_byte, first_line, coalesce(rows, 0), coalesce(bad, 0)"

func scanChunk(row pgx.CollectableRow) (c Chunk, err error) {
	return c, row.Scan(&c.Index, &c.FirstByte, &c.EndByte, &c.FirstLine, &c.Rows, &c.Bad)
}

func (b *ledger) chunks(ctx context.Context, tx pgx.Tx) ([]Chunk, error) {
	rows, err := tx.Query(ctx, "SELECT "+chunkColumns+" FROM headrace.load_chunks WHERE load_id = $1 ORDER BY chunk", b.id)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, scanChunk)
}

// find returns a recorded chunk.
func (b *ledger) find(ctx context.Context, w target.Beginner, index int) (c Chunk, err error) {
	err = pgx.BeginFunc(ctx, w, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, "SELECT "+chunkColumns+" FROM headrace.load_chunks WHERE load_id = $1 AND chunk = $2", b.id, index)
		if err != nil {
			return err
		}
		c, err = pgx.CollectExactlyOneRow(rows, scanChunk)
		if errors.Is(err, pgx.ErrNoRows) {
			return fmt.Errorf("load %q has no such chunk: call Plan first", b.id)
		}
		return err
	})
	return c, err
}

// finishPlanned records the end of the load if all of its chunks are loaded. Of
// two concurrent calls for the last two chunks, the later one sees both.
func (b *ledger) finishPlanned(ctx context.Context, w target.Beginner) error {
	return pgx.BeginFunc(ctx, w, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `UPDATE headrace.loads SET finished_at = now() WHERE load_id = $1 AND finished_at IS NULL
  AND chunks = (SELECT count(*) FROM headrace.load_chunks c WHERE c.load_id = $1 AND c.loaded_at IS NOT NULL)`, b.id)
		return err
	})
}
