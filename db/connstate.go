package db

import (
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/headrace/headrace/internal/connecterror"
	"github.com/headrace/headrace/internal/rules"
	"github.com/headrace/headrace/internal/sqltext"
	"github.com/headrace/headrace/internal/stmtstats"
)

// connState is what the tracer keeps with a connection. It belongs to whoever
// holds the connection, which is one goroutine at a time.
type connState struct {
	handle   *DB                  // whose pool the connection is in, and whose tracer settles what ends
	wait     time.Duration        // of the last Acquire, until a statement takes it
	began    time.Duration        // clock when the statement under way began
	timed    bool                 // began is that of the statement to come
	current  *statement           // the statement under way
	stats    *stmtstats.Statement // that it is counted by
	inTx     bool                 // whether a transaction was open when it began
	dead     bool                 // whether the connection was closed when it began
	pending  pending              // of the open transaction
	locked   []Change             // all that it may have changed, as the server told just before COMMIT; nil if not asked
	refused  int                  // statements begun while the connection was busy, whose end is still to come
	batch    batch                // the batch under way
	prepared map[string]string    // text by the name it was prepared under by the program
	stale    bool                 // statements that were prepared here are invalid, or unknown to the server
	cut      bool                 // the statement under way was asked to stop by cutShort
	unsure   sqltext.NameScope    // what was set here: names may stand for other tables
	unsureTx sqltext.NameScope    // the same, until the transaction ends
	hooked   sqltext.NameScope    // what the pool's hook AfterConnect set, which RESET undoes
	session  sessionState         // what became of it since it began
	place    connPlace            // where it leads
	own      bool                 // statements are this package's, and no part of the figures
	rows     []rows               // some rows to hand out, allocated together
	scans    keptScans            // of the rows that QueryRow reads
	recent   *statement           // the last statement, found again without a table
	text     string               // its text

	copying bool // the statement that ended was COPY FROM STDIN
	usage   connUsage
	unfit   *statement // the last one that did not run because of how it was prepared
	forgot  bool       // the program dropped prepared statements by DEALLOCATE or DISCARD

	preparing pgx.TracePrepareStartData // what the program prepares; no Name when it does not
}

// stateKey is where a connection's custom data has its connState.
const stateKey = "github.com/headrace/headrace/db"

// stateOf returns the state kept with conn, or nil where no tracer of ours sits.
func stateOf(conn *pgx.Conn) *connState {
	s, _ := conn.PgConn().CustomData()[stateKey].(*connState)
	return s
}

// handleOf returns the handle whose pool conn is in, or nil where no tracer of
// its sits.
func handleOf(conn *pgx.Conn) *DB {
	if s := stateOf(conn); s != nil {
		return s.handle
	}
	return nil
}

// ensureState returns the state kept with conn, made now if there is none.
func ensureState(conn *pgx.Conn) *connState {
	data := conn.PgConn().CustomData()
	s, ok := data[stateKey].(*connState)
	if !ok {
		s = new(connState)
		data[stateKey] = s
	}
	return s
}

// refuses reports whether the connection is at work for another statement, so
// that pgx will refuse the one that begins ("conn busy") and what is known of
// the one under way has to stay. The end of the refused one comes first.
func (s *connState) refuses(conn *pgx.Conn) bool {
	if !conn.PgConn().IsBusy() {
		return false
	}
	s.refused++
	return true
}

// wasRefused reports whether the statement that ends is one that refuses told of.
func (s *connState) wasRefused() bool {
	if s.refused == 0 {
		return false
	}
	s.refused--
	return true
}

// newRows returns an empty rows. A nil state, of an adopted pool, gives one too.
func (s *connState) newRows() *rows {
	if s == nil {
		return new(rows)
	}
	if len(s.rows) == 0 {
		s.rows = make([]rows, 32)
	}
	r := &s.rows[0]
	s.rows = s.rows[1:]
	r.state = s
	return r
}

// statementFor returns what is known about sql, which may be the name of a
// statement that the program prepared.
func (s *connState) statementFor(table *statementTable, sql string) *statement {
	if s.recent != nil && s.text == sql {
		return s.recent
	}
	text := sql
	if prepared, ok := s.prepared[sql]; ok {
		text = prepared
	}
	s.recent, s.text = table.get(text), sql
	return s.recent
}

// result is how a statement ended.
type result struct {
	tag      pgconn.CommandTag
	err      error
	byServer bool // err is what the server said of the statement
	status   byte // of the transaction now: 'I' none, 'T' open, 'E' open and failed
	gone     bool // the connection is closed
}

// of returns how st ran that ended so.
func (r result) of(st *statement) run { return run{st, r.err == nil && changedNoRow(st, r.tag)} }

// changedNoRow reports whether the tag is that of a command that changed no row.
func changedNoRow(st *statement, tag pgconn.CommandTag) bool {
	switch tag.String() {
	case "INSERT 0 0":
		return st.Kind == sqltext.Insert
	case "UPDATE 0":
		return st.Kind == sqltext.Update
	case "DELETE 0":
		return st.Kind == sqltext.Delete
	case "MERGE 0":
		return st.Kind == sqltext.Merge
	case "COPY 0":
		return st.Kind == sqltext.CopyFrom
	}
	return false
}

// outcome is what has to be told after a statement.
type outcome struct {
	committed writes   // these are visible to everybody now
	doubtful  writes   // these may be, or may become so
	by        meaning  // what names stood for
	locked    []Change // all that may have been changed, the schema not, where the server told; else nil
}

func (o *outcome) none() bool { return o.committed.none() && o.doubtful.none() }

// ended takes note of how st, which is one statement, ended and returns what
// has to be told.
func (s *connState) ended(st *statement, r result) outcome {
	switch {
	case r.gone:
		return s.lost(st)
	case s.inTx:
		return s.endedInTx(st, r)
	}
	return s.endedAlone(st, r)
}

// lost: the connection broke. Work of a transaction whose COMMIT was not under
// way is rolled back by the server. pgconn.SafeToRetry is not asked here: of a
// simple statement whose answer is lost pgx 5.12 returns the error of a closed
// connection, which claims that nothing was sent.
func (s *connState) lost(st *statement) outcome {
	defer s.pending.take()
	if s.dead || s.inTx && !st.MayCommit() {
		return outcome{}
	}
	s.ran(run{statement: st})
	return outcome{doubtful: s.pending.writes, by: s.meaning(), locked: s.locked}
}

// endedInTx: a transaction was open when st began.
func (s *connState) endedInTx(st *statement, r result) (out outcome) {
	if r.err == nil {
		if st.Kind == sqltext.Commit && r.tag.String() == "ROLLBACK" { // a failed transaction cannot commit
			s.unsureTx = 0
			s.pending.take()
			return outcome{}
		}
		if s.control(st, &out) {
			return out
		}
		s.noteSettings(st)
		s.noteCalls(st)
	}
	s.ran(r.of(st)) // also after an error: ROLLBACK TO may undo it, nothing needs it noted, and it does no harm
	switch {
	case rules.Broken == rules.ToldAfter && r.status == 'T':
		s.commit(&out)
	case r.status == 'I' && r.err != nil && endsByRollback(st):
		s.unsureTx = 0
		s.pending.take()
	case r.status == 'I': // a procedure ended the transaction
		s.commit(&out)
	case st.Kind == sqltext.Unrecognized: // it may have been COMMIT AND CHAIN
		s.escaped(&out)
	}
	return out
}

// endsByRollback reports whether a transaction that the failing statement
// ended was rolled back: a deferred constraint spoke at COMMIT, a transaction
// could not be prepared.
func endsByRollback(st *statement) bool {
	return st.Kind == sqltext.Commit || st.Kind == sqltext.PrepareTransaction
}

// endedAlone: no transaction was open, so that st was one by itself.
func (s *connState) endedAlone(st *statement, r result) outcome {
	if r.err == nil {
		s.noteSettings(st)
		s.noteResets(st)
		s.unsureTx = 0
	}
	if r.status != 'I' || !s.mayHaveWritten(r.of(st)) {
		return outcome{}
	}
	if r.err != nil && rolledBack(st, r.err) {
		return outcome{}
	}
	return outcome{committed: writes{by: []run{r.of(st)}}, by: s.meaning()}
}

// ran takes note of a run.
func (s *connState) ran(r run) {
	if s.mayHaveWritten(r) {
		s.pending.add(r)
	}
}

// mayHaveWritten reports whether a run may have changed something, as far as
// that is known without asking the server.
func (s *connState) mayHaveWritten(r run) bool {
	if !s.handle.mayWrite(s, r.statement) {
		return false
	}
	e := r.writesBy(s.meaning(), s.handle.databaseOf(s))
	return !r.noRows || e == nil || !e.full.RowsOnly
}

// rolledBack reports whether a statement by itself that failed with err left
// nothing behind. Procedures, VACUUM and the like commit on their way.
func rolledBack(st *statement, err error) bool {
	return connecterror.NeverSent(err) || connecterror.IsServer(err) && !st.MayCommit()
}

// noteSettings marks the connection when st may have changed what names stand
// for.
func (s *connState) noteSettings(st *statement) {
	e := st.NameChange()
	if (s.unsure|s.unsureTx)&sqltext.ByTable != 0 && st.MayAttachTrigger() {
		e.Moves |= sqltext.ByTemporary // it may be a trigger, on a temporary table
	}
	if e.Local {
		s.unsureTx |= e.Moves
	} else {
		s.unsure |= e.Moves
	}
	s.unsure |= e.Resets & s.hooked // to what the hook found
}

// noteCalls marks the connection, for the rest of the transaction, when a
// function that st calls may have changed what names stand for. Where it is not
// known what st calls it is written down as pending, and found then.
func (s *connState) noteCalls(st *statement) {
	if s.unsureTx&sqltext.ByPath != 0 || s.handle.listeners.none() {
		return
	}
	if e := st.writesBy(s.meaning(), s.handle.databaseOf(s)); e != nil && e.full.MovesNames {
		s.unsureTx |= sqltext.ByPath | sqltext.ByRole
	}
}

// noteTemporary marks the session where what st calls may have left a temporary
// relation in it.
func (s *connState) noteTemporary(st *statement) {
	if s.handle.listeners.none() || st.ReadOnly == sqltext.Yes || !st.MayWrite() {
		return
	}
	switch leaves, known := st.leavesTemporary(s.handle.databaseOf(s)); {
	case leaves:
		s.session.changes = s.session.changes.with(sessionChanges{sqltext.TemporaryRelations: st.stats.Label()})
	case !known && s.session.noteCalled(st) && st.Kind == sqltext.Call:
		s.handle.inquireIdly([]inquiryKey{{st: st}}) // its commit is not waited for: it counts as a change of all tables
	}
}

// noteResets notes what a statement set back that ran outside of a
// transaction, which might still take it back.
func (s *connState) noteResets(st *statement) {
	s.unsure &^= st.NameChange().Resets &^ s.hooked
}
