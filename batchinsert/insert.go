package batchinsert

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/headrace/headrace/internal/pgcopy"
	"github.com/headrace/headrace/internal/progress"
	"github.com/headrace/headrace/internal/target"
)

// Insert writes rows by INSERT ... SELECT FROM unnest(...), one array per
// column: one prepared statement for any number of rows. Use it for up to some
// thousands of rows, and for views and tables with rules. It returns the number
// of rows written, as reported by the server: a row that a BEFORE trigger
// suppresses is not included, and is no error. [InsertReturning] names such a
// row.
//
// Up to Options.ChunkRows rows of a slice are one statement in one round trip.
// More rows, and all rows of an iterator, are a transaction of several
// statements, or a savepoint in the caller's. 5,000 rows of a slice or more that
// are not one statement are written by COPY, as by [Table.Copy], unless the
// table is a view, or has rules or row-level security, which COPY bypasses.
//
// If a column cannot hold a value, the error names its row (a [*RowError]). An
// error of the server is about all rows of a statement. The existing key, or the
// values of the failing row, are in the Detail of the *pgconn.PgError, which
// errors.As finds; the error's text omits them. If the rows may have been written,
// the error wraps [ErrOutcomeUnknown].
//
// Rows are written in their order. So two calls that write the same keys in
// opposite orders may deadlock; the one that the server aborts is retried, as by
// [Table.Upsert], and then conflicts with the other's rows.
func (t *Table[T]) Insert(ctx context.Context, w Writer, rows Source[T]) (int64, error) {
	t, err := t.metered()
	if err != nil {
		return 0, err
	}
	var n int64
	err = target.Retry(ctx, w, rows.seq == nil, func() (err error) {
		if rows.seq == nil && len(rows.rows) <= t.chunkRows() && !t.opts.KeepIdentity {
			if n, err = t.insertOneStatement(ctx, w, rows.rows); !errors.Is(err, errTooLarge) {
				return err
			}
		}
		return target.WriteTx(ctx, w, func(tx pgx.Tx) (err error) {
			n, err = t.insertMany(ctx, tx, rows)
			return err
		})
	})
	if err != nil {
		return 0, fmt.Errorf("insert into %s: %w", t.name, withCause(ctx, err))
	}
	t.meter.End()
	return n, nil
}

// insertOneStatement writes rows by one statement, with the cached schema, and
// once more with the current one if the table may have changed. The error is
// errTooLarge if the rows take several statements.
func (t *Table[T]) insertOneStatement(ctx context.Context, w Writer, rows []T) (n int64, err error) {
	if len(rows) == 0 {
		return 0, nil
	}
	err = withConn(ctx, w, func(q target.Statements, conn *pgx.Conn) error {
		key := sessionOf(conn).database
		known := t.cache.get(key)
		n, err = t.insertKnown(ctx, q, conn, known, rows)
		if err == nil || errors.Is(err, errTooLarge) {
			return err
		}
		t.cache.drop(key)
		if known == nil || !mayBeStale(err) || conn.PgConn().TxStatus() == 'E' {
			return err
		}
		n, err = t.insertKnown(ctx, q, conn, nil, rows)
		return err
	})
	return n, err
}

// mayBeStale reports whether err may be caused by an outdated schema.
func mayBeStale(err error) bool {
	var row *RowError
	var arbiter *target.ArbiterError
	var pgErr *pgconn.PgError
	switch {
	case errors.As(err, &row), errors.As(err, &arbiter):
		return true
	case errors.As(err, &pgErr):
		return strings.HasPrefix(pgErr.Code, "42") || pgErr.Code == "22P03" || pgErr.Code == "0A000"
	}
	return false
}

func (t *Table[T]) insertKnown(ctx context.Context, q target.Statements, conn *pgx.Conn, s *target.Schema, rows []T) (int64, error) {
	ins, err := t.inserter(ctx, q, conn, s)
	if err != nil {
		return 0, err
	}
	defer ins.close()
	for i := range rows {
		if err := ins.arrays.Add(&rows[i]); err != nil {
			return 0, asRowError(err, int64(i)+1)
		}
		if i > 0 && ins.arrays.Size() > maxStatementBytes {
			return 0, errTooLarge
		}
	}
	var n int64
	err = target.Write(q, func() (err error) { n, err = ins.flush(ctx); return err })
	if err == nil {
		t.meter.At(progress.State{Rows: int64(len(rows))})
	}
	return n, err
}

// insertMany writes rows that take several statements.
func (t *Table[T]) insertMany(ctx context.Context, tx pgx.Tx, rows Source[T]) (int64, error) {
	if rows.seq != nil || rows.fewerThan(minCopiedInsert) {
		return t.insertStatements(ctx, tx, rows)
	}
	s, err := target.ReadSchema(ctx, tx, t.quoted)
	switch {
	case err != nil:
		return 0, err
	case s.InsertOnly:
		return t.insertStatements(ctx, tx, rows)
	}
	m, err := t.matchFields(s, nil)
	switch {
	case err != nil:
		return 0, err
	case slices.Contains(m.Texts(tx.Conn().TypeMap()), true):
		return t.insertStatements(ctx, tx, rows)
	}
	return t.copyIn(ctx, tx, rows)
}

// insertStatements writes any number of rows.
func (t *Table[T]) insertStatements(ctx context.Context, tx pgx.Tx, rows Source[T]) (int64, error) {
	ins, err := t.inserter(ctx, tx, tx.Conn(), nil)
	if err != nil {
		return 0, err
	}
	defer ins.close()
	row, written := int64(0), int64(0)
	flush := func() error {
		first := row - int64(ins.arrays.Len()) + 1
		n, err := ins.flush(ctx)
		if err != nil {
			return fmt.Errorf("rows %d to %d: %w", first, row, err)
		}
		written += n
		t.meter.At(progress.State{Rows: row})
		return nil
	}
	for v, err := range rows.all() {
		row++
		if err != nil {
			return 0, fmt.Errorf("row %d of the source: %w", row, err)
		}
		if err := ins.arrays.Add(v); err != nil {
			return 0, asRowError(err, row)
		}
		if ins.arrays.Len() < t.chunkRows() && ins.arrays.Size() < maxStatementBytes {
			continue
		}
		if err := flush(); err != nil {
			return 0, err
		}
	}
	if err := flush(); err != nil {
		return 0, err
	}
	if ins.plan.WritesIdentity() {
		if err := target.MoveSequences(ctx, tx, t.quoted, ins.plan.Match); err != nil {
			return 0, err
		}
	}
	return written, nil
}

// An inserter writes the rows in its arrays.
type inserter[T any] struct {
	q       target.Statements
	session *session
	plan    *insertPlan[T]
	arrays  *pgcopy.Arrays[T]
}

// inserter returns an inserter for the schema s, or, if s is nil, the current
// one. It must be closed.
func (t *Table[T]) inserter(ctx context.Context, q target.Statements, conn *pgx.Conn, s *target.Schema) (*inserter[T], error) {
	s, err := t.schemaOf(ctx, q, conn, s)
	if err != nil {
		return nil, err
	}
	if err := target.CheckEncoding(conn); err != nil {
		return nil, err
	}
	plan, err := t.insertPlan(conn, s)
	if err != nil {
		return nil, err
	}
	pgcopy.Accept(conn.TypeMap())
	return &inserter[T]{q: q, session: sessionOf(conn), plan: plan, arrays: plan.take()}, nil
}

func (ins *inserter[T]) close() { ins.plan.give(ins.arrays) }

// schemaOf returns s, or, if s is nil, reads the schema and caches it.
func (t *Table[T]) schemaOf(ctx context.Context, q target.Statements, conn *pgx.Conn, s *target.Schema) (*target.Schema, error) {
	if s != nil {
		return s, nil
	}
	s, err := target.ReadSchema(ctx, q, t.quoted)
	if err == nil {
		t.cache.put(sessionOf(conn).database, s)
	}
	return s, err
}

// flush writes the rows in the arrays.
func (ins *inserter[T]) flush(ctx context.Context) (int64, error) {
	if ins.arrays.Len() == 0 {
		return 0, nil
	}
	tag, err := ins.q.Exec(ctx, ins.plan.sql, ins.session.withMode(ins.arrays.Args())...)
	ins.arrays.Reset()
	return tag.RowsAffected(), err
}

// withConn runs fn, which runs one statement, on the connection of w, or on one
// that it acquires from w.
func withConn(ctx context.Context, w Writer, fn func(q target.Statements, conn *pgx.Conn) error) error {
	switch w := w.(type) {
	case pgx.Tx:
		return fn(w, w.Conn())
	case *pgx.Conn:
		return onConn(ctx, w, fn)
	case *pgxpool.Conn:
		return onConn(ctx, w.Conn(), fn)
	case interface {
		Acquire(ctx context.Context) (*pgxpool.Conn, error)
	}:
		conn, err := w.Acquire(ctx)
		if err != nil {
			return err
		}
		defer conn.Release()
		return onConn(ctx, conn.Conn(), fn)
	}
	return target.WriteTx(ctx, w, func(tx pgx.Tx) error { return fn(tx, tx.Conn()) })
}

// onConn runs fn in a transaction if the connection may be that of a pooler,
// which could otherwise describe and run a statement on different connections.
func onConn(ctx context.Context, conn *pgx.Conn, fn func(q target.Statements, conn *pgx.Conn) error) error {
	if sessionOf(conn).mode == nil {
		return fn(conn, conn)
	}
	return target.WriteTx(ctx, conn, func(tx pgx.Tx) error { return fn(tx, conn) })
}
