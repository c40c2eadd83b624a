package changes

import (
	"context"
	"sync"

	"github.com/jackc/pgx/v5"

	"github.com/headrace/headrace/internal/catalog"
	"github.com/headrace/headrace/internal/sqltext"
)

// A meaning says what the names in a statement stand for.
type meaning uint8

const (
	usual    meaning = iota // what they stand for on a new connection of the pool
	besides                 // that, or plain temporary tables
	anything                // search_path, role or temporary relations may give them another
	meanings
)

// where tells how names of a meaning are looked for.
var where = [meanings]catalog.Where{usual: catalog.OnPath, besides: catalog.OrTemporary, anything: catalog.Anywhere}

func (s *Conn) meaning() meaning {
	switch s.unsure | s.unsureTx {
	case 0:
		return usual
	case sqltext.ByTable:
		return besides
	}
	return anything
}

// shapes remembers what the names in statements tell, by shape. Statements
// with constants pasted in have many texts and few shapes.
type shapes struct {
	mu    sync.Mutex
	known map[shapeKey]*effects // guarded by mu
}

type shapeKey struct {
	shape string
	by    meaning
}

// maxShapes bounds the map, which begins anew when it is full.
const maxShapes = 4096

func (s *shapes) get(key shapeKey) *effects {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.known[key]
}

func (s *shapes) put(key shapeKey, e *effects) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.known == nil || len(s.known) >= maxShapes {
		s.known = make(map[shapeKey]*effects)
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
	e := st.writesBy(s.meaning(), t.databaseOf(s))
	return e == nil || !e.full.WritesKnown || len(e.writes) > 0
}

// writesBy returns the effects that tell what st changes, nil where the server
// has to be asked.
func (st *statement) writesBy(by meaning, at *Database) *effects {
	if e := st.effects.Load(); by == usual && e.hold(at) { // by the server's parser, which knows more than names tell
		return e
	}
	if e := st.wrote[by].Load(); e.hold(at) {
		return e
	}
	return nil
}

// leavesTemporary reports whether the statement may leave a temporary relation in
// its session, by what was known of it at any time, and whether anything was.
func (st *statement) leavesTemporary(at *Database) (leaves, known bool) {
	for _, e := range []*effects{st.effects.Load(), st.wrote[usual].Load()} {
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
	found := s.pending.all
	for _, st := range s.pending.by {
		switch st.Kind {
		case sqltext.DDL, sqltext.CommitPrepared, sqltext.Declare, sqltext.Unrecognized:
			if st.Temporary() != sqltext.NotTemporary {
				continue
			}
			return false // the schema; another transaction; a cursor that is read at COMMIT; anything
		case sqltext.Call, sqltext.Do, sqltext.Execute:
			found = true
			continue
		}
		w := st.wrote[s.meaning()].Load() // under whatever schema: it only says that it is worth while to ask
		found = found || w != nil && !w.full.WritesKnown
	}
	return found
}
