package changes

import (
	"github.com/headrace/headrace/internal/sqltext"
)

// Statements that are sent together, in a batch or in one text, may begin,
// commit, divide and roll back transactions among themselves; only the last
// one's outcome shows in the connection's status. So once they have succeeded
// they are gone through in order, as if each had been sent by itself: those of a
// batch when their results are read, others at the end.
// When one has failed it is not known which, and what any of them may have
// committed is told.

// multiEnded takes note of how statements that were sent together ended and
// returns what has to be told.
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

// step takes note of one of them that has succeeded, with r as far as it is
// known, and adds to out what has to be told. Afterwards inTx says whether a
// transaction block is open, in which nothing commits on its way.
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

// multiFailed: one of the statements failed, those before it ran and those
// after it did not.
func (s *Conn) multiFailed(parts []*statement, r result) outcome {
	plain := true // no statement begins, ends or commits by itself
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

// multiConnectionLost: the connection broke.
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

// control does with what is pending what a statement that succeeded and that
// controls transactions does with the transaction. It returns false for any
// other.
func (s *Conn) control(st *statement, out *outcome) bool {
	switch st.Kind {
	case sqltext.Begin:
	case sqltext.Savepoint:
		s.writeSet.setSavepoint(st.Target)
	case sqltext.RollbackTo:
		s.writeSet.rollbackTo(st.Target)
	case sqltext.Release:
		s.writeSet.release(st.Target)
	case sqltext.Commit: // AND CHAIN opens the next one at once: the status does not tell
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

// commit adds what is pending to what has to be told.
func (s *Conn) commit(out *outcome) {
	out.scope = max(out.scope, s.nameScope())
	s.txNames = 0
	out.committed.merge(s.writeSet.take())
}

// mayHaveCommitted adds what is pending to what has to be told, as some of it may have
// been committed, and keeps it, as some of it may not.
func (s *Conn) mayHaveCommitted(out *outcome) {
	out.scope = max(out.scope, s.nameScope())
	out.committed.merge(s.writeSet.writes)
	s.writeSet.unmatched = true
}
