package changes

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"

	"github.com/headrace/headrace/internal/catalog"
	"github.com/headrace/headrace/internal/sqltext"
)

// effects describes what a statement does in a database, as the server reported
// it.
type effects struct {
	database *Database
	since    int64        // the first schema version for which they are valid
	version  atomic.Int64 // the last schema version for which they are valid
	outdated atomic.Bool  // their dependencies have changed, or cannot be compared
	full     catalog.Effects
	writes   []Change // the changes of full.Writes

	of      *Tracker // the tracker that requested them
	st      *statement
	scope   catalog.NameScope
	byNames bool // only full.Writes is set

	public *Effects // the same for other packages
}

// validIn reports whether the effects are valid for the current schema of the
// database.
func (e *effects) validIn(at *Database) bool {
	return e != nil && at != nil && e.database == at && e.version.Load() == at.schema.version.Load()
}

// validAt reports whether the effects were valid for the given schema version.
func (e *effects) validAt(at *Database, version int64) bool {
	return e != nil && e.database == at && e.since <= version && version <= e.version.Load()
}

// confirm records that the effects are valid for a schema version.
func (e *effects) confirm(version int64) {
	for old := e.version.Load(); old < version; old = e.version.Load() {
		if e.version.CompareAndSwap(old, version) {
			return
		}
	}
}

// comparable reports whether the fingerprint covers everything that the effects
// depend on. It does not if the server was not allowed to parse the statement,
// since granting a right may change that.
func (e *effects) comparable() bool {
	on := &e.full.Dependencies
	none := len(on.Relations)+len(on.Functions)+len(on.Types)+len(on.Names) == 0 && !on.EventTriggers
	if none && !e.full.WritesKnown {
		return false
	}
	return !slices.ContainsFunc(e.full.Refusals, func(r catalog.Refusal) bool { return r.Reason == catalog.Unexamined })
}

// Effects describes what a statement does in a database. As long as a value is
// in use, a change of its dependencies is noticed and announced.
type Effects struct {
	catalog.Effects
	Database *Database

	used *effects
}

// Effects returns what a statement reads, writes and calls, as the server's
// parser sees it. The statement is examined once, and again after a statement
// of a handle of this process may have changed the schema; changes that other
// programs make to the schema go unnoticed. It is meant for the packages of
// this module.
func (t *Tracker) Effects(ctx context.Context, text *sqltext.Statement) (*Effects, error) {
	e, err := t.effectsOf(ctx, t.statements.get(text.Normalized))
	if err != nil {
		return nil, err
	}
	if given := text.Text; given != text.Normalized { // as Query sends it, with the same effects
		if st := t.statements.get(given); st.effects.Load() != e {
			st.effects.Store(e)
		}
	}
	return e.public, nil
}

var errSchemaMoves = errors.New("the schema keeps changing")

// effectsOf returns the effects of st, and examines it if they are unknown or
// the schema may have changed since. A failed examination is repeated by the
// next call.
func (t *Tracker) effectsOf(ctx context.Context, st *statement) (*effects, error) {
	ctx, cancel := context.WithTimeout(ctx, examineTimeout)
	defer cancel()
	for range maxExaminations {
		if e := st.effects.Load(); e.validIn(t.place()) {
			return e, nil
		}
		if err := t.request(requestKey{st: st, reads: true}).wait(ctx); err != nil {
			return nil, err
		}
	}
	return nil, errSchemaMoves
}

// maxExaminations bounds the examinations of a statement while the schema keeps
// changing.
const maxExaminations = 3

// place returns the database for which the handle examines statements, nil if
// unknown.
func (t *Tracker) place() *Database {
	if !t.tracksPlaces() {
		return &t.untracked
	}
	return t.current.Load()
}

// changesOf returns the changes of relations. ancestors are the relations with
// no changed row of their own.
func changesOf(relations, ancestors []catalog.Relation) []Change {
	changes := make([]Change, len(relations))
	for i, r := range relations {
		changes[i] = Change{Table: Table{Schema: r.Schema, Name: r.Name, OID: r.OID}, Inherited: slices.Contains(ancestors, r)}
	}
	return changes
}

// ReadsOnly returns a function that reports whether the running statement
// changes nothing, and whether that is known yet. If necessary, it requests an
// examination, which runs on another connection.
func (s *Conn) ReadsOnly() func() (readOnly, known bool) {
	t, st := s.tracker, s.current
	if st.ReadOnly == sqltext.Yes {
		return func() (readOnly, known bool) { return true, true }
	}
	if e := st.effects.Load(); e.validIn(t.place()) {
		return func() (readOnly, known bool) { return e.full.ReadOnly, true }
	}
	asked := t.request(requestKey{st: st, reads: true})
	return func() (readOnly, known bool) {
		select {
		case <-asked.done:
			e := st.effects.Load()
			return asked.err == nil && e.validIn(t.place()) && e.full.ReadOnly, true
		default:
			return false, false
		}
	}
}
