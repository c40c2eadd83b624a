package db

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/headrace/headrace/internal/cacheapi"
	"github.com/headrace/headrace/internal/panics"
	"github.com/headrace/headrace/internal/sqltext"
)

// A Copier writes rows by the COPY protocol. *DB, *pgxpool.Pool, *pgxpool.Conn,
// pgx.Tx, *pgx.Conn and the cached handle of package querycache implement it.
type Copier interface {
	CopyFrom(ctx context.Context, table pgx.Identifier, columns []string, src pgx.CopyFromSource) (int64, error)
}

// CopyRaw runs sql, a COPY ... FROM STDIN, and sends the bytes of r as its
// data, in the format that sql names. w is one of the types listed at [Copier],
// or a type that embeds one. CopyRaw rejects a text that is visibly another
// statement, or several statements: the server would ignore the data.
//
// pgconn reads r on a goroutine of its own. An error of r aborts the COPY and
// is returned, wrapped, together with the server's error for that (57014). A
// panic of r aborts the COPY too, and continues in the goroutine that called
// CopyRaw. When ctx ends or the connection breaks, CopyRaw may return while a
// Read is still running: do not reuse what r reads from before that Read has
// returned.
//
// Unlike pgconn's own CopyFrom, CopyRaw calls the tracers of the connection, so
// that OnChange and Stats see it.
func CopyRaw(ctx context.Context, w Copier, sql string, r io.Reader) (pgconn.CommandTag, error) {
	st := sqltext.Analyze(sql)
	if err := checkCopy(st); err != nil {
		return pgconn.CommandTag{}, err
	}
	switch w := w.(type) {
	case cacheapi.TypedReader: // it has a CopyFrom as well
		return copyOnPool(ctx, sourceOf(w), st, r)
	case acquirer:
		return copyOnPool(ctx, w, st, r)
	}
	if conn := connOf(w); conn != nil {
		return copyOnConn(ctx, conn, st, r)
	}
	return pgconn.CommandTag{}, fmt.Errorf("db: CopyRaw cannot write to a %T", w)
}

// An acquirer is a pool of connections, or a handle to one.
type acquirer interface {
	Acquire(ctx context.Context) (*pgxpool.Conn, error)
}

func copyOnPool(ctx context.Context, pool acquirer, st *sqltext.Statement, r io.Reader) (pgconn.CommandTag, error) {
	conn, err := pool.Acquire(ctx)
	if err != nil {
		return pgconn.CommandTag{}, err
	}
	defer release(conn)
	return copyOnConn(ctx, conn.Conn(), st, r)
}

func copyOnConn(ctx context.Context, conn *pgx.Conn, st *sqltext.Statement, r io.Reader) (pgconn.CommandTag, error) {
	tracer, traced := conn.Config().Tracer.(pgx.CopyFromTracer)
	if traced {
		ctx = tracer.TraceCopyFromStart(ctx, conn, pgx.TraceCopyFromStartData{TableName: copyTarget(st)})
	}
	source := &copySource{r: r}
	tag, err := conn.PgConn().CopyFrom(ctx, source, st.Text)
	err = source.explain(err)
	if traced {
		tracer.TraceCopyFromEnd(ctx, conn, pgx.TraceCopyFromEndData{CommandTag: tag, Err: err})
	}
	if p := source.panicked(); p != nil {
		panic(p) // continue it in the caller's goroutine
	}
	return tag, err
}

// checkCopy rejects a text that visibly takes no data. A text that cannot be
// split into tokens is left to the server.
func checkCopy(st *sqltext.Statement) error {
	const wanted = "db: CopyRaw wants COPY ... FROM STDIN"
	switch {
	case st.Err != nil || st.Kind == sqltext.CopyFrom && st.Client:
		return nil //nolint:nilerr // the server will say what is wrong
	case st.Count != 1:
		return fmt.Errorf(wanted+", and got %d statements", st.Count)
	}
	return fmt.Errorf(wanted+", and got %s", st.Label())
}

// copyTarget returns the table that a COPY ... FROM writes to, or nil where the
// text does not show it; any table may then have been written.
func copyTarget(st *sqltext.Statement) pgx.Identifier {
	if st.Err != nil || st.Count != 1 || len(st.Writes) != 1 {
		return nil
	}
	table := st.Writes[0]
	if table.Schema == "" {
		return pgx.Identifier{table.Name}
	}
	return pgx.Identifier{table.Schema, table.Name}
}

// A copySource is the reader of a COPY's data. It records the reader's error
// and panic: pgconn sends the error to the server as text and returns the
// server's error only, and it reads on a goroutine of its own, where a panic
// would end the program.
type copySource struct {
	r      io.Reader
	failed atomic.Pointer[error] // an abandoned Read may still set it
	panic  atomic.Pointer[panics.Error]
}

var errSourcePanicked = errors.New("the source panicked")

// Read implements [io.Reader].
func (s *copySource) Read(p []byte) (n int, err error) {
	defer func() {
		if v := recover(); v != nil {
			p := panics.New(v)
			s.panic.Store(p)
			s.fail(p)
			n, err = 0, errSourcePanicked // the server logs it: no stack
		}
	}()
	n, err = s.r.Read(p)
	if err != nil && err != io.EOF { // as in pgconn, a wrapped io.EOF is a failure
		s.fail(err)
	}
	return n, err
}

func (s *copySource) fail(err error) { s.failed.Store(&err) }

// explain adds the source's error to the error of the COPY that it aborted.
func (s *copySource) explain(err error) error {
	failed := s.failed.Load()
	if failed == nil || err == nil {
		return err
	}
	return fmt.Errorf("read the source: %w: %w", *failed, err)
}

// panicked returns the source's panic, or nil.
func (s *copySource) panicked() *panics.Error { return s.panic.Load() }
