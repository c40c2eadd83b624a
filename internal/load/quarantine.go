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
	firstSegment    = 2500
	smallestSegment = 16
	largestSegment  = 4000

	// worthwhile is the number of records from which on those before one that
	// has to be left to the server are sent in binary, and it alone as text.
	worthwhile = 1000
)

// A sieve writes the records of a chunk that the server takes and puts the
// others into quarantine.
type sieve struct {
	*sender
	chunk   *records.Chunk
	encoder records.Encoder
	rest    []records.Span
	size    int // of the next segment
	asText  int // of the next one that begins with a record for the server's reader
	buf     []byte
}

// sieve writes the records of a chunk that can be written, and adds to s.done.
func (s *sender) sieve(ctx context.Context, c *records.Chunk) error {
	// Constraints that wait for the commit would fail the chunk as a whole.
	if _, err := s.tx.Exec(ctx, "SET CONSTRAINTS ALL IMMEDIATE"); err != nil {
		return err
	}
	v := &sieve{sender: s, chunk: c, encoder: s.encoder(), rest: c.Spans(s.load.input.format), size: firstSegment, asText: 1}
	for len(v.rest) > 0 {
		if err := v.step(ctx); err != nil {
			return err
		}
	}
	if limit := s.load.tooBad(s.done, true); limit != "" {
		return fmt.Errorf("more than %s bad in the input up to line %d", limit, c.FirstLine+int64(c.Lines)-1)
	}
	return nil
}

// step sends a segment. Where the server names a record, those before it are
// written, and it is put aside. Where it names none (foreign keys speak at the
// end of the statement), the next step takes half as many.
func (v *sieve) step(ctx context.Context) error {
	segment, binary := v.encode(v.rest[:min(v.size, len(v.rest))])
	fault, err := v.try(ctx, segment, binary)
	switch {
	case err != nil:
		return err
	case fault == nil:
		v.size = min(largestSegment, 2*v.size)
		return nil
	case fault.index < 0 && len(segment) == 1:
		return v.putAside(ctx, fault)
	case fault.index < 0:
		v.size = len(segment) / 2
		return nil
	}
	good := segment[:fault.index]
	if len(good) > 0 {
		part, binary := v.encode(good)
		again, err := v.try(ctx, part, binary)
		if err != nil {
			return err
		}
		if again != nil { // another fault, which comes to light earlier now
			v.size = max(1, len(good)/2)
			return nil //nolint:nilerr // it is met again, and then quarantined
		}
		if len(part) < len(good) {
			return nil // the fault comes up again
		}
	}
	if binary != nil {
		v.size = max(smallestSegment, min(v.size/2, 2*len(good)))
	} else {
		v.asText = 1 // the odd ones are bad
	}
	return v.putAside(ctx, fault)
}

// encode makes a segment binary. Where a record in it has to be left to the
// server, because it is bad or because it is odd, the segment becomes the
// records before it, or, where those are few, some to send as text: one at
// first, more where the odd ones are many.
func (v *sieve) encode(segment []records.Span) (taken []records.Span, binary []byte) {
	if v.encoder == nil {
		return segment, nil
	}
	var n int
	var whole bool
	v.buf, n, whole = v.encoder.Encode(v.buf[:0], v.data(segment))
	if whole {
		return segment, v.buf
	}
	if n >= worthwhile {
		v.asText = 1
		return segment[:n], v.buf
	}
	taken = segment[:min(len(segment), max(v.asText, n+1))]
	v.asText = min(largestSegment, 4*v.asText)
	return taken, nil
}

func (v *sieve) data(segment []records.Span) []byte {
	return v.chunk.Data[segment[0].Start:segment[len(segment)-1].End]
}

// try writes the next records, or says which of them the server refuses.
func (v *sieve) try(ctx context.Context, segment []records.Span, binary []byte) (*recordError, error) {
	staged := v.staged
	var took int64
	err := pgx.BeginFunc(ctx, v.tx, func(pgx.Tx) (err error) {
		took, err = v.copy(ctx, v.data(segment), binary, len(segment), func() []records.Span { return segment })
		if err == nil && v.conflict != nil {
			err = v.upsertSegment(ctx)
		}
		return err
	})
	var fault *recordError
	switch {
	case err == nil:
		v.rest = v.rest[len(segment):]
		v.wrote(len(segment), took)
		return nil, nil
	case errors.As(err, &fault) && target.RowsFault(codeOf(err)):
		v.staged = staged
		if fault.index >= 0 {
			bad := segment[fault.index]
			fault.err = v.load.input.undecoded(fault.err, v.chunk.Data[bad.Start:bad.End])
		}
		return fault, nil
	}
	return nil, err
}

// upsertSegment writes a segment on its own: what the server says against it is
// about no row in particular.
func (v *sieve) upsertSegment(ctx context.Context) error {
	if err := v.upsertStaged(ctx); err != nil {
		return &recordError{index: -1, err: err}
	}
	_, err := v.tx.Exec(ctx, "TRUNCATE "+target.Stage)
	return err
}

// putAside puts the next record into quarantine.
func (v *sieve) putAside(ctx context.Context, fault *recordError) error {
	record := v.rest[0]
	bad := v.load.lineError(record.Line, fault.column, fault.err)
	v.done.bad++
	if limit := v.load.tooBad(v.done, false); limit != "" {
		return fmt.Errorf("more than %s bad, the last: %w", limit, bad)
	}
	if len(v.done.badLines) < maxBadLines {
		v.done.badLines = append(v.done.badLines, bad)
	}
	v.rest = v.rest[1:]
	if v.load.opts.DryRun {
		return nil
	}
	return v.quarantine(ctx, v.chunk, record, fault)
}

// quarantine records a bad line.
func (s *sender) quarantine(ctx context.Context, c *records.Chunk, bad records.Span, fault *recordError) error {
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
