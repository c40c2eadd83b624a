package changes

import (
	"context"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/headrace/headrace/internal/clock"
	"github.com/headrace/headrace/internal/connecterror"
	"github.com/headrace/headrace/internal/profile"
	"github.com/headrace/headrace/internal/sqltext"
	"github.com/headrace/headrace/internal/stmtstats"
)

// A batch runs in one implicit transaction unless its statements say otherwise,
// and the program may read its results one by one, or not at all. When the
// result of a statement is read, it has succeeded, and so have all before it:
// it is processed then, and a commit is announced at once. The remaining
// statements are processed at the end of the batch.

// A batch is the state of a running batch.
type batch struct {
	sent      *pgx.Batch // nil if none is running
	began     time.Time
	inTx      bool    // whether a transaction was open when it began
	read      int     // number of statements that are processed
	unmatched bool    // results can no longer be matched to statements
	failed    bool    // the server reported an error for a statement
	out       outcome // what to announce at the end
}

// TraceBatchStart records the begin of a batch.
func (t *Tracker) TraceBatchStart(ctx context.Context, conn *pgx.Conn, data pgx.TraceBatchStartData) context.Context {
	s := t.state(conn)
	if s.refuses(conn) {
		return ctx
	}
	t.identify(ctx, s, conn)
	s.current, s.locked = nil, nil
	s.inTx, s.dead = conn.PgConn().TxStatus() != 'I', conn.IsClosed()
	s.batch = batch{sent: data.Batch, began: time.Now(), inTx: s.inTx}
	s.began = clock.Now()
	t.measure(ctx, s)
	s.use.busy.Store(true)
	t.beginBatchSpans(ctx, s, conn, data.Batch)
	recordSession(ctx, s, conn)
	return ctx
}

// TraceBatchQuery counts one statement of a batch and processes it.
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
	s.stats = t.statements.statsOf(st, data.SQL)
	t.countQueued(ctx, s, st, r, time.Since(data.ReadStartTime))
	if !s.batch.takes(st, data) {
		return
	}
	scope := s.nameScope()
	s.step(st, r, &s.batch.out)
	if st.MayCommit() && st.Kind != sqltext.DDL { // DDL usually commits with the statements after it
		out := s.batch.out
		s.batch.out = outcome{}
		t.notify(ctx, conn, s, out, scope)
	}
}

// countQueued counts one statement of a batch. The network is not divided among
// the statements: their results arrive together.
func (t *Tracker) countQueued(ctx context.Context, s *Conn, st *statement, r result, took time.Duration) {
	t.count(ctx, s, s.stats, stmtstats.Call{Took: took}, r)
	if len(s.measured.spans) == 0 || s.stats == ownStats {
		return
	}
	q := profile.Query{Fingerprint: st.Fingerprint, Stats: s.stats, Source: st.Statement}
	for _, span := range s.measured.spans {
		span.Answered(&q, profile.Result{Took: took, Rows: max(r.tag.RowsAffected(), 0), Failed: r.err != nil})
	}
}

// takes reports whether data is the end of the next statement, st, which has
// succeeded. It may not be: a program may leave the rows of a statement open
// and read on, and close them later, in another batch, or never. A
// multi-statement text has several results, each of which pgx reports as that
// of the text.
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

// TraceBatchEnd announces what the end of the batch made visible. pgx has
// rewritten the texts of queued statements by now.
func (t *Tracker) TraceBatchEnd(ctx context.Context, conn *pgx.Conn, data pgx.TraceBatchEndData) {
	s := Of(conn)
	if s == nil || s.wasRefused() || s.batch.sent == nil {
		return
	}
	b := s.batch
	s.tracker, s.batch = t, batch{}
	now := clock.Now()
	measured := s.spanResult(result{}, now-s.began)
	for _, span := range s.measured.spans {
		span.Leave(now, measured)
	}
	s.measured.release()
	s.use.ended(conn)
	t.noteStale(s, t.unknown, data.Err) // also for errors of preparing, which have no TraceBatchQuery
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

// hasCallbacks reports whether the batch's error may come from a callback of
// the program, and so may be a server error about something else.
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
