package changes

import (
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/headrace/headrace/internal/catalog"
	"github.com/headrace/headrace/internal/connecterror"
	"github.com/headrace/headrace/internal/netmeter"
	"github.com/headrace/headrace/internal/sqltext"
	"github.com/headrace/headrace/internal/stmtstats"
)

// A Conn is the state that a Tracker keeps with a connection. It belongs to the
// holder of the connection, which is one goroutine at a time.
type Conn struct {
	tracker *Tracker // whose pool the connection is in
	own     bool     // statements are this module's and not counted

	// The running statement.
	wait       time.Duration        // for the connection, to be charged to the next statement
	began      time.Duration        // by clock.Now
	timed      bool                 // began is set for the next statement
	current    *statement           // nil if none is running
	stats      *stmtstats.Statement // its figures
	inTx       bool                 // whether a transaction was open when it began
	dead       bool                 // whether the connection was closed when it began
	cancelling bool                 // the server was asked to stop it
	refused    int                  // statements begun while the connection was busy, and not ended yet
	batch      batch                // the running batch

	copyRefused bool           // a COPY began while the connection was busy, and may not have ended
	copying     bool           // the statement that ended was COPY FROM STDIN
	measured    measurement    // of the running statement or batch
	meter       *netmeter.Conn // nil if the connection is not measured
	use         use            // by whom the connection is in use

	// The open transaction.
	writeSet writeSet            // its writes so far
	locked   []Change            // all tables that it may have changed, as the server reported just before COMMIT; nil if not asked
	txNames  sqltext.NameFactors // name factors that it has changed

	// The session.
	session sessionState        // how it differs from its initial state
	place   connPlace           // where the connection leads
	names   sqltext.NameFactors // name factors that it has changed
	hooked  sqltext.NameFactors // factors that the hook AfterConnect set, which RESET undoes

	// Prepared statements.
	prepared       map[string]string         // texts that the program prepared, by name
	preparing      pgx.TracePrepareStartData // the statement that the program is preparing; no Name if none
	stale          bool                      // some are invalid or unknown to the server
	staleStatement *statement                // the last statement that did not run because of how it was prepared
	forgot         bool                      // the program deallocated some by DEALLOCATE or DISCARD

	recent *statement                          // the last statement, to skip the lookup for its text
	text   string                              // its text
	last   atomic.Pointer[stmtstats.Statement] // of the last statement that began; read by other goroutines
}

// connKey is the key of a Conn in the connection's custom data.
const connKey = "github.com/headrace/headrace/internal/changes"

// Of returns the Conn of conn, or nil if it has no Tracker.
func Of(conn *pgx.Conn) *Conn {
	s, _ := conn.PgConn().CustomData()[connKey].(*Conn)
	return s
}

// Ensure returns the Conn of conn, and creates it if there is none.
func Ensure(conn *pgx.Conn) *Conn {
	data := conn.PgConn().CustomData()
	s, ok := data[connKey].(*Conn)
	if !ok {
		s = &Conn{meter: netmeter.Of(conn.PgConn().Conn())}
		data[connKey] = s
	}
	return s
}

// Acquired records how long the holder waited for the connection. If now is
// set, a statement begins at the given time.
func (s *Conn) Acquired(wait, at time.Duration, now bool) {
	s.wait, s.timed = wait, now
	if now {
		s.began = at
	}
}

// Began returns when the last statement began, by [clock.Now].
func (s *Conn) Began() time.Duration { return s.began }

// Begin records the begin of an operation that is not a statement.
func (s *Conn) Begin(at time.Duration) { s.began = at }

// Last returns the figures of the last statement that began, nil if there is
// none. It is safe for concurrent use.
func (s *Conn) Last() *stmtstats.Statement { return s.last.Load() }

// Current returns the running statement, nil if there is none.
func (s *Conn) Current() *sqltext.Statement {
	if s.current == nil {
		return nil
	}
	return s.current.Statement
}

// InTx reports whether a transaction was open when the last statement began.
func (s *Conn) InTx() bool { return s.inTx }

// Cancelling records that the server is asked to stop the running statement,
// whose error is then not counted.
func (s *Conn) Cancelling() { s.cancelling = true }

// Own runs fn, and does not count its statements, which are this module's own.
func (s *Conn) Own(fn func() error) error {
	s.own = true
	defer func() { s.own = false }()
	return fn()
}

// HookDone records that the pool's hook AfterConnect has run. Every connection
// begins with what it set, the examiner's included, so that names resolve there
// as they do here.
func (s *Conn) HookDone() { s.hooked, s.names = s.names, 0 }

// Stale reports whether statements prepared on the connection are invalid or
// unknown to the server. Renewed resets it.
func (s *Conn) Stale() bool { return s.stale }

// Renewed records that stale statements were deallocated.
func (s *Conn) Renewed() { s.stale = false }

// StaleStatement returns the last statement that did not run because of how it
// was prepared, nil if there is none.
func (s *Conn) StaleStatement() *sqltext.Statement {
	if s.staleStatement == nil {
		return nil
	}
	return s.staleStatement.Statement
}

// refuses reports whether the connection is busy with another statement, so
// that pgx will reject the one that begins ("conn busy") and the state of the
// running one has to stay. pgx reports the end of the rejected one first.
func (s *Conn) refuses(conn *pgx.Conn) bool {
	if !conn.PgConn().IsBusy() {
		return false
	}
	s.refused++
	return true
}

// refusesCopy is refuses for a COPY, whose end pgx does not always report.
func (s *Conn) refusesCopy(conn *pgx.Conn) bool {
	s.copyRefused = conn.PgConn().IsBusy()
	return s.copyRefused
}

// wasRefused reports whether the statement that ends is one that refuses
// counted.
func (s *Conn) wasRefused() bool {
	if s.refused == 0 {
		return false
	}
	s.refused--
	return true
}

// statementFor returns the statement of sql, which may be the name of a
// statement that the program prepared.
func (s *Conn) statementFor(table *statementTable, sql string) *statement {
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
	byServer bool // err is the server's error for the statement
	status   byte // of the transaction afterwards: 'I' none, 'T' open, 'E' open and failed
	gone     bool // the connection is closed
}

// of returns the run of st that had this result.
func (r result) of(st *statement) run { return run{st, r.err == nil && changedNoRow(st, r.tag)} }

// changedNoRow reports whether tag counts no changed row for st.
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

// An outcome is what to announce after a statement.
type outcome struct {
	committed writes            // visible from now on
	inDoubt   writes            // may be visible, now or later
	scope     catalog.NameScope // in which names were resolved
	locked    []Change          // all tables that may have been changed, if the server was asked for locks; excludes schema changes
}

func (o *outcome) none() bool { return o.committed.none() && o.inDoubt.none() }

// ended records the end of st, which is one statement, and returns what to
// announce.
func (s *Conn) ended(st *statement, r result) outcome {
	switch {
	case r.gone:
		return s.connectionLost(st)
	case s.inTx:
		return s.endedInTx(st, r)
	}
	return s.endedOutsideTx(st, r)
}

// connectionLost records that the connection broke during st. The server rolls
// back a transaction whose COMMIT had not been sent. pgconn.SafeToRetry does
// not help here: if the response to a simple statement is lost, pgx 5.12
// returns the error of a closed connection, which claims that nothing was sent.
func (s *Conn) connectionLost(st *statement) outcome {
	defer s.writeSet.take()
	if s.dead || s.inTx && !st.MayCommit() {
		return outcome{}
	}
	s.ran(run{statement: st})
	return outcome{inDoubt: s.writeSet.writes, scope: s.nameScope(), locked: s.locked}
}

// endedInTx records the end of st in a transaction that was open when st began.
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
	s.ran(r.of(st)) // harmless after an error, which ROLLBACK TO may undo
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

// endsByRollback reports whether a transaction that the failing statement ended
// was rolled back: a deferred constraint failed at COMMIT, or a transaction
// could not be prepared.
func endsByRollback(st *statement) bool {
	return st.Kind == sqltext.Commit || st.Kind == sqltext.PrepareTransaction
}

// endedOutsideTx records the end of st outside of a transaction block.
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

// ran adds a run to the write set if it may have written.
func (s *Conn) ran(r run) {
	if s.mayHaveWritten(r) {
		s.writeSet.add(r)
	}
}

// mayHaveWritten reports whether a run may have changed something, as far as is
// known without examining the statement.
func (s *Conn) mayHaveWritten(r run) bool {
	if !s.tracker.mayWrite(s, r.statement) {
		return false
	}
	e := r.writesBy(s.nameScope(), s.tracker.databaseOf(s))
	return !r.noRows || e == nil || !e.full.RowsOnly
}

// rolledBack reports whether a statement outside of a transaction block that
// failed with err had no lasting effect. Procedures, VACUUM and similar
// statements commit while they run.
func rolledBack(st *statement, err error) bool {
	return connecterror.NeverSent(err) || connecterror.IsServer(err) && !st.MayCommit()
}

// noteSettings records which name factors st may have changed.
func (s *Conn) noteSettings(st *statement) {
	e := st.NameChange()
	if (s.names|s.txNames)&sqltext.ByTable != 0 && st.MayAttachTrigger() {
		e.Moves |= sqltext.ByTemporary // st may create a trigger on a temporary table
	}
	if e.Local {
		s.txNames |= e.Moves
	} else {
		s.names |= e.Moves
	}
	s.names |= e.Resets & s.hooked // a reset undoes what the hook set
}

// noteCalls records, for the rest of the transaction, that a function called by
// st may have changed search path or role. If the effects of st are unknown, st
// is in the write set, and commitReport finds out.
func (s *Conn) noteCalls(st *statement) {
	if s.txNames&sqltext.ByPath != 0 || s.tracker.listeners.none() {
		return
	}
	if e := st.writesBy(s.nameScope(), s.tracker.databaseOf(s)); e != nil && e.full.ChangesNames {
		s.txNames |= sqltext.ByPath | sqltext.ByRole
	}
}

// noteTemporary records that functions called by st may have left a temporary
// relation in the session.
func (s *Conn) noteTemporary(st *statement) {
	if s.tracker.listeners.none() || st.ReadOnly == sqltext.Yes || !st.MayWrite() {
		return
	}
	switch leaves, known := st.leavesTemporary(s.tracker.databaseOf(s)); {
	case leaves:
		s.session.changes = s.session.changes.with(sessionChanges{sqltext.TemporaryRelations: st.stats.Label()})
	case !known && s.session.noteCalled(st) && st.Kind == sqltext.Call:
		s.tracker.requestIdly([]requestKey{{st: st}}) // no commit waits for this: a procedure's call counts as a change to all tables
	}
}

// noteResets records what a statement reset outside of a transaction block,
// which cannot roll it back any more.
func (s *Conn) noteResets(st *statement) {
	s.names &^= st.NameChange().Resets &^ s.hooked
}
