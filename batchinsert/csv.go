package batchinsert

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/headrace/headrace/internal/pgcopy"
)

// A Report is what a load did.
type Report struct {
	ID      string // LoadOptions.ID, or the one in headrace.quarantine
	Rows    int64  // written by this call
	Bad     int64  // put into quarantine by this call
	Skipped int64  // in the table already: an earlier call with the ID, or another process, wrote them
	Bytes   int64  // of the input, before decompression
	Elapsed time.Duration
}

// A LineError says which line of a file could not be written. Err is the
// server's *pgconn.PgError, or says what is wrong with the file.
type LineError struct {
	Name string
	// Line counts from 1, the header included. Of a record with line breaks in
	// quotes it is the first.
	Line   int64
	Column string // empty where the whole line is meant
	Err    error
}

func (e *LineError) Error() string {
	at := fmt.Sprintf("%s:%d", e.Name, e.Line)
	if e.Column != "" {
		at += fmt.Sprintf(", column %q", e.Column)
	}
	return at + ": " + e.Err.Error()
}

func (e *LineError) Unwrap() error { return e.Err }

// LoadCSV writes a CSV file with a header into the table of this name (in SQL
// notation, as for [NewTable]). The header's names are the columns, in any
// order and number; case counts. Columns that it does not name get their
// default.
//
// A value means what it means to the server's own CSV reader. Values whose
// form is the same under every setting are parsed here and sent in binary,
// which saves the server more than half of its work; a chunk with any other
// value, and all chunks of a table with a column of a type without a parser,
// go to the server's reader as they are.
//
// A file compressed by gzip is seen by its first bytes. A byte order mark is
// passed over.
//
// The load is one transaction, or part of the caller's: after an error, a
// [*LineError] where a line is to blame, the table is as it was. An ID, Jobs
// above 1, or Quarantine give that up: each chunk is a transaction then, and
// those that were committed stay; the Report counts them, also beside an
// error. Such a load needs a handle or a pool.
//
// r is read in a goroutine of its own. When the context ends, LoadCSV waits a
// second for a Read under way, then leaves that goroutine to it.
func LoadCSV(ctx context.Context, w Writer, table string, r io.Reader, opts *LoadOptions) (Report, error) {
	l, err := newCSVLoad(table, r, opts)
	if err == nil {
		if l.inChunks() {
			err = l.runChunks(ctx, w)
		} else {
			err = inTx(ctx, w, func(tx pgx.Tx) error { return l.runAtOnce(ctx, tx) })
		}
	}
	if err != nil {
		report := Report{}
		if l.inChunks() {
			report = l.report()
		}
		return report, fmt.Errorf("load %s into %s: %w", l.opts.Name, table, withCause(ctx, err))
	}
	l.done()
	return l.report(), nil
}

// A csvLoad is one call of LoadCSV.
type csvLoad struct {
	opts    LoadOptions
	table   string // quoted
	input   *meteredInput
	file    *bufio.Reader // input, decompressed
	header  header
	dialect dialect
	start   time.Time

	mu                 sync.Mutex // guards what follows, and calls of the meter
	rows, bad, skipped int64
}

func newCSVLoad(table string, r io.Reader, opts *LoadOptions) (*csvLoad, error) {
	l := &csvLoad{start: time.Now()}
	if opts != nil {
		l.opts = *opts
	}
	l.opts = l.opts.withDefaults(r)
	if err := l.opts.validate(); err != nil {
		return l, err
	}
	var err error
	if l.table, err = quoteName(table); err != nil {
		return l, fmt.Errorf("table name: %w", err)
	}
	l.input = newMeteredInput(r, l.opts.Progress)
	if l.file, err = decompress(l.input); err != nil {
		return l, &LineError{Name: l.opts.Name, Line: 1, Err: err}
	}
	if l.header, err = readHeader(l.file, &l.opts); err != nil {
		return l, &LineError{Name: l.opts.Name, Line: 1, Err: err}
	}
	l.dialect = l.opts.dialect(l.header.eol)
	return l, nil
}

// inChunks says whether each chunk is a transaction.
func (l *csvLoad) inChunks() bool {
	return l.opts.ID != "" || l.opts.Jobs > 1
}

// runAtOnce loads all in one transaction.
func (l *csvLoad) runAtOnce(ctx context.Context, tx pgx.Tx) error {
	s, err := l.sender(ctx, tx)
	if err != nil {
		return err
	}
	p := l.produce(s.encoder.clone())
	defer p.stop()
	for {
		piece, more, err := p.next(ctx)
		if err != nil {
			return l.fileError(err)
		}
		if !more {
			break
		}
		if err := s.copyPiece(ctx, piece); err != nil {
			return err
		}
		l.count(int64(piece.records), 0, 0)
		p.giveBack(piece)
	}
	if s.match.writesIdentity() {
		return moveSequences(ctx, tx, l.table, s.match)
	}
	return nil
}

// count adds to what was done, and tells.
func (l *csvLoad) count(rows, bad, skipped int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rows, l.bad, l.skipped = l.rows+rows, l.bad+bad, l.skipped+skipped
	l.input.tell(l.rows + l.bad + l.skipped)
}

func (l *csvLoad) done() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.input.done(l.rows)
}

// fileError says where in the file reading it failed.
func (l *csvLoad) fileError(err error) error {
	if panicked, ok := errors.AsType[*pgcopy.PanicError](err); ok {
		panic(panicked) // on with it, in the goroutine that called us
	}
	if fault, ok := errors.AsType[*fileError](err); ok {
		return &LineError{Name: l.opts.Name, Line: fault.line, Err: fault.err}
	}
	return err
}

// matchHeader finds the header's columns.
func (l *csvLoad) matchHeader(s *schema) (*match, error) {
	m := &match{schema: s}
	for _, name := range l.header.names {
		c := s.column(name)
		switch {
		case c == nil:
			return nil, fmt.Errorf("the header names a column %q; the table has %s", name, s.names())
		case slices.Contains(m.columns, c):
			return nil, fmt.Errorf("the header names column %q twice", name)
		case c.generated:
			return nil, fmt.Errorf("the header names column %q, which the server generates", name)
		case c.identity && !l.opts.KeepIdentity:
			return nil, fmt.Errorf("the header names identity column %q, whose values the server gives; LoadOptions.KeepIdentity takes the file's", name)
		}
		m.columns = append(m.columns, c)
	}
	return m, m.missing("the header does not name it")
}

// copyText is the COPY for the server's own reader; copyBinary the one for
// encoded rows.
func (l *csvLoad) copyText(m *match) string {
	o := &l.opts
	return "COPY " + l.table + " (" + m.list("") + ") FROM STDIN (FORMAT csv, HEADER, DELIMITER " + literal(o.Comma) +
		", QUOTE " + literal(o.Quote) + ", ESCAPE " + literal(o.Escape) + ", NULL " + stringLiteral(o.Null) + ", ENCODING 'UTF8')"
}

func (l *csvLoad) copyBinary(m *match) string {
	return "COPY " + l.table + " (" + m.list("") + ") FROM STDIN (FORMAT binary)"
}

func literal(b byte) string { return stringLiteral(string([]byte{b})) }

// stringLiteral writes s as SQL, whatever standard_conforming_strings says.
func stringLiteral(s string) string {
	return "E'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(s) + "'"
}

// serverMessage puts the server's detail behind its message.
func serverMessage(err error) error {
	var pgErr *pgconn.PgError
	if errors.As(err, &pgErr) && pgErr.Detail != "" {
		return fmt.Errorf("%w: %s", err, pgErr.Detail)
	}
	return err
}

func (l *csvLoad) report() Report {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := Report{ID: l.opts.ID, Rows: l.rows, Bad: l.bad, Skipped: l.skipped, Elapsed: time.Since(l.start)}
	if l.input != nil {
		r.Bytes = l.input.bytes.Load()
	}
	return r
}
