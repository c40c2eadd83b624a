package changes

import (
	"context"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/headrace/headrace/internal/connecterror"
	"github.com/headrace/headrace/internal/sqltext"
)

// A batch runs in one implicit transaction unless its statements say
// otherwise, and its results are read one by one, or not at all. A statement
// whose result is read has succeeded, and with it all before it: it is taken
// into account then, and a commit told at once. What is left at the end of the
// batch is taken into account together.

// batch is what is kept of a batch under way.
type batch struct {
	sent      *pgx.Batch // nil without one
	began     time.Time
	inTx      bool    // whether a transaction was open then
	read      int     // so many of its statements are taken into account
	unmatched bool    // it cannot be told of which statement the next result is
	failed    bool    // the server reported an error for a statement
	out       outcome // what has to be told at the end
}

// TraceBatchStart notes that a batch begins.
func (t *Tracker) TraceBatchStart(ctx context.Context, conn *pgx.Conn, data pgx.TraceBatchStartData) context.Context {
	s := t.state(conn)
	if s.refuses(conn) {
		return ctx
	}
	t.identify(ctx, s, conn)
	s.current, s.locked = nil, nil
	s.inTx, s.dead = conn.PgConn().TxStatus() != 'I', conn.IsClosed()
	s.batch = batch{sent: data.Batch, began: time.Now(), inTx: s.inTx}
	recordSession(ctx, s, conn)
	return ctx
}

// TraceBatchQuery measures one statement of a batch and takes it into account.
func (t *Tracker) TraceBatchQuery(ctx context.Context, conn *pgx.Conn, data pgx.TraceBatchQueryData) {
	s := Of(conn)
	if s == nil {
		return
	}
	s.batch.failed = s.batch.failed || connecterror.IsServer(data.Err)
	if data.SQL == "" {
		return
	}
	st := t.sent(s, conn, data.SQL)
	r := result{tag: data.CommandTag, err: data.Err}
	t.count(ctx, s, t.statements.statsOf(st, data.SQL), time.Since(data.ReadStartTime), r)
	if !s.batch.takes(st, data) {
		return
	}
	scope := s.nameScope()
	s.step(st, r, &s.batch.out)
	if st.MayCommit() && st.Kind != sqltext.DDL { // which commits with what follows it, as a rule
		out := s.batch.out
		s.batch.out = outcome{}
		t.notify(ctx, conn, s, out, scope)
	}
}

// takes reports whether data is the end of the next statement, st, which has
// succeeded. A program may leave the rows of one open and read on, and close
// them later, in the middle of another batch, or never; and a text of several
// statements has several results, of which pgx takes each for that of a text.
func (b *batch) takes(st *statement, data pgx.TraceBatchQueryData) bool {
	if b.sent == nil || b.unmatched {
		return false
	}
	b.unmatched = b.read == len(b.sent.QueuedQueries) || b.sent.QueuedQueries[b.read].SQL != data.SQL ||
		data.CommandTag.String() == "" || data.ReadStartTime.Before(b.began) || st.Count != 1 || st.Err != nil
	if b.unmatched {
		return false
	}
	b.read++
	return true
}

// TraceBatchEnd tells what the batch's end made visible. pgx has rewritten the
// texts of queued statements by now.
func (t *Tracker) TraceBatchEnd(ctx context.Context, conn *pgx.Conn, data pgx.TraceBatchEndData) {
	s := Of(conn)
	if s == nil || s.wasRefused() || s.batch.sent == nil {
		return
	}
	b := s.batch
	s.tracker, s.batch = t, batch{}
	t.noteStale(s, t.unknown, data.Err) // also of what pgx prepared first, for which there is no TraceBatchQuery
	scope := s.nameScope()
	r := result{err: data.Err, status: conn.PgConn().TxStatus(), gone: conn.IsClosed()}
	r.byServer = connecterror.IsServer(r.err) && (b.failed || !hasCallbacks(b.sent))
	all := t.batchStatements(s, conn, b.sent.QueuedQueries)
	s.session.noteMulti(all, b.inTx, r.status)
	for _, st := range all {
		s.noteTemporary(st)
	}
	rest := t.batchStatements(s, conn, b.sent.QueuedQueries[b.read:])
	out := s.multiEnded(rest, r)
	out.scope = max(out.scope, b.out.scope)
	out.committed.merge(b.out.committed)
	t.notify(ctx, conn, s, out, scope)
}

// hasCallbacks reports whether the batch's error may be that of a function of
// the program's, and so a server's error about something else.
func hasCallbacks(batch *pgx.Batch) bool {
	return slices.ContainsFunc(batch.QueuedQueries, func(q *pgx.QueuedQuery) bool { return q.Fn != nil })
}

func (t *Tracker) batchStatements(s *Conn, conn *pgx.Conn, queued []*pgx.QueuedQuery) []*statement {
	all := make([]*statement, 0, len(queued))
	for _, q := range queued {
		all = append(all, t.statements.partsOf(t.sent(s, conn, q.SQL))...)
	}
	return all
}
