package batchinsert

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/headrace/headrace/internal/pgcopy"
	"github.com/headrace/headrace/internal/records"
)

// LoadCSV writes a CSV file with a header into the table of this name (in SQL
// notation, as for [NewTable]): it is [Load] of [CSV].
func LoadCSV(ctx context.Context, w Writer, table string, r io.Reader, opts *LoadOptions) (Report, error) {
	return Load(ctx, w, table, CSV(r), opts)
}

// LoadNDJSON writes a file with one JSON object a line: it is [Load] of
// [NDJSON].
func LoadNDJSON(ctx context.Context, w Writer, table string, r io.Reader, opts *LoadOptions) (Report, error) {
	return Load(ctx, w, table, NDJSON(r), opts)
}

// Load writes the records of an input into the table of this name (in SQL
// notation, as for [NewTable]). Their fields' names are the columns, in any
// order and number; case counts. Columns without a field get their default.
//
// A value means what it means to the server's own COPY, but for a line of CSV with
// nothing but \. in it: that is a record like any other on every server, though
// COPY takes it for the end of the data before PostgreSQL 18, and leaves out the
// lines after it. (Where LoadOptions.Null is \. too, such a server may refuse it as
// a bad line.)
//
// Values whose form is the same under every setting are parsed here and sent in
// binary, which saves the server more than half of its work; a chunk with any
// other value, and all chunks of a table with a column of a type without a parser,
// go to the server's reader as text.
//
// The load is one transaction, or part of the caller's: after an error, a
// [*LineError] where a line is to blame, the table is as it was. An ID, Jobs
// above 1, or Quarantine give that up: each chunk is a transaction then, and
// those that were committed stay; the Report names them, also beside an error.
// Such a load needs a handle or a pool.
//
// The input is read in a goroutine of its own. When the context ends, Load waits
// a second for a Read under way, then leaves that goroutine to it.
func Load(ctx context.Context, w Writer, table string, in Input, opts *LoadOptions) (Report, error) {
	l, err := newLoad(table, in, opts)
	if err == nil {
		err = l.run(ctx, w)
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

// A load is one call of Load.
type load struct {
	opts  LoadOptions
	table string // quoted
	input *text
	start time.Time

	producing bool        // input is the producer's, who closes it
	unended   atomic.Bool // see Report.Unended

	mu   sync.Mutex // guards what follows, and calls of the meter
	what Report
	sent int64 // see tally
}

func newLoad(table string, in Input, opts *LoadOptions) (*load, error) {
	l := &load{start: time.Now()}
	if opts != nil {
		l.opts = *opts
	}
	l.opts = l.opts.withDefaults(in)
	if err := l.opts.validate(); err != nil {
		return l, err
	}
	var err error
	if l.table, err = quoteName(table); err != nil {
		return l, fmt.Errorf("table name: %w", err)
	}
	if l.input, err = in.open(&l.opts); err != nil {
		return l, &LineError{Name: l.opts.Name, Line: 1, Err: err}
	}
	return l, nil
}

func (l *load) run(ctx context.Context, w Writer) error {
	defer func() {
		if !l.producing {
			l.input.close()
		}
	}()
	if _, callers := w.(pgx.Tx); callers && l.opts.AsyncCommit {
		return errors.New("LoadOptions.AsyncCommit: the transaction is the caller's, who may set synchronous_commit in it")
	}
	switch {
	case l.opts.DryRun:
		return l.runDry(ctx, w)
	case l.inChunks():
		return l.runChunks(ctx, w)
	}
	return inTx(ctx, w, func(tx pgx.Tx) error { return l.runAtOnce(ctx, tx) })
}

// inChunks says whether each chunk is a transaction.
func (l *load) inChunks() bool {
	return !l.opts.DryRun && (l.opts.ID != "" || l.opts.Jobs > 1)
}

// runAtOnce loads all in one transaction.
func (l *load) runAtOnce(ctx context.Context, tx pgx.Tx) error {
	s, err := l.sender(ctx, tx)
	if err != nil {
		return err
	}
	var indexes []index
	if l.opts.DropIndexes {
		if indexes, err = dropIndexes(ctx, tx, s.match.schema); err != nil {
			return err
		}
	}
	// After dropIndexes, which leaves a savepoint: FREEZE asks that the table be
	// emptied in the same subtransaction.
	if l.opts.Fresh {
		if _, err := tx.Exec(ctx, "TRUNCATE "+l.table); err != nil {
			return fmt.Errorf("empty the table: %w", err)
		}
	}
	if err := l.copyAll(ctx, s); err != nil {
		return err
	}
	if err := s.settle(ctx); err != nil {
		return err
	}
	l.add(s.done)
	return createIndexes(ctx, tx, indexes)
}

// copyAll sends every piece of the input.
func (l *load) copyAll(ctx context.Context, s *sender) error {
	p := l.produce(s.encoder())
	defer p.stop()
	for {
		piece, more, err := p.next(ctx)
		if err != nil {
			return l.fileError(err)
		}
		if !more {
			return nil
		}
		if err := s.copyPiece(ctx, piece); err != nil {
			return err
		}
		l.add(s.done)
		s.done = tally{}
		p.giveBack(piece)
	}
}

// A tally is what a part of a load did.
type tally struct {
	sent                           int64 // records that are not bad
	rows, suppressed, bad, skipped int64 // as in Report
	counts                         Counts
	badLines                       []*LineError
}

// add adds to what was done, and tells.
func (l *load) add(t tally) {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := &l.what
	l.sent += t.sent
	r.Rows, r.Suppressed, r.Bad, r.Skipped = r.Rows+t.rows, r.Suppressed+t.suppressed+t.counts.Suppressed, r.Bad+t.bad, r.Skipped+t.skipped
	r.Counts.add(t.counts)
	r.BadLines = append(r.BadLines, t.badLines[:min(len(t.badLines), maxBadLines-len(r.BadLines))]...)
	l.input.meter.at(l.progress())
}

func (l *load) done() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.input.meter.done(l.progress())
}

// progress is called with l.mu held.
func (l *load) progress() Progress {
	return Progress{
		Rows: l.sent + l.what.Skipped, Bad: l.what.Bad, TotalRows: l.input.rows,
		Bytes: l.input.bytes.Load(), TotalBytes: l.input.total,
	}
}

// fileError says where in the file reading it failed.
func (l *load) fileError(err error) error {
	if panicked, ok := errors.AsType[*pgcopy.PanicError](err); ok {
		panic(panicked) // on with it, in the goroutine that called us
	}
	if fault, ok := errors.AsType[*fileError](err); ok {
		return &LineError{Name: l.opts.Name, Line: fault.line, Column: fault.column, Err: fault.err}
	}
	return err
}

// matchFields finds the columns of the input's fields.
func (l *load) matchFields(s *schema) (*match, error) {
	m := &match{schema: s}
	naming := l.input.format.Naming()
	for _, name := range l.input.format.Names() {
		c := s.column(name)
		switch {
		case c == nil:
			return nil, fmt.Errorf("%s a column %q; the table has %s; LoadOptions.Rename and LoadOptions.Skip take such fields", naming, name, s.names())
		case slices.Contains(m.columns, c):
			return nil, fmt.Errorf("%s column %q twice", naming, name)
		case c.generated:
			return nil, fmt.Errorf("%s column %q, which the server generates", naming, name)
		case c.identity && !l.opts.KeepIdentity && !l.opts.isKey(name):
			return nil, fmt.Errorf("%s identity column %q, whose values the server gives; LoadOptions.KeepIdentity takes the file's", naming, name)
		}
		m.columns = append(m.columns, c)
	}
	return m, m.missing(naming + " others")
}

// recordColumns describes the input's columns to its format.
func recordColumns(m *match) []records.Column {
	columns := make([]records.Column, len(m.columns))
	for i, c := range m.columns {
		columns[i] = records.Column{
			Name: c.name, OID: c.oid, Enum: c.kind == 'e', Array: c.category == 'A',
			NotNull: c.notNull && !m.schema.beforeTrigger,
			JSON:    slices.Contains([]string{"json", "jsonb", "json[]", "jsonb[]"}, c.typeName),
		}
	}
	return columns
}

// serverMessage is an error's text with the server's detail, which holds values
// of the row: for where the row itself is kept. Errors leave it out, since they
// end up in logs; it is the Detail of the *pgconn.PgError that they wrap.
func serverMessage(err error) string {
	var pgErr *pgconn.PgError
	if errors.As(err, &pgErr) && pgErr.Detail != "" {
		return err.Error() + ": " + pgErr.Detail
	}
	return err.Error()
}

func (l *load) report() Report {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := l.what
	r.ID, r.Elapsed, r.Unended = l.opts.ID, time.Since(l.start), l.unended.Load()
	r.BadLines, r.Chunks = slices.Clone(r.BadLines), slices.Clone(r.Chunks)
	slices.SortFunc(r.Chunks, func(a, b Chunk) int { return a.Index - b.Index })
	if l.input != nil {
		r.Bytes = l.input.bytes.Load()
	}
	return r
}
