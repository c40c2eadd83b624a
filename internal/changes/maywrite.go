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

// A namesTable remembers what the names in statements tell, by shape. Statements
// with constants pasted in have many texts and few shapes.
type namesTable struct {
	mu    sync.Mutex
	known map[namesKey]*effects // guarded by mu
}

type namesKey struct {
	key   string
	scope catalog.NameScope
}

// maxNames bounds the map, which begins anew when it is full.
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
// changed rows or the schema, by what is known without asking the server. A text
// that only reads may call what writes, through a view, an operator or a policy:
// where somebody is notified of changes it counts as a read once the server has
// been asked.
func (t *Tracker) mayWrite(s *Conn, st *statement) bool {
	if st.ReadOnly == sqltext.Yes && (!st.RunsQuery() || t.listeners.none()) || !st.MayWrite() {
		return false
	}
	e := st.writesBy(s.nameScope(), t.databaseOf(s))
	return e == nil || !e.full.WritesKnown || len(e.writes) > 0
}

// writesBy returns the effects that tell what st changes, nil where the server
// has to be asked.
func (st *statement) writesBy(scope catalog.NameScope, at *Database) *effects {
	if e := st.effects.Load(); scope == catalog.PathScope && e.validIn(at) { // by the server's parser, which knows more than names tell
		return e
	}
	if e := st.writeEffects[scope].Load(); e.validIn(at) {
		return e
	}
	return nil
}

// leavesTemporary reports whether the statement may leave a temporary relation in
// its session, by what was known of it at any time, and whether catalog.AnyScope was.
func (st *statement) leavesTemporary(at *Database) (leaves, known bool) {
	for _, e := range []*effects{st.effects.Load(), st.writeEffects[catalog.PathScope].Load()} {
		if e != nil && e.database == at {
			leaves, known = leaves || e.full.LeavesTemporary, true
		}
	}
	return leaves, known
}

// askBeforeCommit asks the server, inside the transaction that COMMIT is about
// to end, what it may have changed, if it holds a statement of which that
// cannot be known otherwise.
func (t *Tracker) askBeforeCommit(ctx context.Context, s *Conn, conn *pgx.Conn) {
	if t.listeners.none() || conn.PgConn().TxStatus() != 'T' || !t.onlyLocksTell(s) {
		return
	}
	relations, known, err := catalog.Written(ctx, conn)
	if err != nil || !known {
		return // it is told as everything
	}
	s.locked = append([]Change{}, changesOf(relations, nil)...)
}

// onlyLocksTell reports whether a statement of the transaction is known to be
// beyond what can be asked for, and none is told as everything anyway.
func (t *Tracker) onlyLocksTell(s *Conn) bool {
	found := s.writeSet.all
	for _, st := range s.writeSet.runs {
		switch st.Kind {
		case sqltext.DDL, sqltext.CommitPrepared, sqltext.Declare, sqltext.Unrecognized:
			if st.Temporary() != sqltext.NotTemporary {
				continue
			}
			return false // the schema; another transaction; a cursor that is read at COMMIT; catalog.AnyScope
		case sqltext.Call, sqltext.Do, sqltext.Execute:
			found = true
			continue
		}
		w := st.writeEffects[s.nameScope()].Load() // under whatever schema: it only says that it is worth while to ask
		found = found || w != nil && !w.full.WritesKnown
	}
	return found
}
