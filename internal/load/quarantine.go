package load

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/headrace/headrace/internal/records"
	"github.com/headrace/headrace/internal/target"
)

// Numbers of records in a block, which is sent under one savepoint: it grows
// while all records are good and shrinks after a bad one, so that few records
// are sent twice where many are bad.
const (
	firstBlock    = 2500
	smallestBlock = 16
	largestBlock  = 4000

	// minBinary is the number of records before a record without a binary form
	// from which on they are sent in binary, and only that record as text.
	minBinary = 1000
)

// A quarantiner writes the good records of a chunk and puts the bad ones into
// quarantine.
type quarantiner struct {
	*sender
	chunk   *records.Chunk
	encoder records.Encoder
	rest    []records.Span
	size    int // of the next block
	asText  int // of the next block that begins with a record without a binary form
	buf     []byte
}

// copyWithQuarantine writes the good records of a chunk, puts the bad ones into
// quarantine, and adds both to s.done.
func (s *sender) copyWithQuarantine(ctx context.Context, c *records.Chunk) error {
	// A deferred constraint would fail the whole chunk at its commit.
	if _, err := s.tx.Exec(ctx, "SET CONSTRAINTS ALL IMMEDIATE"); err != nil {
		return err
	}
	q := &quarantiner{sender: s, chunk: c, encoder: s.encoder(), rest: c.Spans(s.load.input.format), size: firstBlock, asText: 1}
	for len(q.rest) > 0 {
		if err := q.sendBlock(ctx); err != nil {
			return err
		}
	}
	if limit := s.load.badLimit(s.done, true); limit != "" {
		return fmt.Errorf("more than %s bad in the input up to line %d", limit, c.FirstLine+int64(c.Lines)-1)
	}
	return nil
}

// sendBlock sends the next block. If the server names a bad record, the records
// before it are written and it is put into quarantine. If it names none (foreign
// keys are checked at the end of the statement), the next block is half as
// large.
func (q *quarantiner) sendBlock(ctx context.Context) error {
	block, binary := q.encode(q.rest[:min(q.size, len(q.rest))])
	fault, err := q.try(ctx, block, binary)
	switch {
	case err != nil:
		return err
	case fault == nil:
		q.size = min(largestBlock, 2*q.size)
		return nil
	case fault.index < 0 && len(block) == 1:
		return q.setAside(ctx, fault)
	case fault.index < 0:
		q.size = len(block) / 2
		return nil
	}
	good := block[:fault.index]
	if len(good) > 0 {
		smaller, binary := q.encode(good)
		again, err := q.try(ctx, smaller, binary)
		if err != nil {
			return err
		}
		if again != nil { // an earlier record is bad too
			q.size = max(1, len(good)/2)
			return nil //nolint:nilerr // it is found again, and then put into quarantine
		}
		if len(smaller) < len(good) {
			return nil // the bad record is found again
		}
	}
	if binary != nil {
		q.size = max(smallestBlock, min(q.size/2, 2*len(good)))
	} else {
		q.asText = 1 // records without a binary form tend to be bad
	}
	return q.setAside(ctx, fault)
}

// encode returns a block in binary. If a record has no binary form, because it
// is bad or written in a way that only the server reads, it returns the records
// before it, or, if they are few, records to send as text: one at first, more
// where such records are many.
func (q *quarantiner) encode(block []records.Span) (taken []records.Span, binary []byte) {
	if q.encoder == nil {
		return block, nil
	}
	var n int
	var whole bool
	q.buf, n, whole = q.encoder.Encode(q.buf[:0], q.data(block))
	if whole {
		return block, q.buf
	}
	if n >= minBinary {
		q.asText = 1
		return block[:n], q.buf
	}
	taken = block[:min(len(block), max(q.asText, n+1))]
	q.asText = min(largestBlock, 4*q.asText)
	return taken, nil
}

func (q *quarantiner) data(block []records.Span) []byte {
	return q.chunk.Data[block[0].Start:block[len(block)-1].End]
}

// try writes a block, or returns the record that the server refuses.
func (q *quarantiner) try(ctx context.Context, block []records.Span, binary []byte) (*recordError, error) {
	staged := q.staged
	var took int64
	err := pgx.BeginFunc(ctx, q.tx, func(pgx.Tx) (err error) {
		took, err = q.copy(ctx, q.data(block), binary, len(block), func() []records.Span { return block })
		if err == nil && q.conflict != nil {
			err = q.upsertBlock(ctx)
		}
		return err
	})
	var fault *recordError
	switch {
	case err == nil:
		q.rest = q.rest[len(block):]
		q.count(len(block), took)
		return nil, nil
	case errors.As(err, &fault) && target.RowsFault(codeOf(err)):
		q.staged = staged
		if fault.index >= 0 {
			bad := block[fault.index]
			fault.err = q.load.input.explainUndecodable(fault.err, q.chunk.Data[bad.Start:bad.End])
		}
		return fault, nil
	}
	return nil, err
}

// upsertBlock upserts a staged block. An error of the server names no record.
func (q *quarantiner) upsertBlock(ctx context.Context) error {
	if err := q.upsertStaged(ctx); err != nil {
		return &recordError{index: -1, err: err}
	}
	_, err := q.tx.Exec(ctx, "TRUNCATE "+target.Stage)
	return err
}

// setAside puts the next record into quarantine.
func (q *quarantiner) setAside(ctx context.Context, fault *recordError) error {
	record := q.rest[0]
	bad := q.load.lineError(record.Line, fault.column, fault.err)
	q.done.bad++
	if limit := q.load.badLimit(q.done, false); limit != "" {
		return fmt.Errorf("more than %s bad, the last: %w", limit, bad)
	}
	if len(q.done.badLines) < maxBadLines {
		q.done.badLines = append(q.done.badLines, bad)
	}
	q.rest = q.rest[1:]
	if q.load.opts.DryRun {
		return nil
	}
	return q.record(ctx, q.chunk, record, fault)
}

// record inserts a bad line into headrace.quarantine.
func (s *sender) record(ctx context.Context, c *records.Chunk, bad records.Span, fault *recordError) error {
	code := codeOf(fault)
	if code == "" {
		return fault
	}
	var column *string
	if fault.column != "" {
		column = &fault.column
	}
	_, err := s.tx.Exec(ctx, `INSERT INTO headrace.quarantine
    (load_id, target, source, line, byte_offset, raw, column_name, sqlstate, message)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
		s.load.opts.ID, s.load.table, s.load.opts.Name, bad.Line, c.FirstByte+int64(bad.Start),
		c.Data[bad.Start:bad.End], column, code, serverMessage(fault.err))
	if err != nil {
		return fmt.Errorf("put line %d into quarantine: %w", bad.Line, err)
	}
	return nil
}

// codeOf returns the SQLSTATE of an error of the server or of a *records.Error,
// or "".
func codeOf(err error) string {
	if pgErr, ok := errors.AsType[*pgconn.PgError](err); ok {
		return pgErr.Code
	}
	if fault, ok := errors.AsType[*records.Error](err); ok {
		return fault.Code
	}
	return ""
}
