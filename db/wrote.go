package db

import (
	"context"
	"sync"

	"github.com/jackc/pgx/v5"

	"github.com/headrace/headrace/internal/catalog"
	"github.com/headrace/headrace/internal/sqltext"
)

// A wrote is what a statement changes when it is run.
type wrote struct {
	epoch  int64 // of the schema it was learned under
	tables []Table
	known  bool // tables has all of them

	rowsOnly bool // nothing where the command tag says that no row was changed
}

func (w *wrote) nothing() bool { return w.known && len(w.tables) == 0 }

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

func (s *connState) meaning() meaning {
	switch s.unsure | s.unsureTx {
	case 0:
		return usual
	case byTable:
		return besides
	}
	return anything
}

// shapes remembers what the names in statements tell, by shape. Statements
// with constants pasted in have many texts and few shapes.
type shapes struct {
	mu    sync.Mutex
	known map[shapeKey]*wrote // guarded by mu
}

type shapeKey struct {
	shape string
	by    meaning
}

// maxShapes bounds the map, which begins anew when it is full.
const maxShapes = 4096

func (s *shapes) get(key shapeKey) *wrote {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.known[key]
}

func (s *shapes) put(key shapeKey, w *wrote) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.known == nil || len(s.known) >= maxShapes {
		s.known = make(map[shapeKey]*wrote)
	}
	s.known[key] = w
}

// mayWrite reports whether st, which has run, may have changed rows or the
// schema, by what is known without asking the server. A text that only reads
// may call what writes, through a view, an operator or a policy: where somebody
// hears of changes it counts as a read once the server has been asked.
func (d *DB) mayWrite(st *statement, by meaning) bool {
	if st.st.ReadOnly == sqltext.Yes && (!readsRows(st) || d.listeners.none()) || !mayWrite(st) {
		return false
	}
	w := d.learned(st, by)
	return w == nil || !w.nothing()
}

// learned returns what is known of st, nil where it has to be asked for.
func (d *DB) learned(st *statement, by meaning) *wrote {
	if w := st.wrote[by].Load(); w != nil && w.epoch == d.schemaEpoch.Load() {
		return w
	}
	return nil
}

// wroteBy returns what st changes, asking the server where it is not known yet
// or the schema may have changed since. What cannot be learned now is unknown,
// and is asked again the next time.
func (d *DB) wroteBy(ctx context.Context, st *statement, by meaning) *wrote {
	if w := d.learned(st, by); w != nil {
		return w
	}
	w := d.ask(ctx, st, by, d.schemaEpoch.Load()) // read before asking: a change in between makes it out of date
	if w == nil {
		return &wrote{}
	}
	st.wrote[by].Store(w)
	return w
}

// ask goes by the names in the statement first, which stand for many others,
// and by the server's parser where that leaves it unknown: for each text.
func (d *DB) ask(ctx context.Context, st *statement, by meaning, epoch int64) *wrote {
	if eff := st.effects.Load(); by == usual && eff != nil && eff.epoch == epoch {
		return eff.wrote(st)
	}
	w := d.askNames(ctx, st, by, epoch)
	switch {
	case w != nil && w.known:
		return w
	case by != usual:
		return w // the parser would be asked on another connection, where names have their usual meaning
	}
	eff := d.effectsOf(ctx, st)
	if eff.err != nil {
		return nil
	}
	return eff.wrote(st)
}

// askNames returns nil where the server could not be asked.
func (d *DB) askNames(ctx context.Context, st *statement, by meaning, epoch int64) *wrote {
	names, ok := catalog.NamesOf(st.st)
	if !ok {
		return &wrote{epoch: epoch}
	}
	key := shapeKey{names.Shape, by}
	if w := d.shapes.get(key); w != nil && w.epoch == epoch {
		return w
	}
	w := &wrote{epoch: epoch}
	err := d.examiner.do(ctx, func(ctx context.Context, conn *pgx.Conn) error {
		if known := d.shapes.get(key); known != nil && known.epoch == epoch {
			w = known // somebody else has asked meanwhile
			return nil
		}
		eff, err := catalog.ExamineNames(ctx, conn, names, where[by])
		w.tables, w.known, w.rowsOnly = tablesOf(eff.Writes), eff.WritesKnown, eff.RowsOnly
		return err
	})
	if err != nil {
		return nil
	}
	d.shapes.put(key, w)
	return w
}

// wrote returns what st, whose effects e are, changes. A change of the schema
// touches no rows, but answers that are kept may be about relations whose names
// now stand for others: all but a new index counts as a change to all tables.
func (e *effects) wrote(st *statement) *wrote {
	index := st.st.DDL == sqltext.MakesIndex && len(st.st.Writes) == 0
	return &wrote{epoch: e.epoch, tables: e.writes, known: e.writesKnown && (index || !e.full.DDL), rowsOnly: e.full.RowsOnly}
}

// askBeforeCommit asks the server, inside the transaction that COMMIT is about
// to end, what it may have changed, if it holds a statement of which that
// cannot be known otherwise.
func (d *DB) askBeforeCommit(ctx context.Context, s *connState, conn *pgx.Conn) {
	if d.listeners.none() || conn.PgConn().TxStatus() != 'T' || !d.onlyLocksTell(s) {
		return
	}
	relations, known, err := catalog.Written(ctx, conn)
	if err != nil || !known {
		return // it is told as everything
	}
	s.locked = append([]Table{}, tablesOf(relations)...)
}

// onlyLocksTell reports whether a statement of the transaction is known to be
// beyond what can be asked for, and none is told as everything anyway.
func (d *DB) onlyLocksTell(s *connState) bool {
	found := s.pending.all
	for _, st := range s.pending.by {
		switch st.st.Kind {
		case sqltext.DDL, sqltext.CommitPrepared, sqltext.Declare, sqltext.Unrecognized:
			if st.st.Temporary() != sqltext.NotTemporary {
				continue
			}
			return false // the schema; another transaction; a cursor that is read at COMMIT; anything
		case sqltext.Call, sqltext.Do, sqltext.Execute:
			found = true
			continue
		}
		w := st.wrote[s.meaning()].Load() // under whatever schema: it only says that it is worth while to ask
		found = found || w != nil && !w.known
	}
	return found
}
