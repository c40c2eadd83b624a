package load

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"

	"github.com/headrace/headrace/internal/records"
	"github.com/headrace/headrace/internal/target"
)

// A mark identifies a chunk of the input, as it is now or as it is recorded.
type mark struct {
	first, end int64
	checksum   [sha256.Size]byte
	loaded     bool
}

// survey reads the input before any of it is loaded, if Verify is set or the
// load is resumed, to compare it with the recorded chunks. Then it opens the
// input again.
func (l *Load) survey(ctx context.Context, w target.Beginner, book *ledger) error {
	resumed := book.id != "" && (book.recorded > 0 || book.changed)
	switch {
	case l.opts.Verify && l.input.reopen == nil:
		return errors.New("LoadOptions.Verify needs an input that can be read twice: a file")
	case !l.opts.Verify && !resumed:
		return nil
	case l.input.reopen == nil: // a stream: chunks are compared as they are read
		if book.changed {
			return l.adopt(ctx, w, book, nil)
		}
		return nil
	}
	now, err := l.readRecorded(ctx, book)
	if err != nil {
		return err
	}
	if resumed {
		same, err := book.compare(ctx, w, now)
		if err == nil && (book.changed || !same) {
			err = l.adopt(ctx, w, book, now)
		}
		if err != nil {
			return err
		}
	}
	again, err := l.input.reopen()
	if err != nil {
		return l.fileError(&fileError{line: 1, err: err})
	}
	again.meter = l.input.meter
	l.input.close()
	l.input = again
	return nil
}

// readRecorded reads the input, all of it for Verify, else up to the last
// recorded chunk, and returns the marks of the recorded chunks.
func (l *Load) readRecorded(ctx context.Context, book *ledger) (map[int]mark, error) {
	c := records.NewCutter(l.input.file, l.input.format, l.opts.ChunkBytes, 0)
	marks := map[int]mark{}
	var buf []byte
	for l.opts.Verify || len(marks) < book.recorded {
		if err := context.Cause(ctx); err != nil {
			return nil, err
		}
		chunk, err := l.cut(c, buf)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, l.fileError(placeOf(err, c))
		}
		if chunk.Index < book.recorded {
			marks[chunk.Index] = mark{first: chunk.FirstByte, end: chunk.FirstByte + int64(len(chunk.Data)), checksum: sha256.Sum256(chunk.Data)}
		}
		if l.opts.Verify {
			if err := l.verify(chunk); err != nil {
				return nil, err
			}
		}
		buf = chunk.Data
	}
	return marks, nil
}

// verify returns an error for a chunk that no server accepts. With Quarantine,
// single lines are left to the load.
func (l *Load) verify(c *records.Chunk) error {
	if l.opts.OnBad == quarantine || utf8.Valid(c.Data) && !c.Unclosed {
		return nil
	}
	for _, s := range c.Spans(l.input.format) {
		if !utf8.Valid(c.Data[s.Start:s.End]) {
			err := errors.New("not valid UTF-8; LoadOptions.Encoding names another encoding")
			if l.input.encoding != "" {
				err = fmt.Errorf("bytes without a character in %s; LoadOptions.Encoding names another encoding", l.input.encoding)
			}
			return l.lineError(s.Line, "", err)
		}
		if c.Unclosed && s.End == len(c.Data) {
			return l.lineError(s.Line, "", errors.New("a quote is not closed"))
		}
	}
	return nil
}

// marks returns the marks of the recorded chunks.
func (b *ledger) marks(ctx context.Context, tx pgx.Tx) (map[int]mark, error) {
	rows, err := tx.Query(ctx, `SELECT chunk, first_byte, end_byte, checksum, loaded_at IS NOT NULL FROM headrace.load_chunks WHERE load_id = $1`, b.id)
	if err != nil {
		return nil, err
	}
	out := map[int]mark{}
	var index int
	var m mark
	var checksum []byte
	_, err = pgx.ForEachRow(rows, []any{&index, &m.first, &m.end, &checksum, &m.loaded}, func() error {
		copy(m.checksum[:], checksum)
		out[index] = m
		return nil
	})
	return out, err
}

// same reports whether two marks identify the same bytes.
func (m mark) same(as mark) bool {
	return m.first == as.first && m.end == as.end && bytes.Equal(m.checksum[:], as.checksum[:])
}

// compare reports whether the recorded chunks are the same in the input.
func (b *ledger) compare(ctx context.Context, w target.Beginner, now map[int]mark) (same bool, err error) {
	var recorded map[int]mark
	err = pgx.BeginFunc(ctx, w, func(tx pgx.Tx) (err error) {
		recorded, err = b.marks(ctx, tx)
		return err
	})
	for index, was := range recorded {
		if is, there := now[index]; index < b.recorded && (!there || !was.same(is)) { // later chunks were recorded since
			return false, err
		}
	}
	return true, err
}

// adopt continues the load with an input that differs from the one it began
// with, if the loaded chunks are the same in it.
func (l *Load) adopt(ctx context.Context, w target.Beginner, book *ledger, now map[int]mark) error {
	err := pgx.BeginFunc(ctx, w, func(tx pgx.Tx) error {
		var was []byte
		err := tx.QueryRow(ctx, `SELECT fingerprint FROM headrace.loads WHERE load_id = $1 FOR UPDATE`, book.id).Scan(&was)
		if err != nil {
			return err
		}
		// Waits for processes that are loading one.
		if _, err := tx.Exec(ctx, `DELETE FROM headrace.load_chunks WHERE load_id = $1 AND loaded_at IS NULL`, book.id); err != nil {
			return err
		}
		loaded, err := book.marks(ctx, tx)
		if err != nil {
			return err
		}
		switch {
		case len(loaded) > 0 && !sameReading(was, book.fingerprint):
			return otherLoad("load %q, of which %d chunks are in the table, began with other columns or other options: it cannot go on with these", book.id, len(loaded))
		case len(loaded) > 0 && now == nil:
			return otherLoad("load %q, of which %d chunks are in the table, began with another file, or with this one before it was changed: whether those chunks are the same can be found out for a file, not for a stream", book.id, len(loaded))
		}
		for index, was := range loaded {
			if is, there := now[index]; !there || !was.same(is) {
				return otherLoad("load %q: bytes %d to %d behind the header are in the table, and the file has others there: only what is not in the table yet may be repaired, and what comes before the loaded parts not change its length; batchinsert.Forget makes the ID free", book.id, was.first, was.end)
			}
		}
		_, err = tx.Exec(ctx, `UPDATE headrace.loads SET source = $2, fingerprint = $3, size = $4, chunks = NULL WHERE load_id = $1`,
			book.id, l.opts.Name, book.fingerprint, l.size())
		return err
	})
	if err == nil {
		book.changed = false
	}
	return err
}
