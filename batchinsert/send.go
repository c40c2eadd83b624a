package batchinsert

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sort"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/headrace/headrace/db"
)

// A sender sends records of a file in one transaction, by what the table is
// then.
type sender struct {
	load    *csvLoad
	tx      pgx.Tx
	match   *match
	encoder *textEncoder // nil where the server has to read the text
	text    string       // COPY statements
	binary  string
}

// sender asks for the columns, in the transaction that writes: see copyIn.
func (l *csvLoad) sender(ctx context.Context, tx pgx.Tx) (*sender, error) {
	if err := lock(ctx, tx, l.table); err != nil {
		return nil, err
	}
	s, err := readSchema(ctx, tx, l.table)
	if err != nil {
		return nil, err
	}
	m, err := l.matchHeader(s)
	if err != nil {
		return nil, &LineError{Name: l.opts.Name, Line: 1, Err: err}
	}
	return &sender{load: l, tx: tx, match: m, encoder: newTextEncoder(m, &l.dialect), text: l.copyText(m), binary: l.copyBinary(m)}, nil
}

// A recordError is a COPY's error about a record. index is its place among
// those sent, or -1 where the server does not name one.
type recordError struct {
	index  int
	column string
	err    error
}

func (e *recordError) Error() string { return e.err.Error() }
func (e *recordError) Unwrap() error { return e.err }

// copyPiece sends a whole chunk.
func (s *sender) copyPiece(ctx context.Context, p piece) error {
	err := s.copy(ctx, p.data, p.binary, p.records, func() []span { return p.spans(&s.load.dialect) })
	var bad *recordError
	if !errors.As(err, &bad) || bad.index < 0 {
		return err
	}
	line := p.spans(&s.load.dialect)[bad.index].line
	return &LineError{Name: s.load.opts.Name, Line: line, Column: bad.column, Err: serverMessage(bad.err)}
}

// copy sends records by one COPY: binary, or data where that is nil. records
// is their number; spans tells where they begin, for an error.
func (s *sender) copy(ctx context.Context, data, binary []byte, records int, spans func() []span) error {
	sql, in := s.binary, io.Reader(bytes.NewReader(binary))
	if binary == nil {
		// A header of one line, which the server passes over: from it the
		// server learns how lines end, without which it does not count the
		// lines of the first record.
		header := "header" + s.load.header.eol
		sql, in = s.text, io.MultiReader(strings.NewReader(header), bytes.NewReader(data))
	}
	tag, err := db.CopyRaw(ctx, s.tx, sql, in)
	if err == nil {
		if n := tag.RowsAffected(); n != int64(records) && !s.match.schema.beforeTrigger {
			return fmt.Errorf(`%d records were sent, and the server took %d rows; a line with nothing but \. ends its reading`, records, n)
		}
		return nil
	}
	line, column, ok := copyPlace(err, s.match.schema.relname)
	if !ok {
		return &recordError{index: -1, err: err}
	}
	index := int(line) - 1
	if binary == nil {
		index = recordAt(spans(), int(line)-2)
	}
	return &recordError{index: min(max(index, 0), records-1), column: column, err: err}
}

// recordAt returns the record that the n-th line, from 0, belongs to.
func recordAt(spans []span, n int) int {
	at := spans[0].line + int64(n)
	return sort.Search(len(spans), func(i int) bool { return spans[i].line > at }) - 1
}
