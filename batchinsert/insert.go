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
// column: one prepared statement for any number of rows. It is the way for up
// to some thousands of rows, and for views and rules. It returns how many rows
// the server says it wrote: a row that a BEFORE trigger suppresses is not among
// them, and no error. [InsertReturning] names such a row.
//
// Up to Options.ChunkRows rows of a slice are one statement in one round trip.
// More, and all rows of an iterator, are a transaction of several statements,
// or a savepoint in the caller's. From 5,000 rows of a slice on, where that many
// are not one statement, they go by COPY as those of [Table.Copy], unless the
// table is a view, or has rules or row-level security, which COPY does not go by.
//
// A value that has no place in its column is told with its row (a
// [*RowError]). What the server refuses is a statement's rows as a whole. The key
// that is there already, or the values of the row that failed, are in the Detail of
// the *pgconn.PgError, which errors.As finds; the error's text leaves them out.
//
// Rows are written in their order. Two calls that write the same keys in
// opposite orders may so deadlock; the one that the server ends starts over, as
// [Table.Upsert] does, and meets the other's rows.
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
		return target.InTx(ctx, w, func(tx pgx.Tx) (err error) {
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

// insertOneStatement is one statement, by what is known of the table. Where the
// table has changed meanwhile, that fails, and is tried once more. The error is
// errTooLarge where rows take more than one.
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

// mayBeStale says whether err may come from columns that are not as they were
// known to be.
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
		return 0, unsent(err)
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
	n, err := ins.flush(ctx)
	if err == nil {
		t.meter.At(progress.State{Rows: int64(len(rows))})
	}
	return n, err
}

// insertMany writes rows that are not one statement.
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
		return 0, unsent(err)
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

// An inserter writes what was added to its arrays.
type inserter[T any] struct {
	q       target.Statements
	session *session
	plan    *insertPlan[T]
	arrays  *pgcopy.Arrays[T]
}

// inserter prepares to write to the table, which is as s says, or as the
// server says where s is nil. It has to be closed.
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

// schemaOf returns s, or what the server says, and keeps that for later.
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

// flush writes what was added.
func (ins *inserter[T]) flush(ctx context.Context) (int64, error) {
	if ins.arrays.Len() == 0 {
		return 0, nil
	}
	tag, err := ins.q.Exec(ctx, ins.plan.sql, ins.session.withMode(ins.arrays.Args())...)
	ins.arrays.Reset()
	return tag.RowsAffected(), err
}

// withConn gives fn the connection of w, or one of w's, for one statement.
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
			return unsent(err)
		}
		defer conn.Release()
		return onConn(ctx, conn.Conn(), fn)
	}
	return pgx.BeginFunc(ctx, w, func(tx pgx.Tx) error { return fn(tx, tx.Conn()) })
}

// onConn runs fn in a transaction where the connection may be a pooler's, for
// which describing a statement and running it must not be taken apart.
func onConn(ctx context.Context, conn *pgx.Conn, fn func(q target.Statements, conn *pgx.Conn) error) error {
	if sessionOf(conn).mode == nil {
		return fn(conn, conn)
	}
	return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error { return fn(tx, conn) })
}
