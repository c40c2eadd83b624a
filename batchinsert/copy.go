package batchinsert

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/internal/pgcopy"
)

// Copy writes rows by binary COPY, the fastest way there is, and returns how
// many were written. A conflict with a unique index fails the whole call; see
// Upsert. Triggers fire; rules do not; views cannot be written to. For a
// deadlock with another call see [Table.Insert].
//
// The error names the row (a [*RowError]) where the client or the server can
// tell. A source's own error comes back wrapped, and its panic goes on in the
// goroutine that called Copy. Whatever the error, no row was written.
//
// Rows of [Seq] and [Seq2] are produced in a goroutine of their own. When the
// context ends, or the server refuses a row, Copy waits a second for the
// source to produce the row it is at, which is its last; then it returns and
// leaves the goroutine to the source.
func (t *Table[T]) Copy(ctx context.Context, w Writer, rows Source[T]) (int64, error) {
	var n int64
	err := startOver(ctx, w, rows.seq == nil, func() error {
		return inTx(ctx, w, func(tx pgx.Tx) (err error) {
			n, err = t.copyIn(ctx, tx, rows)
			return err
		})
	})
	if err != nil {
		return 0, fmt.Errorf("copy into %s: %w", t.name, explained(ctx, err))
	}
	return n, nil
}

// copyIn asks for the columns in the transaction that writes: binary values in
// a column of another type would be stored as nonsense without an error, so
// nothing that was learned earlier may be relied on.
func (t *Table[T]) copyIn(ctx context.Context, tx pgx.Tx, rows Source[T]) (int64, error) {
	if err := lock(ctx, tx, t.quoted); err != nil {
		return 0, err
	}
	s, err := readSchema(ctx, tx, t.quoted)
	if err != nil {
		return 0, err
	}
	if err := s.checkCopy(); err != nil {
		return 0, err
	}
	m, err := t.matchFields(s, nil)
	if err != nil {
		return 0, err
	}
	n, err := t.copyTo(ctx, tx, m, t.quoted, s.relname, rows)
	if err != nil || !m.writesIdentity() {
		return n, err
	}
	return n, moveSequences(ctx, tx, t.quoted, m)
}

// copyTo sends rows to the table into, which has the columns of m.
func (t *Table[T]) copyTo(ctx context.Context, tx pgx.Tx, m *match, into, relname string, rows Source[T]) (int64, error) {
	encoder, err := copyEncoder[T](tx.Conn().TypeMap(), m)
	if err != nil {
		return 0, err
	}
	meter := newMeter(t.opts.Progress)
	stream := &meteredStream{Stream: open(encoder, rows), meter: meter}
	sql := "COPY " + into + " (" + m.list("") + ") FROM STDIN (FORMAT binary)"
	tag, err := db.CopyRaw(ctx, tx, sql, stream)
	stream.Close()
	if err := copyError(ctx, err, stream, relname); err != nil {
		return 0, err
	}
	if n := tag.RowsAffected(); n != stream.Rows() && !m.schema.beforeTrigger {
		return 0, fmt.Errorf("%d rows were sent, and the server took %d", stream.Rows(), n)
	}
	meter.done(Progress{Rows: stream.Rows()})
	return tag.RowsAffected(), nil
}

func open[T any](encoder *pgcopy.Encoder[T], rows Source[T]) pgcopy.Stream {
	if rows.seq != nil {
		return pgcopy.OfSeq(encoder, rows.seq)
	}
	return pgcopy.OfSlice(encoder, rows.rows)
}
