package db

import (
	"context"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
)

// A batch runs in one implicit transaction unless its statements say
// otherwise, and its results are read one by one, or not at all. So each
// statement is only measured when its result is read; what the batch wrote is
// told once, at its end, for all of its statements.

// TraceBatchStart notes that a batch begins.
func (t *tracer) TraceBatchStart(ctx context.Context, conn *pgx.Conn, data pgx.TraceBatchStartData) context.Context {
	s := t.state(conn)
	if s.refuses(conn) {
		return ctx
	}
	s.current, s.locked = nil, nil
	s.inTx, s.dead = conn.PgConn().TxStatus() != 'I', conn.IsClosed()
	s.batch, s.batchFailed = data.Batch, false
	seeSession(ctx, s, conn)
	return ctx
}

// TraceBatchQuery measures one statement of a batch.
func (t *tracer) TraceBatchQuery(ctx context.Context, conn *pgx.Conn, data pgx.TraceBatchQueryData) {
	s := stateOf(conn)
	if s == nil {
		return
	}
	s.batchFailed = s.batchFailed || isServerError(data.Err)
	if data.SQL == "" {
		return
	}
	st := s.statementFor(t.db.statements, data.SQL)
	t.count(ctx, s, t.db.statements.statsOf(st, data.SQL), time.Since(data.ReadStartTime), result{tag: data.CommandTag, err: data.Err})
}

// TraceBatchEnd tells what the batch's end made visible. pgx has rewritten the
// texts of queued statements by now.
func (t *tracer) TraceBatchEnd(ctx context.Context, conn *pgx.Conn, data pgx.TraceBatchEndData) {
	s := stateOf(conn)
	if s == nil || s.wasRefused() || s.batch == nil {
		return
	}
	batch := s.batch
	s.handle, s.batch = t.db, nil
	t.noteUnfit(s, data.Err) // also of what pgx prepared first, for which there is no TraceBatchQuery
	by := s.meaning()
	r := result{err: data.Err, status: conn.PgConn().TxStatus(), gone: conn.IsClosed()}
	r.byServer = isServerError(r.err) && (s.batchFailed || !hasCallbacks(batch))
	all := t.batchStatements(s, batch)
	s.session.noteTogether(all, s.inTx, r.status)
	out := s.endedTogether(all, r)
	out.by = max(out.by, by, s.meaning())
	t.db.tellOutcome(ctx, conn, out)
}

// hasCallbacks reports whether the batch's error may be that of a function of
// the program's, and so a server's error about something else.
func hasCallbacks(batch *pgx.Batch) bool {
	return slices.ContainsFunc(batch.QueuedQueries, func(q *pgx.QueuedQuery) bool { return q.Fn != nil })
}

func (t *tracer) batchStatements(s *connState, batch *pgx.Batch) []*statement {
	all := make([]*statement, 0, len(batch.QueuedQueries))
	for _, q := range batch.QueuedQueries {
		all = append(all, t.db.statements.partsOf(s.statementFor(t.db.statements, q.SQL))...)
	}
	return all
}
