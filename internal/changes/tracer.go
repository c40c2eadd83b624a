package changes

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/headrace/headrace/internal/argkey"
	"github.com/headrace/headrace/internal/catalog"
	"github.com/headrace/headrace/internal/clock"
	"github.com/headrace/headrace/internal/connecterror"
	"github.com/headrace/headrace/internal/sqltext"
	"github.com/headrace/headrace/internal/stmtstats"
)

// The methods of this file are pgx's hooks. They allocate nothing for a known
// statement. They use the connection for one purpose only: to ask before COMMIT
// for the locks of statements whose effects cannot be examined.

var (
	_ pgx.QueryTracer    = (*Tracker)(nil)
	_ pgx.BatchTracer    = (*Tracker)(nil)
	_ pgx.CopyFromTracer = (*Tracker)(nil)
	_ pgx.PrepareTracer  = (*Tracker)(nil)
)

// TraceQueryStart records the begin of a statement.
func (t *Tracker) TraceQueryStart(ctx context.Context, conn *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	s := t.state(conn)
	if s.refuses(conn) {
		return ctx
	}
	t.identify(ctx, s, conn)
	st := t.statement(ctx, s, conn, data.SQL, data.Args)
	t.begin(ctx, s, conn, st)
	if s.stats = t.statements.statsOf(st, data.SQL); s.stats != st.stats {
		s.last.Store(s.stats)
	}
	t.beginSpans(ctx, s, st, data.Args)
	if s.current.Kind == sqltext.Commit {
		t.askBeforeCommit(ctx, s, conn)
		s.dead = conn.IsClosed() // then COMMIT is not sent
	}
	recordSession(ctx, s, conn)
	return ctx
}

// TraceQueryEnd records the end of a statement: its result has been read or
// abandoned.
func (t *Tracker) TraceQueryEnd(ctx context.Context, conn *pgx.Conn, data pgx.TraceQueryEndData) {
	t.end(ctx, conn, result{tag: data.CommandTag, err: data.Err})
}

// state returns the Conn of conn.
func (t *Tracker) state(conn *pgx.Conn) *Conn {
	s := Ensure(conn)
	s.tracker = t
	return s
}

// noteStale records that, according to err, a prepared statement is invalid or
// unknown to the server.
func (t *Tracker) noteStale(s *Conn, st *statement, err error) {
	switch {
	case err == nil:
		if st.Kind == sqltext.Deallocate || st.Kind == sqltext.Discard || st.Kind == sqltext.Several {
			s.forgot = s.forgot || st.DropsPrepared()
		}
		return
	case connecterror.LostStatementName(err):
		t.unknownNames.note(t.logger, s)
	case !connecterror.StalePlan(err):
		return
	}
	s.stale, s.staleStatement = true, st
}

func (t *Tracker) begin(ctx context.Context, s *Conn, conn *pgx.Conn, st *statement) {
	s.current, s.stats, s.locked = st, st.stats, nil
	s.last.Store(s.stats)
	s.inTx, s.dead = conn.PgConn().TxStatus() != 'I', conn.IsClosed()
	if !s.timed {
		s.began = clock.Now()
	}
	s.timed = false
	t.measure(ctx, s)
	s.use.busy.Store(true)
}

func (t *Tracker) end(ctx context.Context, conn *pgx.Conn, r result) {
	s := Of(conn)
	if s == nil || s.wasRefused() || s.current == nil {
		return
	}
	st := s.current
	s.tracker, s.current, s.copying = t, nil, st.Kind == sqltext.CopyFrom && st.Client
	if s.cancelling {
		s.cancelling, r.err = false, nil
	}
	t.noteStale(s, st, r.err)
	t.countStatement(ctx, s, r)
	s.use.ended(conn)
	t.endStatement(ctx, conn, s, st, r)
}

// countStatement counts the running statement, which has ended.
func (t *Tracker) countStatement(ctx context.Context, s *Conn, r result) {
	now := clock.Now()
	took := now - s.began
	measured := s.spanResult(r, took)
	for _, span := range s.measured.spans {
		span.EndStatement(&s.measured.query, now, measured)
	}
	s.measured.release()
	t.count(ctx, s, s.stats, stmtstats.Call{Took: took, Network: measured.Network, Bytes: measured.Bytes}, r)
}

// count adds one call to a statement's figures.
func (t *Tracker) count(ctx context.Context, s *Conn, stats *stmtstats.Statement, c stmtstats.Call, r result) {
	c.Wait, c.Rows, c.Err = s.wait, r.tag.RowsAffected(), r.err
	s.wait = 0
	if s.own {
		return
	}
	stats.Add(c)
	if s.copying {
		return // it takes as long as the program sends rows
	}
	t.slow.Note(ctx, stats, c)
}

// endStatement announces what the end of the statement made visible.
func (t *Tracker) endStatement(ctx context.Context, conn *pgx.Conn, s *Conn, st *statement, r result) {
	scope := s.nameScope()
	r.status, r.gone = conn.PgConn().TxStatus(), conn.IsClosed()
	s.session.note(st, s.stats, s.inTx, r)
	if r.err == nil || !rolledBack(st, r.err) {
		s.noteTemporary(st)
	}
	var out outcome
	if st.Count > 1 {
		r.byServer = connecterror.IsServer(r.err)
		out = s.multiEnded(t.statements.partsOf(st), r)
	} else {
		out = s.ended(st, r)
	}
	t.notify(ctx, conn, s, out, scope)
}

// notify announces an outcome. scope is the name scope before the statement
// ended.
func (t *Tracker) notify(ctx context.Context, conn *pgx.Conn, s *Conn, out outcome, scope catalog.NameScope) {
	if out.none() {
		return
	}
	out.scope = max(out.scope, scope, s.nameScope())
	t.notifyOutcome(ctx, conn, out)
}

// statement returns the statement that is about to be sent.
func (t *Tracker) statement(ctx context.Context, s *Conn, conn *pgx.Conn, sql string, args []any) *statement {
	switch rewriter := argkey.Rewriter(args).(type) {
	case nil:
		return t.sent(s, conn, sql)
	case pgx.NamedArgs, pgx.StrictNamedArgs: // the new text depends on the old one only
		st := t.sent(s, conn, sql)
		if numbered := st.numbered.Load(); numbered != nil {
			return numbered
		}
		text, _, err := rewriter.RewriteQuery(ctx, conn, sql, nil)
		if err != nil {
			return st // will not be sent
		}
		numbered := t.statements.get(text)
		st.numbered.Store(numbered)
		return numbered
	}
	return t.unknown
}

// sent returns the statement of a text that is sent on conn.
func (t *Tracker) sent(s *Conn, conn *pgx.Conn, sql string) *statement {
	st := s.statementFor(t.statements, sql)
	if st.escapes && conn.PgConn().ParameterStatus("standard_conforming_strings") == "off" {
		return t.unknown // its strings may end elsewhere
	}
	return st
}

// TracePrepareStart records the text of a statement that the program prepares
// under a name of its own, by which it may be run later.
func (t *Tracker) TracePrepareStart(ctx context.Context, conn *pgx.Conn, data pgx.TracePrepareStartData) context.Context {
	if data.Name != "" && data.Name != data.SQL && !isCachedName(data.Name) {
		t.state(conn).preparing = data
	}
	return ctx
}

// TracePrepareEnd remembers the text once the server has accepted it: a name in
// use keeps its former text.
func (t *Tracker) TracePrepareEnd(_ context.Context, conn *pgx.Conn, data pgx.TracePrepareEndData) {
	s := Of(conn)
	if s == nil || s.preparing.Name == "" {
		return
	}
	name, sql := s.preparing.Name, s.preparing.SQL
	s.preparing = pgx.TracePrepareStartData{}
	if data.Err != nil || data.AlreadyPrepared {
		return
	}
	if s.prepared == nil {
		s.prepared = make(map[string]string)
	}
	s.prepared[name] = sql
	s.names |= t.statements.get(sql).NameChange().Moves // EXECUTE may run it
	if s.text == name {
		s.recent = nil
	}
}

// isCachedName reports whether pgx's statement cache made the name.
func isCachedName(name string) bool {
	const prefix = "stmtcache_"
	return len(name) > len(prefix) && name[:len(prefix)] == prefix
}

// TraceCopyFromStart records the begin of a COPY into a table.
func (t *Tracker) TraceCopyFromStart(ctx context.Context, conn *pgx.Conn, data pgx.TraceCopyFromStartData) context.Context {
	s := t.state(conn)
	if s.refusesCopy(conn) {
		return ctx
	}
	t.identify(ctx, s, conn)
	st := t.unknown
	if len(data.TableName) > 0 {
		st = t.statements.get("COPY " + data.TableName.Sanitize() + " FROM STDIN")
	}
	t.begin(ctx, s, conn, st)
	t.beginSpans(ctx, s, st, nil)
	return ctx
}

// TraceCopyFromEnd records the end of a COPY.
func (t *Tracker) TraceCopyFromEnd(ctx context.Context, conn *pgx.Conn, data pgx.TraceCopyFromEndData) {
	if s := Of(conn); s != nil && s.copyRefused {
		s.copyRefused = false
		return
	}
	t.end(ctx, conn, result{tag: data.CommandTag, err: data.Err})
}
