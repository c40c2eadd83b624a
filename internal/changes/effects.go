package changes

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"

	"github.com/headrace/headrace/internal/catalog"
	"github.com/headrace/headrace/internal/sqltext"
)

// effects is what a statement does in a database, as far as the server told.
type effects struct {
	database *Database
	since    int64        // the first version of the schema for which they hold, and
	version  atomic.Int64 // the last one
	outdated atomic.Bool  // what they depend on has changed, or cannot be compared
	full     catalog.Effects
	writes   []Change // that full.Writes makes

	of      *Tracker // who asked, and
	st      *statement
	scope   catalog.NameScope
	byNames bool // full has Writes alone

	public *Effects // the same for who is not of this package
}

// validIn reports whether the effects are those in the database as it is now.
func (e *effects) validIn(at *Database) bool {
	return e != nil && at != nil && e.database == at && e.version.Load() == at.schema.version.Load()
}

// validAt reports whether the effects are those that the statement had when the
// schema was of the given version.
func (e *effects) validAt(at *Database, version int64) bool {
	return e != nil && e.database == at && e.since <= version && version <= e.version.Load()
}

// confirm notes that the effects hold for a version of the schema.
func (e *effects) confirm(version int64) {
	for old := e.version.Load(); old < version; old = e.version.Load() {
		if e.version.CompareAndSwap(old, version) {
			return
		}
	}
}

// comparable reports whether all that the effects depend on is in their
// fingerprint. What the server was not allowed to parse may become known by a
// right that is granted.
func (e *effects) comparable() bool {
	on := &e.full.Dependencies
	none := len(on.Relations)+len(on.Functions)+len(on.Types)+len(on.Names) == 0 && !on.EventTriggers
	if none && !e.full.WritesKnown {
		return false
	}
	return !slices.ContainsFunc(e.full.Refusals, func(r catalog.Refusal) bool { return r.Reason == catalog.Unexamined })
}

// Effects is what a statement does in a database. As long as a value is in use,
// a change of what it depends on is noticed and announced.
type Effects struct {
	catalog.Effects
	Database *Database

	used *effects
}

// Effects returns what a statement reads, writes and calls, as the server's own
// parser sees it. It is asked once, and again after the schema may have changed
// by a statement of a handle of this process; what other programs do to the
// schema is not noticed. It is meant for the packages of this module.
func (t *Tracker) Effects(ctx context.Context, text *sqltext.Statement) (*Effects, error) {
	e, err := t.effectsOf(ctx, t.statements.get(text.Normalized))
	if err != nil {
		return nil, err
	}
	if given := text.Text; given != text.Normalized { // as Query sends it: it does the same, and need not be asked about
		if st := t.statements.get(given); st.effects.Load() != e {
			st.effects.Store(e)
		}
	}
	return e.public, nil
}

var errSchemaMoves = errors.New("the schema keeps changing")

// effectsOf returns what st does, asking the server when it is not known yet
// or when the schema may have changed since. What cannot be found out now is
// asked again the next time.
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

// maxExaminations is how often a statement is examined that the schema changes under.
const maxExaminations = 3

// place returns the database that the handle's statements are examined for, nil
// where it is not known.
func (t *Tracker) place() *Database {
	if !t.tracksPlaces() {
		return &t.untracked
	}
	return t.current.Load()
}

// changesOf returns the changes of relations. ancestors are those of which no
// own row changed.
func changesOf(relations, ancestors []catalog.Relation) []Change {
	changes := make([]Change, len(relations))
	for i, r := range relations {
		changes[i] = Change{Table: Table{Schema: r.Schema, Name: r.Name, OID: r.OID}, Inherited: slices.Contains(ancestors, r)}
	}
	return changes
}

// ReadsOnly returns a function that reports whether the statement under way
// changes nothing, and whether that is known yet. Where the server has to be
// asked for that it is, on another connection.
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
