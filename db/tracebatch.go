package db

import (
	"context"
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
	s.current = nil
	s.inTx, s.dead = conn.PgConn().TxStatus() != 'I', conn.IsClosed()
	s.batch = data.Batch
	seeSession(ctx, s, conn)
	return ctx
}

// TraceBatchQuery measures one statement of a batch.
func (t *tracer) TraceBatchQuery(ctx context.Context, conn *pgx.Conn, data pgx.TraceBatchQueryData) {
	s := stateOf(conn)
	if s == nil || data.SQL == "" {
		return
	}
	st := s.statementFor(t.db.statements, data.SQL)
	t.count(ctx, s, st, time.Since(data.ReadStartTime), result{tag: data.CommandTag, err: data.Err})
}

// TraceBatchEnd tells what the batch's end made visible. pgx has rewritten the
// texts of queued statements by now.
func (t *tracer) TraceBatchEnd(ctx context.Context, conn *pgx.Conn, data pgx.TraceBatchEndData) {
	s := stateOf(conn)
	if s == nil || s.batch == nil {
		return
	}
	batch := s.batch
	s.batch = nil
	t.noteUnfit(s, data.Err) // also of what pgx prepared first, for which there is no TraceBatchQuery
	unsure := s.unsure || s.unsureTx
	r := result{err: data.Err, status: conn.PgConn().TxStatus(), gone: conn.IsClosed()}
	out := s.batchEnded(t.batchStatements(s, batch), r)
	t.db.tellOutcome(ctx, conn, unsure || s.unsure, out)
}

func (t *tracer) batchStatements(s *connState, batch *pgx.Batch) []*statement {
	all := make([]*statement, 0, len(batch.QueuedQueries))
	for _, q := range batch.QueuedQueries {
		all = append(all, s.statementFor(t.db.statements, q.SQL))
	}
	return all
}

// batchEnded takes note of how a batch ended and returns what has to be told.
func (s *connState) batchEnded(all []*statement, r result) outcome {
	plain := true // no statement begins, ends or divides a transaction
	for _, st := range all {
		s.noteSettings(st)
		s.session.note(st)
		plain = plain && !st.endsTransactions()
		if mayWrite(st) {
			s.pending.add(st)
		}
	}
	switch {
	case r.gone:
		return s.batchLost(plain)
	case r.status != 'I':
		return outcome{} // the transaction it ran in, or opened, is still open
	case plain && !s.inTx && r.err != nil && isServerError(r.err):
		s.pending.take() // the implicit transaction was rolled back
		return outcome{}
	}
	s.unsureTx = false
	return outcome{committed: s.pending.take()}
}

func (s *connState) batchLost(plain bool) outcome {
	w := s.pending.take()
	if s.dead || plain && s.inTx {
		return outcome{}
	}
	return outcome{doubtful: w}
}
