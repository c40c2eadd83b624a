package load

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/jackc/pgx/v5"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/internal/records"
	"github.com/headrace/headrace/internal/target"
)

// A sender sends records of an input in one transaction, to the table or to a
// temporary one. What it knows of the table is valid in this transaction only.
type sender struct {
	load     *Load
	tx       pgx.Tx
	match    *target.Match
	fields   []records.Column
	conflict *target.Conflict // nil without OnConflict
	relname  string           // of the table of the COPY, as its errors name it
	text     string           // COPY statements
	binary   string
	staged   int64 // records in the temporary table
	done     tally
}

// sender reads the columns in the transaction that writes: binary values in a
// column of another type would be stored as wrong values without an error.
func (l *Load) sender(ctx context.Context, tx pgx.Tx) (*sender, error) {
	if l.opts.AsyncCommit {
		if _, err := tx.Exec(ctx, "SET LOCAL synchronous_commit = off"); err != nil {
			return nil, err
		}
	}
	if err := target.Lock(ctx, tx, l.table); err != nil {
		return nil, err
	}
	schema, err := target.ReadSchema(ctx, tx, l.table)
	if err != nil {
		return nil, err
	}
	if l.opts.OnConflict == nil {
		if err := schema.CheckCopy(); err != nil {
			return nil, err
		}
	}
	m, err := l.matchFields(schema)
	if err != nil {
		return nil, l.lineError(1, "", err)
	}
	s := &sender{load: l, tx: tx, match: m, fields: recordColumns(m), relname: schema.RelName}
	if err := s.checkTarget(ctx); err != nil {
		return nil, err
	}
	return s, s.prepare(ctx)
}

// prepare creates the temporary table, if the rows go through one, and the COPY
// statements.
func (s *sender) prepare(ctx context.Context) (err error) {
	into, o := s.load.table, &s.load.opts
	switch {
	case o.DryRun:
		err = s.stageDry(ctx)
	case o.OnConflict != nil:
		err = target.CreateStage(ctx, s.tx, into, s.match, nil)
	}
	if err == nil && o.OnConflict != nil {
		err = s.prepareConflict(ctx)
	}
	if err != nil {
		return err
	}
	if o.OnConflict != nil || o.DryRun {
		into, s.relname = target.Stage, target.StageName
	}
	freeze := ""
	if o.Truncate && !o.DryRun && s.match.Schema.Kind == 'r' { // refused for partitioned tables
		freeze = ", FREEZE"
	}
	from := "COPY " + into + " (" + s.match.List("") + ") FROM STDIN "
	s.text = from + "(" + s.load.input.format.Options() + freeze + ")"
	s.binary = from + "(FORMAT binary" + freeze + ")"
	return nil
}

// prepareConflict checks OnConflict and the statement that will write the staged
// rows. A dry run does not write them.
func (s *sender) prepareConflict(ctx context.Context) error {
	c, err := target.ConflictFor(ctx, s.tx, *s.load.opts.OnConflict, s.match)
	if err != nil {
		return err
	}
	u := target.Upsert{Conflict: c, Match: s.match, Into: s.load.table, Relation: target.Staged(s.match, nil, 0)}
	if err := target.CheckStatements(ctx, s.tx, u.Statement()); err != nil {
		return c.Explain(err)
	}
	if !s.load.opts.DryRun {
		s.conflict = c
	}
	return nil
}

// encoder returns nil if a column's type has no parser.
func (s *sender) encoder() records.Encoder { return s.load.input.format.Encoder(s.fields) }

// finish writes the staged rows and moves sequences.
func (s *sender) finish(ctx context.Context) error {
	if s.conflict != nil {
		if err := s.upsertStaged(ctx); err != nil {
			return err
		}
		return target.DropStage(ctx, s.tx)
	}
	if s.match.WritesIdentity() {
		return target.MoveSequences(ctx, s.tx, s.load.table, s.match)
	}
	return nil
}

// upsertStaged moves the staged rows into the table.
func (s *sender) upsertStaged(ctx context.Context) error {
	u := target.Upsert{Conflict: s.conflict, Match: s.match, Into: s.load.table, Relation: target.Staged(s.match, nil, s.staged)}
	counts, err := u.Run(ctx, s.tx)
	if err != nil {
		return err
	}
	s.staged = 0
	s.done.counts.Add(counts)
	s.done.rows += counts.Inserted + counts.Updated
	return nil
}

// count adds records to s.done: sent of them, of which the server accepted took
// and a trigger suppressed the others. Staged records are counted by
// upsertStaged.
func (s *sender) count(sent int, took int64) {
	s.done.sent += int64(sent)
	if s.conflict == nil {
		s.done.rows += took
		s.done.suppressed += int64(sent) - took
	}
}

// A recordError is a COPY's error about a record. index is its place in the
// block, or -1 if the server does not name a record.
type recordError struct {
	index  int
	column string
	err    error
}

func (e *recordError) Error() string { return e.err.Error() }
func (e *recordError) Unwrap() error { return e.err }

// copyBlock sends a block. An error is that of a line if the server names one.
func (s *sender) copyBlock(ctx context.Context, p block) error {
	took, err := s.copy(ctx, p.Data, p.binary, p.Records, func() []records.Span { return p.Spans(s.load.input.format) })
	if err == nil {
		s.count(p.Records, took)
	}
	var bad *recordError
	if !errors.As(err, &bad) || bad.index < 0 {
		return err
	}
	span := p.Spans(s.load.input.format)[bad.index]
	err = s.load.input.explainUndecodable(bad.err, p.Data[span.Start:span.End])
	return s.load.lineError(span.Line, bad.column, err)
}

// copy sends n records by one COPY: binary, or data if that is nil. took is the
// number of rows that the server accepted. spans returns the records' places in
// data; it is called for errors only.
func (s *sender) copy(ctx context.Context, data, binary []byte, n int, spans func() []records.Span) (took int64, err error) {
	if n == 0 {
		return 0, nil // empty lines
	}
	sql, in := s.binary, io.Reader(bytes.NewReader(binary))
	if binary == nil {
		sql = s.text
		if in, err = s.load.input.format.Reader(data, s.fields); err != nil {
			return 0, ofRecord(err)
		}
	}
	tag, err := db.CopyRaw(ctx, s.tx, sql, in)
	if err == nil {
		if took = tag.RowsAffected(); took != int64(n) && !s.match.Schema.BeforeTrigger {
			return 0, cutShort(data, spans(), took)
		}
		s.staged += int64(n)
		return took, nil
	}
	line, column, ok := target.CopyPlace(err, s.relname)
	s.hideStage(err)
	if !ok {
		return 0, &recordError{index: -1, err: err}
	}
	index := int(line) - 1
	if binary == nil {
		index = s.load.input.format.RecordAt(index, data, spans())
	}
	return 0, &recordError{index: min(max(index, 0), n-1), column: column, err: err}
}

// cutShort returns the error for a server that took fewer records than were
// sent. Before version 18, a line with nothing but \. ends its input; it can be
// sent in quotes, unless \. also means NULL. data begins with the first span.
func cutShort(data []byte, spans []records.Span, took int64) error {
	err := fmt.Errorf("%d records were sent, and the server took %d rows", len(spans), took)
	for i, s := range spans {
		if string(bytes.TrimRight(data[s.Start-spans[0].Start:s.End-spans[0].Start], "\r\n")) == `\.` {
			err = fmt.Errorf(`a line with nothing but \. ends the server's reading: %w`, err)
			return ofRecord(&records.Error{Index: i, Code: "22P04", Err: err}) // bad_copy_file_format
		}
	}
	return err
}

// ofRecord returns a *records.Error as a *recordError, and other errors
// unchanged.
func ofRecord(err error) error {
	if fault, ok := errors.AsType[*records.Error](err); ok {
		return &recordError{index: fault.Index, column: fault.Column, err: fault}
	}
	return err
}
