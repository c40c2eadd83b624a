package changes

import (
	"github.com/headrace/headrace/internal/sqltext"
)

// Statements sent in one message, in a batch or in a multi-statement text, may
// begin, commit and roll back transactions among themselves, and the
// connection's status shows only the final state. After success they are
// therefore processed in order, as if each had been sent by itself: the
// statements of a batch when their results are read, others at the end. After a
// failure it is unknown which one failed, and the changes that any of them may
// have committed are announced.

// multiEnded records the end of statements that were sent in one message and
// returns what to announce.
func (s *Conn) multiEnded(parts []*statement, r result) outcome {
	switch {
	case r.gone:
		return s.multiConnectionLost(parts)
	case r.err != nil:
		return s.multiFailed(parts, r)
	}
	var out outcome
	for _, st := range parts {
		s.step(st, result{}, &out)
	}
	if r.status == 'I' {
		s.commit(&out)
	}
	return out
}

// step records the success of one of the statements, with r as far as it is
// known, and adds what to announce to out. Afterwards inTx reports whether a
// transaction block is open, in which nothing commits before its end.
func (s *Conn) step(st *statement, r result, out *outcome) {
	s.noteSettings(st)
	s.noteCalls(st)
	switch {
	case st.Kind == sqltext.Commit && r.tag.String() == "ROLLBACK": // a failed transaction cannot commit
		s.txNames = 0
		s.writeSet.take()
	case s.control(st, out):
	default:
		s.ran(r.of(st))
		if st.MayCommit() && (!s.inTx || st.Kind == sqltext.Unrecognized) {
			s.mayHaveCommitted(out)
		}
		return
	}
	s.inTx = st.Kind == sqltext.Begin || st.Chain || s.inTx && !st.EndsTransaction()
}

// multiFailed records that one of the statements failed: those before it ran,
// and those after it did not.
func (s *Conn) multiFailed(parts []*statement, r result) outcome {
	plain := true // no statement controls transactions or commits by itself
	for _, st := range parts {
		plain = plain && !st.MayCommit()
	}
	if plain && !s.inTx && r.status == 'I' && r.byServer {
		s.writeSet.take() // the implicit transaction was rolled back
		return outcome{}
	}
	for _, st := range parts {
		s.noteSettings(st)
		s.noteCalls(st)
		s.ran(run{statement: st})
		if st.IsSavepoint() {
			s.writeSet.unmatched = true
		}
	}
	var out outcome
	switch {
	case r.status == 'I':
		s.commit(&out)
	case !plain:
		s.mayHaveCommitted(&out)
	}
	return out
}

// multiConnectionLost records that the connection broke during the statements.
func (s *Conn) multiConnectionLost(parts []*statement) outcome {
	defer s.writeSet.take()
	plain := true
	for _, st := range parts {
		plain = plain && !st.MayCommit()
		s.ran(run{statement: st})
	}
	if s.dead || plain && s.inTx {
		return outcome{}
	}
	return outcome{inDoubt: s.writeSet.writes, scope: s.nameScope()}
}

// control updates the write set for a transaction control statement that
// succeeded, and reports whether st is one.
func (s *Conn) control(st *statement, out *outcome) bool {
	switch st.Kind {
	case sqltext.Begin:
	case sqltext.Savepoint:
		s.writeSet.setSavepoint(st.Target)
	case sqltext.RollbackTo:
		s.writeSet.rollbackTo(st.Target)
	case sqltext.Release:
		s.writeSet.release(st.Target)
	case sqltext.Commit: // AND CHAIN opens the next transaction at once, invisible in the status
		out.locked = s.locked
		s.commit(out)
	case sqltext.Rollback, sqltext.PrepareTransaction:
		s.txNames = 0
		s.writeSet.take()
	default:
		return false
	}
	return true
}

// commit moves the write set to the committed changes of out.
func (s *Conn) commit(out *outcome) {
	out.scope = max(out.scope, s.nameScope())
	s.txNames = 0
	out.committed.merge(s.writeSet.take())
}

// mayHaveCommitted adds the write set to the committed changes of out, since
// some of it may be committed, and keeps it, since some of it may not.
func (s *Conn) mayHaveCommitted(out *outcome) {
	out.scope = max(out.scope, s.nameScope())
	out.committed.merge(s.writeSet.writes)
	s.writeSet.unmatched = true
}
