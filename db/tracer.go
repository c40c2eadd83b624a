package db

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/headrace/headrace/internal/clock"
	"github.com/headrace/headrace/internal/connecterror"
	"github.com/headrace/headrace/internal/sqltext"
	"github.com/headrace/headrace/internal/stmtstats"
)

// A tracer sits in every connection that the handle opens. It measures
// statements and collects what transactions write. It allocates nothing for a
// statement that is known, and uses the connection for nothing but to ask,
// before COMMIT, what statements did of which that is not known.
type tracer struct{ db *DB }

var (
	_ pgx.QueryTracer    = (*tracer)(nil)
	_ pgx.BatchTracer    = (*tracer)(nil)
	_ pgx.CopyFromTracer = (*tracer)(nil)
	_ pgx.PrepareTracer  = (*tracer)(nil)
)

// TraceQueryStart notes that a statement begins.
func (t *tracer) TraceQueryStart(ctx context.Context, conn *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	s := t.state(conn)
	if s.refuses(conn) {
		return ctx
	}
	t.db.identify(ctx, s, conn)
	st := t.statement(ctx, s, conn, data.SQL, data.Args)
	t.begin(s, conn, st)
	if s.stats = t.db.statements.statsOf(st, data.SQL); s.stats != st.stats {
		s.usage.last.Store(s.stats)
	}
	if s.current.Kind == sqltext.Commit {
		t.db.askBeforeCommit(ctx, s, conn)
		s.dead = conn.IsClosed() // then COMMIT is not sent
	}
	seeSession(ctx, s, conn)
	return ctx
}

// TraceQueryEnd notes that the statement's result has been read or given up.
func (t *tracer) TraceQueryEnd(ctx context.Context, conn *pgx.Conn, data pgx.TraceQueryEndData) {
	t.end(ctx, conn, result{tag: data.CommandTag, err: data.Err})
}

// state returns the state kept with conn.
func (t *tracer) state(conn *pgx.Conn) *connState {
	s := ensureState(conn)
	s.handle = t.db
	return s
}

// noteUnfit notes that err says that what was prepared does not fit, or is not
// there, any more.
func (t *tracer) noteUnfit(s *connState, st *statement, err error) {
	switch {
	case err == nil:
		if st.Kind == sqltext.Deallocate || st.Kind == sqltext.Discard || st.Kind == sqltext.Several {
			s.forgot = s.forgot || st.DropsPrepared()
		}
		return
	case connecterror.LostStatementName(err):
		t.db.lostNames.note(t.db.opts.Logger, s)
	case !connecterror.StalePlan(err):
		return
	}
	s.stale, s.unfit = true, st
}

func (t *tracer) begin(s *connState, conn *pgx.Conn, st *statement) {
	s.current, s.stats, s.locked = st, st.stats, nil
	s.usage.last.Store(s.stats)
	s.inTx, s.dead = conn.PgConn().TxStatus() != 'I', conn.IsClosed()
	if !s.timed {
		s.began = clock.Now()
	}
	s.timed = false
}

func (t *tracer) end(ctx context.Context, conn *pgx.Conn, r result) {
	s := stateOf(conn)
	if s == nil || s.wasRefused() || s.current == nil {
		return
	}
	st := s.current
	s.handle, s.current, s.copying = t.db, nil, st.Kind == sqltext.CopyFrom && st.Client
	if s.cut {
		s.cut, r.err = false, nil
	}
	t.noteUnfit(s, st, r.err)
	t.count(ctx, s, s.stats, clock.Now()-s.began, r)
	t.settle(ctx, conn, s, st, r)
}

// count adds one call to a statement's figures.
func (t *tracer) count(ctx context.Context, s *connState, stats *stmtstats.Statement, took time.Duration, r result) {
	wait, rows := s.wait, r.tag.RowsAffected()
	s.wait = 0
	if s.own {
		return
	}
	stats.Add(took, wait, rows, r.err)
	if s.copying {
		return // how long it takes is up to who sends the rows
	}
	t.db.slow.Note(ctx, stats, took, wait, rows)
}

// settle tells what the statement's end made visible.
func (t *tracer) settle(ctx context.Context, conn *pgx.Conn, s *connState, st *statement, r result) {
	by := s.meaning()
	r.status, r.gone = conn.PgConn().TxStatus(), conn.IsClosed()
	s.session.note(st, s.stats, s.inTx, r)
	if r.err == nil || !rolledBack(st, r.err) {
		s.noteTemporary(st)
	}
	var out outcome
	if st.Count > 1 {
		r.byServer = connecterror.IsServer(r.err)
		out = s.endedTogether(t.db.statements.partsOf(st), r)
	} else {
		out = s.ended(st, r)
	}
	t.tell(ctx, conn, s, out, by)
}

// tell announces what has to be told. by is what names stood for before.
func (t *tracer) tell(ctx context.Context, conn *pgx.Conn, s *connState, out outcome, by meaning) {
	if out.none() {
		return
	}
	out.by = max(out.by, by, s.meaning())
	t.db.tellOutcome(ctx, conn, out)
}

// statement returns what is known of a statement that is about to be sent.
func (t *tracer) statement(ctx context.Context, s *connState, conn *pgx.Conn, sql string, args []any) *statement {
	switch rewriter := rewriterOf(args).(type) {
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
		numbered := t.db.statements.get(text)
		st.numbered.Store(numbered)
		return numbered
	}
	return t.db.unknown
}

// sent returns what is known of a text that is sent on conn.
func (t *tracer) sent(s *connState, conn *pgx.Conn, sql string) *statement {
	st := s.statementFor(t.db.statements, sql)
	if st.escapes && conn.PgConn().ParameterStatus("standard_conforming_strings") == "off" {
		return t.db.unknown // its strings may end elsewhere
	}
	return st
}

// rewriterOf returns the query rewriter among the leading arguments, where pgx
// looks for it; nil if there is none.
func rewriterOf(args []any) pgx.QueryRewriter {
	for _, arg := range args {
		switch arg := arg.(type) {
		case pgx.QueryExecMode, pgx.QueryResultFormats, pgx.QueryResultFormatsByOID:
		case pgx.QueryRewriter:
			return arg
		default:
			return nil
		}
	}
	return nil
}

// TracePrepareStart notes the text of a statement that the program prepares
// under a name of its own, by which it may be run later.
func (t *tracer) TracePrepareStart(ctx context.Context, conn *pgx.Conn, data pgx.TracePrepareStartData) context.Context {
	if data.Name != "" && data.Name != data.SQL && !isCachedName(data.Name) {
		t.state(conn).preparing = data
	}
	return ctx
}

// TracePrepareEnd remembers the text once the server has taken it: a name that
// was taken before keeps what it had.
func (t *tracer) TracePrepareEnd(_ context.Context, conn *pgx.Conn, data pgx.TracePrepareEndData) {
	s := stateOf(conn)
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
	s.unsure |= t.db.statements.get(sql).NameChange().Moves // EXECUTE may run it
	if s.text == name {
		s.recent = nil
	}
}

// isCachedName reports whether pgx's statement cache made the name.
func isCachedName(name string) bool {
	const prefix = "stmtcache_"
	return len(name) > len(prefix) && name[:len(prefix)] == prefix
}

// TraceCopyFromStart notes that rows are copied into a table.
func (t *tracer) TraceCopyFromStart(ctx context.Context, conn *pgx.Conn, data pgx.TraceCopyFromStartData) context.Context {
	s := t.state(conn)
	if s.refuses(conn) {
		return ctx
	}
	t.db.identify(ctx, s, conn)
	st := t.db.unknown
	if len(data.TableName) > 0 {
		st = t.db.statements.get("COPY " + data.TableName.Sanitize() + " FROM STDIN")
	}
	t.begin(s, conn, st)
	return ctx
}

// TraceCopyFromEnd notes that the copy has ended.
func (t *tracer) TraceCopyFromEnd(ctx context.Context, conn *pgx.Conn, data pgx.TraceCopyFromEndData) {
	t.end(ctx, conn, result{tag: data.CommandTag, err: data.Err})
}
