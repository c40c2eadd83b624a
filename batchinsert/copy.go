package batchinsert

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/internal/pgcopy"
	"github.com/headrace/headrace/internal/progress"
	"github.com/headrace/headrace/internal/target"
)

// Copy writes rows by binary COPY, the fastest way there is, and returns how
// many were written. A conflict with a unique index fails the whole call; see
// Upsert. Triggers fire; rules do not; views cannot be written to. For a
// deadlock with another call see [Table.Insert].
//
// The error names the row (a [*RowError]) where the client or the server can
// tell. Where T has text for columns whose type the connection does not know, or
// which only the server can read (see db.Options.Types), rows go through a
// temporary table, and what the server then refuses is not told by row.
// A source's own error comes back wrapped, and its panic goes on in the
// goroutine that called Copy. Whatever the error, no row was written.
//
// Rows of [Seq] and [Seq2] are produced in a goroutine of their own. When the
// context ends, or the server refuses a row, Copy waits a second for the
// source to produce the row it is at, which is its last; then it returns and
// leaves the goroutine to the source.
func (t *Table[T]) Copy(ctx context.Context, w Writer, rows Source[T]) (int64, error) {
	t, err := t.metered()
	if err != nil {
		return 0, err
	}
	var n int64
	err = target.Retry(ctx, w, rows.seq == nil, func() error {
		return target.InTx(ctx, w, func(tx pgx.Tx) (err error) {
			n, err = t.copyIn(ctx, tx, rows)
			return err
		})
	})
	if err != nil {
		return 0, fmt.Errorf("copy into %s: %w", t.name, withCause(ctx, err))
	}
	t.meter.End()
	return n, nil
}

// copyIn asks for the columns in the transaction that writes: binary values in
// a column of another type would be stored as nonsense without an error, so
// nothing that was learned earlier may be relied on.
func (t *Table[T]) copyIn(ctx context.Context, tx pgx.Tx, rows Source[T]) (int64, error) {
	if err := target.Lock(ctx, tx, t.quoted); err != nil {
		return 0, err
	}
	s, err := target.ReadSchema(ctx, tx, t.quoted)
	if err != nil {
		return 0, err
	}
	if err := s.CheckCopy(); err != nil {
		return 0, err
	}
	m, err := t.matchFields(s, nil)
	if err != nil {
		return 0, err
	}
	copyRows := t.copyDirectly
	if slices.Contains(m.Texts(tx.Conn().TypeMap()), true) {
		copyRows = t.copyByStage
	}
	n, err := copyRows(ctx, tx, m, rows)
	if err != nil || !m.WritesIdentity() {
		return n, err
	}
	return n, target.MoveSequences(ctx, tx, t.quoted, m)
}

func (t *Table[T]) copyDirectly(ctx context.Context, tx pgx.Tx, m *target.Match, rows Source[T]) (int64, error) {
	if rows.seq != nil { // COPY looks at privileges while rows are read
		values := strings.TrimSuffix(strings.Repeat("DEFAULT, ", len(m.Columns)), ", ")
		if err := target.CheckStatements(ctx, tx, "INSERT INTO "+t.quoted+" ("+m.List("")+") VALUES ("+values+")"); err != nil {
			return 0, err
		}
	}
	return t.copyTo(ctx, tx, m, t.quoted, m.Schema.RelName, rows)
}

// copyByStage sends rows to a temporary table and inserts them from there: some
// values have no binary form here, and the server reads their text.
func (t *Table[T]) copyByStage(ctx context.Context, tx pgx.Tx, m *target.Match, rows Source[T]) (int64, error) {
	if m.Schema.Rules { // which an INSERT would go by
		return 0, fmt.Errorf("the table has rules, and columns of types that this connection does not know; register them on each connection (db.Options.Types)")
	}
	insert := func(g *target.Relation) string {
		return "INSERT INTO " + t.quoted + " (" + m.List("") + ")" + m.Overriding() +
			" SELECT " + strings.Join(g.Exprs, ", ") + " FROM " + target.Stage + " ORDER BY " + g.Order
	}
	g, err := t.stageRows(ctx, tx, m, rows, func(g *target.Relation) []string { return []string{insert(g)} })
	if err != nil {
		return 0, err
	}
	tag, err := tx.Exec(ctx, insert(g))
	if err != nil {
		return 0, err
	}
	return tag.RowsAffected(), target.DropStage(ctx, tx)
}

// copyTo sends rows to the table into, which has the columns of m.
func (t *Table[T]) copyTo(ctx context.Context, tx pgx.Tx, m *target.Match, into, relname string, rows Source[T]) (int64, error) {
	encoder, err := copyEncoder[T](tx.Conn().TypeMap(), m)
	if err != nil {
		return 0, err
	}
	stream := &meteredStream{Stream: open(encoder, rows), meter: t.meter}
	sql := "COPY " + into + " (" + m.List("") + ") FROM STDIN (FORMAT binary)"
	tag, err := db.CopyRaw(ctx, tx, sql, stream)
	stream.Close()
	if err := copyError(ctx, err, stream, relname); err != nil {
		return 0, err
	}
	if n := tag.RowsAffected(); n != stream.Rows() && !m.Schema.BeforeTrigger {
		return 0, fmt.Errorf("%d rows were sent, and the server took %d", stream.Rows(), n)
	}
	t.meter.At(progress.State{Rows: stream.Rows()})
	return tag.RowsAffected(), nil
}

func open[T any](encoder *pgcopy.Encoder[T], rows Source[T]) pgcopy.Stream {
	if rows.seq != nil {
		return pgcopy.OfSeq(encoder, rows.seq)
	}
	return pgcopy.OfSlice(encoder, rows.rows)
}
