package db

import (
	"context"
	"fmt"
	"io"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/headrace/headrace/internal/sqltext"
)

// CopyRaw runs sql, a COPY ... FROM STDIN, and sends what r yields as its data,
// in whatever format sql names. w is a *DB, a *pgxpool.Pool, a *pgxpool.Conn, a
// pgx.Tx or a *pgx.Conn.
//
// pgconn reads r on a goroutine of its own. An error of r aborts the COPY: the
// server's answer to that (57014) is returned, joined with r's error.
//
// Unlike pgconn's own CopyFrom it is seen by the tracers of the connection, and
// so by OnChange and Stats.
func CopyRaw(ctx context.Context, w any, sql string, r io.Reader) (pgconn.CommandTag, error) {
	switch w := w.(type) {
	case *DB:
		return copyOnPool(ctx, w, sql, r)
	case *pgxpool.Pool:
		return copyOnPool(ctx, w, sql, r)
	case *pgxpool.Conn:
		return copyOnConn(ctx, w.Conn(), sql, r)
	case *pgx.Conn:
		return copyOnConn(ctx, w, sql, r)
	case pgx.Tx:
		return copyOnConn(ctx, w.Conn(), sql, r)
	}
	return pgconn.CommandTag{}, fmt.Errorf("db: CopyRaw cannot write to a %T", w)
}

func copyOnPool(ctx context.Context, pool interface {
	Acquire(context.Context) (*pgxpool.Conn, error)
}, sql string, r io.Reader) (pgconn.CommandTag, error) {
	conn, err := pool.Acquire(ctx)
	if err != nil {
		return pgconn.CommandTag{}, err
	}
	defer conn.Release()
	return copyOnConn(ctx, conn.Conn(), sql, r)
}

func copyOnConn(ctx context.Context, conn *pgx.Conn, sql string, r io.Reader) (pgconn.CommandTag, error) {
	tracer, traced := conn.Config().Tracer.(pgx.CopyFromTracer)
	if traced {
		ctx = tracer.TraceCopyFromStart(ctx, conn, pgx.TraceCopyFromStartData{TableName: copyTarget(sql)})
	}
	tag, err := conn.PgConn().CopyFrom(ctx, r, sql)
	if traced {
		tracer.TraceCopyFromEnd(ctx, conn, pgx.TraceCopyFromEndData{CommandTag: tag, Err: err})
	}
	return tag, err
}

// copyTarget returns the table that a COPY ... FROM writes to, or nothing
// where the text does not show it; any table may then have been written.
func copyTarget(sql string) pgx.Identifier {
	st := sqltext.Analyze(sql)
	if st.Err != nil || st.Count != 1 || len(st.Writes) != 1 {
		return nil
	}
	table := st.Writes[0]
	if table.Schema == "" {
		return pgx.Identifier{table.Name}
	}
	return pgx.Identifier{table.Schema, table.Name}
}
