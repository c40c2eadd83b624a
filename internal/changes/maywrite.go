package changes

import (
	"context"
	"sync"

	"github.com/jackc/pgx/v5"

	"github.com/headrace/headrace/internal/catalog"
	"github.com/headrace/headrace/internal/sqltext"
)

func (s *Conn) nameScope() catalog.NameScope {
	switch s.names | s.txNames {
	case 0:
		return catalog.PathScope
	case sqltext.ByTable:
		return catalog.TemporaryScope
	}
	return catalog.AnyScope
}

// A namesTable caches effects by the names in statements. Statements with
// inlined constants have many texts and few combinations of names.
type namesTable struct {
	mu    sync.Mutex
	known map[namesKey]*effects // guarded by mu
}

type namesKey struct {
	key   string
	scope catalog.NameScope
}

// maxNames bounds the map, which is cleared when it is full.
const maxNames = 4096

func (s *namesTable) get(key namesKey) *effects {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.known[key]
}

func (s *namesTable) put(key namesKey, e *effects) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.known == nil || len(s.known) >= maxNames {
		s.known = make(map[namesKey]*effects)
	}
	s.known[key] = e
}

// mayWrite reports whether st, which has run on the connection, may have
// changed rows or the schema, as far as is known without an examination. A text
// that only reads may call functions that write, through a view, an operator or
// a policy: while there are listeners it counts as a read only once it has been
// examined.
func (t *Tracker) mayWrite(s *Conn, st *statement) bool {
	if st.ReadOnly == sqltext.Yes && (!st.RunsQuery() || t.listeners.none()) || !st.MayWrite() {
		return false
	}
	e := st.writesBy(s.nameScope(), t.databaseOf(s))
	return e == nil || !e.full.WritesKnown || len(e.writes) > 0
}

// writesBy returns the effects that include what st changes, nil if st has to
// be examined.
func (st *statement) writesBy(scope catalog.NameScope, at *Database) *effects {
	if e := st.effects.Load(); scope == catalog.PathScope && e.validIn(at) { // reported by the server's parser, which knows more than the names show
		return e
	}
	if e := st.writeEffects[scope].Load(); e.validIn(at) {
		return e
	}
	return nil
}

// leavesTemporary reports whether the statement may leave a temporary relation
// in its session, according to its known effects, valid or not, and whether any
// are known.
func (st *statement) leavesTemporary(at *Database) (leaves, known bool) {
	for _, e := range []*effects{st.effects.Load(), st.writeEffects[catalog.PathScope].Load()} {
		if e != nil && e.database == at {
			leaves, known = leaves || e.full.LeavesTemporary, true
		}
	}
	return leaves, known
}

// askBeforeCommit asks the server which relations the transaction that COMMIT
// is about to end has locked for writing, if the effects of one of its
// statements cannot be examined.
func (t *Tracker) askBeforeCommit(ctx context.Context, s *Conn, conn *pgx.Conn) {
	if t.listeners.none() || conn.PgConn().TxStatus() != 'T' || !t.onlyLocksTell(s) {
		return
	}
	relations, known, err := catalog.Written(ctx, conn)
	if err != nil || !known {
		return // reported as a change to all tables
	}
	s.locked = append([]Change{}, changesOf(relations, nil)...)
}

// onlyLocksTell reports whether the effects of a statement in the transaction
// cannot be examined, and no statement is reported as a change to all tables
// anyway.
func (t *Tracker) onlyLocksTell(s *Conn) bool {
	found := s.writeSet.all
	for _, st := range s.writeSet.runs {
		switch st.Kind {
		case sqltext.DDL, sqltext.CommitPrepared, sqltext.Declare, sqltext.Unrecognized:
			if st.Temporary() != sqltext.NotTemporary {
				continue
			}
			return false // may change the schema, another transaction, through a cursor at COMMIT, or anything
		case sqltext.Call, sqltext.Do, sqltext.Execute:
			found = true
			continue
		}
		w := st.writeEffects[s.nameScope()].Load() // valid or not: they only show that asking is worthwhile
		found = found || w != nil && !w.full.WritesKnown
	}
	return found
}
