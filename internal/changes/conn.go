package changes

import (
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/headrace/headrace/internal/catalog"
	"github.com/headrace/headrace/internal/connecterror"
	"github.com/headrace/headrace/internal/sqltext"
	"github.com/headrace/headrace/internal/stmtstats"
)

// A Conn is what a Tracker keeps with a connection. It belongs to whoever holds
// the connection, which is one goroutine at a time.
type Conn struct {
	tracker *Tracker // whose pool the connection is in
	own     bool     // statements are this module's, and no part of the figures

	// The statement under way.
	wait       time.Duration        // for the connection, until a statement takes it
	began      time.Duration        // by clock.Now
	timed      bool                 // began is that of the statement to come
	current    *statement           // nil without one
	stats      *stmtstats.Statement // by which it is counted
	inTx       bool                 // whether a transaction was open when it began
	dead       bool                 // whether the connection was closed when it began
	cancelling bool                 // the server was asked to stop it
	refused    int                  // statements begun while the connection was busy, whose end is still to come
	batch      batch                // the batch under way
	copying    bool                 // the statement that ended was COPY FROM STDIN

	// The open transaction.
	writeSet writeSet          // what it has written
	locked   []Change          // all that it may have changed, as the server told just before COMMIT; nil if not asked
	txNames  sqltext.NameFactors // what was set in it: names may stand for other tables

	// The session.
	session sessionState      // what became of it since it began
	place   connPlace         // the database
	names   sqltext.NameFactors // what was set in it: names may stand for other tables
	hooked  sqltext.NameFactors // what the pool's hook AfterConnect set, which RESET undoes

	// Prepared statements.
	prepared       map[string]string         // text by the name under which the program prepared it
	preparing      pgx.TracePrepareStartData // what the program prepares; no Name when it does not
	stale          bool                      // some are invalid, or unknown to the server
	staleStatement *statement                // the last one that did not run because of how it was prepared
	forgot         bool                      // the program dropped some by DEALLOCATE or DISCARD

	recent *statement                          // the last statement, found again without a table
	text   string                              // its text
	last   atomic.Pointer[stmtstats.Statement] // of the last statement that began; read by other goroutines
}

// connKey is where a connection's custom data has its Conn.
const connKey = "github.com/headrace/headrace/internal/changes"

// Of returns what is kept with conn, or nil where no Tracker sits.
func Of(conn *pgx.Conn) *Conn {
	s, _ := conn.PgConn().CustomData()[connKey].(*Conn)
	return s
}

// Ensure returns what is kept with conn, made now if there is nothing.
func Ensure(conn *pgx.Conn) *Conn {
	data := conn.PgConn().CustomData()
	s, ok := data[connKey].(*Conn)
	if !ok {
		s = new(Conn)
		data[connKey] = s
	}
	return s
}

// Acquired notes how long the holder waited for the connection, until at, and
// whether a statement begins now.
func (s *Conn) Acquired(wait, at time.Duration, now bool) {
	s.wait, s.timed = wait, now
	if now {
		s.began = at
	}
}

// Began returns when the last statement began, by [clock.Now].
func (s *Conn) Began() time.Duration { return s.began }

// Begin notes that something that is no statement begins.
func (s *Conn) Begin(at time.Duration) { s.began = at }

// Last returns the figures of the last statement that began, nil without one.
// Any goroutine may call it.
func (s *Conn) Last() *stmtstats.Statement { return s.last.Load() }

// Current returns the statement under way, nil without one.
func (s *Conn) Current() *sqltext.Statement {
	if s.current == nil {
		return nil
	}
	return s.current.Statement
}

// InTx reports whether a transaction was open when the last statement began.
func (s *Conn) InTx() bool { return s.inTx }

// Cancelling records that the server is asked to stop the statement under way, whose
// error then is no error.
func (s *Conn) Cancelling() { s.cancelling = true }

// Own runs fn, whose statements are the module's own and not counted.
func (s *Conn) Own(fn func() error) error {
	s.own = true
	defer func() { s.own = false }()
	return fn()
}

// HookDone notes that the pool's hook AfterConnect has run. What it set is what
// every connection begins with, the examiner's too: names mean there what they
// mean here.
func (s *Conn) HookDone() { s.hooked, s.names = s.names, 0 }

// Stale reports whether statements that were prepared on the connection are
// invalid, or unknown to the server. Renewed ends that.
func (s *Conn) Stale() bool { return s.stale }

// Renewed notes that stale statements were dropped.
func (s *Conn) Renewed() { s.stale = false }

// StaleStatement returns the last statement that did not run because of how it was
// prepared, nil without one.
func (s *Conn) StaleStatement() *sqltext.Statement {
	if s.staleStatement == nil {
		return nil
	}
	return s.staleStatement.Statement
}

// refuses reports whether the connection is at work for another statement, so
// that pgx will refuse the one that begins ("conn busy") and what is known of
// the one under way has to stay. The end of the refused one comes first.
func (s *Conn) refuses(conn *pgx.Conn) bool {
	if !conn.PgConn().IsBusy() {
		return false
	}
	s.refused++
	return true
}

// wasRefused reports whether the statement that ends is one that refuses told of.
func (s *Conn) wasRefused() bool {
	if s.refused == 0 {
		return false
	}
	s.refused--
	return true
}

// statementFor returns what is known about sql, which may be the name of a
// statement that the program prepared.
func (s *Conn) statementFor(table *Statements, sql string) *statement {
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
	committed writes            // these are visible to everybody now
	inDoubt   writes            // these may be, or may become so
	scope     catalog.NameScope // what names stood for
	locked    []Change          // all that may have been changed, the schema not, where the server told; else nil
}

func (o *outcome) none() bool { return o.committed.none() && o.inDoubt.none() }

// ended takes note of how st, which is one statement, ended and returns what
// has to be told.
func (s *Conn) ended(st *statement, r result) outcome {
	switch {
	case r.gone:
		return s.connectionLost(st)
	case s.inTx:
		return s.endedInTx(st, r)
	}
	return s.endedOutsideTx(st, r)
}

// connectionLost: the connection broke. Work of a transaction whose COMMIT was not under
// way is rolled back by the server. pgconn.SafeToRetry is not asked here: of a
// simple statement whose answer is lost pgx 5.12 returns the error of a closed
// connection, which claims that nothing was sent.
func (s *Conn) connectionLost(st *statement) outcome {
	defer s.writeSet.take()
	if s.dead || s.inTx && !st.MayCommit() {
		return outcome{}
	}
	s.ran(run{statement: st})
	return outcome{inDoubt: s.writeSet.writes, scope: s.nameScope(), locked: s.locked}
}

// endedInTx: a transaction was open when st began.
func (s *Conn) endedInTx(st *statement, r result) (out outcome) {
	if r.err == nil {
		if st.Kind == sqltext.Commit && r.tag.String() == "ROLLBACK" { // a failed transaction cannot commit
			s.txNames = 0
			s.writeSet.take()
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
	case r.status == 'I' && r.err != nil && endsByRollback(st):
		s.txNames = 0
		s.writeSet.take()
	case r.status == 'I': // a procedure ended the transaction
		s.commit(&out)
	case st.Kind == sqltext.Unrecognized: // it may have been COMMIT AND CHAIN
		s.mayHaveCommitted(&out)
	}
	return out
}

// endsByRollback reports whether a transaction that the failing statement
// ended was rolled back: a deferred constraint spoke at COMMIT, a transaction
// could not be prepared.
func endsByRollback(st *statement) bool {
	return st.Kind == sqltext.Commit || st.Kind == sqltext.PrepareTransaction
}

// endedOutsideTx: no transaction was open, so that st was one by itself.
func (s *Conn) endedOutsideTx(st *statement, r result) outcome {
	if r.err == nil {
		s.noteSettings(st)
		s.noteResets(st)
		s.txNames = 0
	}
	if r.status != 'I' || !s.mayHaveWritten(r.of(st)) {
		return outcome{}
	}
	if r.err != nil && rolledBack(st, r.err) {
		return outcome{}
	}
	return outcome{committed: writes{runs: []run{r.of(st)}}, scope: s.nameScope()}
}

// ran takes note of a run.
func (s *Conn) ran(r run) {
	if s.mayHaveWritten(r) {
		s.writeSet.add(r)
	}
}

// mayHaveWritten reports whether a run may have changed something, as far as
// that is known without asking the server.
func (s *Conn) mayHaveWritten(r run) bool {
	if !s.tracker.mayWrite(s, r.statement) {
		return false
	}
	e := r.writesBy(s.nameScope(), s.tracker.databaseOf(s))
	return !r.noRows || e == nil || !e.full.RowsOnly
}

// rolledBack reports whether a statement by itself that failed with err left
// nothing behind. Procedures, VACUUM and the like commit on their way.
func rolledBack(st *statement, err error) bool {
	return connecterror.NeverSent(err) || connecterror.IsServer(err) && !st.MayCommit()
}

// noteSettings marks the connection when st may have changed what names stand
// for.
func (s *Conn) noteSettings(st *statement) {
	e := st.NameChange()
	if (s.names|s.txNames)&sqltext.ByTable != 0 && st.MayAttachTrigger() {
		e.Moves |= sqltext.ByTemporary // it may be a trigger, on a temporary table
	}
	if e.Local {
		s.txNames |= e.Moves
	} else {
		s.names |= e.Moves
	}
	s.names |= e.Resets & s.hooked // to what the hook found
}

// noteCalls marks the connection, for the rest of the transaction, when a
// function that st calls may have changed what names stand for. Where it is not
// known what st calls it is written down as pending, and found then.
func (s *Conn) noteCalls(st *statement) {
	if s.txNames&sqltext.ByPath != 0 || s.tracker.listeners.none() {
		return
	}
	if e := st.writesBy(s.nameScope(), s.tracker.databaseOf(s)); e != nil && e.full.ChangesNames {
		s.txNames |= sqltext.ByPath | sqltext.ByRole
	}
}

// noteTemporary marks the session where what st calls may have left a temporary
// relation in it.
func (s *Conn) noteTemporary(st *statement) {
	if s.tracker.listeners.none() || st.ReadOnly == sqltext.Yes || !st.MayWrite() {
		return
	}
	switch leaves, known := st.leavesTemporary(s.tracker.databaseOf(s)); {
	case leaves:
		s.session.changes = s.session.changes.with(sessionChanges{sqltext.TemporaryRelations: st.stats.Label()})
	case !known && s.session.noteCalled(st) && st.Kind == sqltext.Call:
		s.tracker.requestIdly([]requestKey{{st: st}}) // its commit is not waited for: it counts as a change of all tables
	}
}

// noteResets notes what a statement set back that ran outside of a
// transaction, which might still take it back.
func (s *Conn) noteResets(st *statement) {
	s.names &^= st.NameChange().Resets &^ s.hooked
}
