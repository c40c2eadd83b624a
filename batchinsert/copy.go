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

// Copy writes rows by binary COPY, the fastest way, and returns how many were
// written. A conflict with a unique index fails the whole call; see Upsert.
// Triggers fire; rules do not. A view can be written to only if it has an INSTEAD
// OF INSERT trigger, and the number is then that of the rows sent, regardless of
// what the trigger did. For a deadlock with another call see [Table.Insert].
//
// The error names the row (a [*RowError]) if the client or the server can
// determine it. If T has text for columns whose type the connection does not
// know, or which only the server can parse (see db.Options.Types), rows go
// through a temporary table, and errors of the server then do not name a row. An
// error of the source is returned wrapped, and its panic continues in the
// goroutine that called Copy. After an error no row was written, unless it wraps
// [ErrOutcomeUnknown].
//
// Rows of [Seq] and [Seq2] are produced in a goroutine of their own. When the
// context ends, or the server refuses a row, Copy waits a second for the source
// to yield the current row, its last; then it returns, and the goroutine ends
// when the source yields.
func (t *Table[T]) Copy(ctx context.Context, w Writer, rows Source[T]) (int64, error) {
	t, err := t.metered()
	if err != nil {
		return 0, err
	}
	var n int64
	err = target.Retry(ctx, w, rows.seq == nil, func() error {
		return target.WriteTx(ctx, w, func(tx pgx.Tx) (err error) {
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

// copyIn reads the columns in the transaction that writes: binary values in a
// column of another type would be stored as wrong values without an error, so
// that cached knowledge must not be used.
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
	if rows.seq != nil { // COPY checks privileges only after it has received rows
		values := strings.TrimSuffix(strings.Repeat("DEFAULT, ", len(m.Columns)), ", ")
		if err := target.CheckStatements(ctx, tx, "INSERT INTO "+t.quoted+" ("+m.List("")+") VALUES ("+values+")"); err != nil {
			return 0, err
		}
	}
	return t.copyTo(ctx, tx, m, t.quoted, m.Schema.RelName, rows)
}

// copyByStage sends rows to a temporary table and inserts them from there: the
// server parses the text of values that have no binary form.
func (t *Table[T]) copyByStage(ctx context.Context, tx pgx.Tx, m *target.Match, rows Source[T]) (int64, error) {
	if m.Schema.Rules { // which would apply to an INSERT
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
