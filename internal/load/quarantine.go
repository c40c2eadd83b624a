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

// A sieve sends this many records under one savepoint: more while nothing is
// wrong, fewer after a bad one, so that few are sent for nothing where bad ones
// are many.
const (
	firstBlock    = 2500
	smallestBlock = 16
	largestBlock  = 4000

	// minBinary is the number of records from which on those before one that
	// has to be left to the server are sent in binary, and it alone as text.
	minBinary = 1000
)

// A quarantiner writes the records of a chunk that the server takes and puts the
// others into quarantine.
type quarantiner struct {
	*sender
	chunk   *records.Chunk
	encoder records.Encoder
	rest    []records.Span
	size    int // of the next block
	asText  int // of the next one that begins with a record for the server's reader
	buf     []byte
}

// copyWithQuarantine writes the records of a chunk that can be written, and adds to s.done.
func (s *sender) copyWithQuarantine(ctx context.Context, c *records.Chunk) error {
	// Constraints that wait for the commit would fail the chunk as a whole.
	if _, err := s.tx.Exec(ctx, "SET CONSTRAINTS ALL IMMEDIATE"); err != nil {
		return err
	}
	v := &quarantiner{sender: s, chunk: c, encoder: s.encoder(), rest: c.Spans(s.load.input.format), size: firstBlock, asText: 1}
	for len(v.rest) > 0 {
		if err := v.sendBlock(ctx); err != nil {
			return err
		}
	}
	if limit := s.load.badLimit(s.done, true); limit != "" {
		return fmt.Errorf("more than %s bad in the input up to line %d", limit, c.FirstLine+int64(c.Lines)-1)
	}
	return nil
}

// sendBlock sends a block. Where the server names a record, those before it are
// written, and it is put aside. Where it names none (foreign keys speak at the
// end of the statement), the next step takes half as many.
func (v *quarantiner) sendBlock(ctx context.Context) error {
	block, binary := v.encode(v.rest[:min(v.size, len(v.rest))])
	fault, err := v.try(ctx, block, binary)
	switch {
	case err != nil:
		return err
	case fault == nil:
		v.size = min(largestBlock, 2*v.size)
		return nil
	case fault.index < 0 && len(block) == 1:
		return v.setAside(ctx, fault)
	case fault.index < 0:
		v.size = len(block) / 2
		return nil
	}
	good := block[:fault.index]
	if len(good) > 0 {
		smaller, binary := v.encode(good)
		again, err := v.try(ctx, smaller, binary)
		if err != nil {
			return err
		}
		if again != nil { // another fault, which comes to light earlier now
			v.size = max(1, len(good)/2)
			return nil //nolint:nilerr // it is met again, and then quarantined
		}
		if len(smaller) < len(good) {
			return nil // the fault comes up again
		}
	}
	if binary != nil {
		v.size = max(smallestBlock, min(v.size/2, 2*len(good)))
	} else {
		v.asText = 1 // the odd ones are bad
	}
	return v.setAside(ctx, fault)
}

// encode makes a block binary. Where a record in it has to be left to the
// server, because it is bad or because it is odd, the block becomes the
// records before it, or, where those are few, some to send as text: one at
// first, more where the odd ones are many.
func (v *quarantiner) encode(block []records.Span) (taken []records.Span, binary []byte) {
	if v.encoder == nil {
		return block, nil
	}
	var n int
	var whole bool
	v.buf, n, whole = v.encoder.Encode(v.buf[:0], v.data(block))
	if whole {
		return block, v.buf
	}
	if n >= minBinary {
		v.asText = 1
		return block[:n], v.buf
	}
	taken = block[:min(len(block), max(v.asText, n+1))]
	v.asText = min(largestBlock, 4*v.asText)
	return taken, nil
}

func (v *quarantiner) data(block []records.Span) []byte {
	return v.chunk.Data[block[0].Start:block[len(block)-1].End]
}

// try writes the next records, or says which of them the server refuses.
func (v *quarantiner) try(ctx context.Context, block []records.Span, binary []byte) (*recordError, error) {
	staged := v.staged
	var took int64
	err := pgx.BeginFunc(ctx, v.tx, func(pgx.Tx) (err error) {
		took, err = v.copy(ctx, v.data(block), binary, len(block), func() []records.Span { return block })
		if err == nil && v.conflict != nil {
			err = v.upsertBlock(ctx)
		}
		return err
	})
	var fault *recordError
	switch {
	case err == nil:
		v.rest = v.rest[len(block):]
		v.count(len(block), took)
		return nil, nil
	case errors.As(err, &fault) && target.RowsFault(codeOf(err)):
		v.staged = staged
		if fault.index >= 0 {
			bad := block[fault.index]
			fault.err = v.load.input.explainUndecodable(fault.err, v.chunk.Data[bad.Start:bad.End])
		}
		return fault, nil
	}
	return nil, err
}

// upsertBlock writes a block on its own: what the server says against it is
// about no row in particular.
func (v *quarantiner) upsertBlock(ctx context.Context) error {
	if err := v.upsertStaged(ctx); err != nil {
		return &recordError{index: -1, err: err}
	}
	_, err := v.tx.Exec(ctx, "TRUNCATE "+target.Stage)
	return err
}

// setAside puts the next record into quarantine.
func (v *quarantiner) setAside(ctx context.Context, fault *recordError) error {
	record := v.rest[0]
	bad := v.load.lineError(record.Line, fault.column, fault.err)
	v.done.bad++
	if limit := v.load.badLimit(v.done, false); limit != "" {
		return fmt.Errorf("more than %s bad, the last: %w", limit, bad)
	}
	if len(v.done.badLines) < maxBadLines {
		v.done.badLines = append(v.done.badLines, bad)
	}
	v.rest = v.rest[1:]
	if v.load.opts.DryRun {
		return nil
	}
	return v.record(ctx, v.chunk, record, fault)
}

// record records a bad line.
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

// codeOf returns the SQLSTATE of an error of the server, or of one that stands
// for it.
func codeOf(err error) string {
	if pgErr, ok := errors.AsType[*pgconn.PgError](err); ok {
		return pgErr.Code
	}
	if fault, ok := errors.AsType[*records.Error](err); ok {
		return fault.Code
	}
	return ""
}
