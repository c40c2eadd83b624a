package load

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/headrace/headrace/internal/panics"
	"github.com/headrace/headrace/internal/progress"
	"github.com/headrace/headrace/internal/records"
	"github.com/headrace/headrace/internal/target"
)

// A Load is one call of batchinsert.Load or one of its siblings.
type Load struct {
	opts  Options
	table string // quoted
	input *text
	start time.Time

	reading bool        // the reader owns input and closes it
	unended atomic.Bool // see Report.Unended

	mu    sync.Mutex // guards the fields below and calls of the meter
	total Report
	sent  int64 // see tally
}

// New opens the input. A Load returned with an error has options only: Name,
// InChunks and Report work.
func New(table string, in Input, opts Options) (*Load, error) {
	l := &Load{start: time.Now(), opts: opts.withDefaults(in)}
	if err := l.opts.validate(); err != nil {
		return l, err
	}
	var err error
	if l.table, err = target.QuoteName(table); err != nil {
		return l, fmt.Errorf("table name: %w", err)
	}
	if l.input, err = in.open(&l.opts); err != nil {
		return l, l.lineError(1, "", err)
	}
	return l, nil
}

// Name returns the name of the input for errors.
func (l *Load) Name() string { return l.opts.Name }

// TableName returns the quoted name of the table.
func (l *Load) TableName() string { return l.table }

// Close closes the input of a load that does not run.
func (l *Load) Close() { l.input.close() }

// Run loads the input.
func (l *Load) Run(ctx context.Context, w target.Beginner) error {
	defer func() {
		if !l.reading {
			l.input.close()
		}
	}()
	if _, callers := w.(pgx.Tx); callers && l.opts.AsyncCommit {
		return errors.New("LoadOptions.AsyncCommit: the transaction is the caller's, who may set synchronous_commit in it")
	}
	switch {
	case l.opts.DryRun:
		return l.runDry(ctx, w)
	case l.InChunks():
		return l.runChunks(ctx, w)
	}
	return target.WriteTx(ctx, w, func(tx pgx.Tx) error { return l.runAtOnce(ctx, tx) })
}

// InChunks reports whether each chunk is a transaction.
func (l *Load) InChunks() bool {
	return !l.opts.DryRun && (l.opts.ID != "" || l.opts.Jobs > 1)
}

// runAtOnce loads the input in one transaction.
func (l *Load) runAtOnce(ctx context.Context, tx pgx.Tx) error {
	s, err := l.sender(ctx, tx)
	if err != nil {
		return err
	}
	l.describe(s)
	var indexes []index
	if l.opts.DropIndexes {
		if indexes, err = dropIndexes(ctx, tx, s.match.Schema); err != nil {
			return err
		}
	}
	// After dropIndexes, which leaves a savepoint: FREEZE requires that the
	// table is truncated in the same subtransaction.
	if l.opts.Truncate {
		if _, err := tx.Exec(ctx, "TRUNCATE "+l.table); err != nil {
			return fmt.Errorf("empty the table: %w", err)
		}
	}
	if err := l.sendAll(ctx, s, s.encoder(), func(b block) error { return s.copyBlock(ctx, b) }); err != nil {
		return err
	}
	if err := s.finish(ctx); err != nil {
		return err
	}
	l.add(s.done)
	return createIndexes(ctx, tx, indexes)
}

// sendAll sends the input block by block by s, which send does for one.
func (l *Load) sendAll(ctx context.Context, s *sender, encoder records.Encoder, send func(block) error) error {
	r := l.startReader(encoder)
	defer r.stop()
	for {
		b, more, err := r.next(ctx)
		if err != nil {
			return l.fileError(err)
		}
		if !more {
			return nil
		}
		if err := send(b); err != nil {
			return err
		}
		l.add(s.done)
		s.done = tally{}
		r.recycle(b)
	}
}

// A tally is the result of a part of a load.
type tally struct {
	sent                           int64 // records that were not bad
	rows, suppressed, bad, skipped int64 // as in Report
	counts                         target.Counts
	badLines                       []error
}

// add adds t to the total and reports progress.
func (l *Load) add(t tally) {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := &l.total
	l.sent += t.sent
	r.Rows, r.Suppressed, r.Bad, r.Skipped = r.Rows+t.rows, r.Suppressed+t.suppressed+t.counts.Suppressed, r.Bad+t.bad, r.Skipped+t.skipped
	r.Counts.Add(t.counts)
	r.BadLines = append(r.BadLines, t.badLines[:min(len(t.badLines), maxBadLines-len(r.BadLines))]...)
	l.input.meter.At(l.progress())
}

// Done reports the end of the load to Progress.
func (l *Load) Done() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.input.meter.Done(l.progress())
}

// progress is called with l.mu held.
func (l *Load) progress() progress.State {
	return progress.State{
		Rows: l.sent + l.total.Skipped, Bad: l.total.Bad, TotalRows: l.input.rows,
		Bytes: l.input.bytes.Load(), TotalBytes: l.input.total,
	}
}

// lineError returns err with its line. column is empty for the whole line.
func (l *Load) lineError(line int64, column string, err error) error {
	return l.opts.LineError(l.opts.Name, line, column, err)
}

// fileError adds the line to an error of reading the input. It continues the
// panic of an input.
func (l *Load) fileError(err error) error {
	if panicked, ok := err.(*panics.Error); ok { //nolint:errorlint // not one wrapped by the source
		panic(panicked) // continues in the caller's goroutine
	}
	if fault, ok := errors.AsType[*fileError](err); ok {
		return l.lineError(fault.line, fault.column, fault.err)
	}
	return err
}

// matchFields pairs the input's fields with columns.
func (l *Load) matchFields(s *target.Schema) (*target.Match, error) {
	m := &target.Match{Schema: s}
	naming := l.input.format.Naming()
	for _, name := range l.input.format.Names() {
		c := s.Column(name)
		switch {
		case c == nil:
			return nil, fmt.Errorf("%s a column %q; the table has %s; LoadOptions.Rename and LoadOptions.Skip take such fields", naming, name, s.Names())
		case slices.Contains(m.Columns, c):
			return nil, fmt.Errorf("%s column %q twice", naming, name)
		case c.Generated:
			return nil, fmt.Errorf("%s column %q, which the server generates", naming, name)
		case c.Identity && !l.opts.KeepIdentity && !l.opts.isKey(name):
			return nil, fmt.Errorf("%s identity column %q, whose values the server gives; LoadOptions.KeepIdentity takes the file's", naming, name)
		}
		m.Columns = append(m.Columns, c)
	}
	return m, m.CheckRequired(naming + " others")
}

// recordColumns returns the columns as the input's format takes them.
func recordColumns(m *target.Match) []records.Column {
	columns := make([]records.Column, len(m.Columns))
	for i, c := range m.Columns {
		columns[i] = records.Column{
			Name: c.Name, OID: c.OID, Enum: c.Kind == 'e', Array: c.Category == 'A',
			NotNull: c.NotNull && !m.Schema.BeforeTrigger,
			JSON:    slices.Contains([]string{"json", "jsonb", "json[]", "jsonb[]"}, c.TypeName),
		}
	}
	return columns
}

// serverMessage returns the text of an error with the server's detail, which
// holds values of the row: for the quarantine, which holds the row itself.
// Errors omit it, since they are logged; it is the Detail of the *pgconn.PgError
// that they wrap.
func serverMessage(err error) string {
	var pgErr *pgconn.PgError
	if errors.As(err, &pgErr) && pgErr.Detail != "" {
		return err.Error() + ": " + pgErr.Detail
	}
	return err.Error()
}

// inOrder returns a copy of chunks in the order of the input.
func inOrder(chunks []Chunk) []Chunk {
	return slices.SortedFunc(slices.Values(chunks), func(a, b Chunk) int { return a.Index - b.Index })
}

// Report returns what the load has done so far.
func (l *Load) Report() Report {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := l.total
	r.ID, r.Elapsed, r.Unended = l.opts.ID, time.Since(l.start), l.unended.Load()
	r.BadLines, r.Chunks, r.Unknown = slices.Clone(r.BadLines), inOrder(r.Chunks), inOrder(r.Unknown)
	if l.input != nil {
		r.Bytes = l.input.bytes.Load()
	}
	return r
}
