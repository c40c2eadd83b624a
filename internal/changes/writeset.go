package changes

import (
	"slices"
)

// A run is a statement that ran, once or several times with the same kind of
// result.
type run struct {
	*statement
	noRows bool // its command tag counts no changed row
}

// writes holds the statements of a transaction that may have written.
type writes struct {
	runs []run
	all  bool // any table may have been written
}

func (w writes) none() bool { return len(w.runs) == 0 && !w.all }

// mayChangeSchema reports whether one of the statements is of a kind that may
// change the schema.
func (w writes) mayChangeSchema() bool {
	return w.all || slices.ContainsFunc(w.runs, func(r run) bool { return r.MayChangeSchema() })
}

// has reports whether w already includes r: a run that changed rows includes
// one of the same statement that changed none.
func (w writes) has(r run) bool {
	return slices.ContainsFunc(w.runs, func(one run) bool { return one.statement == r.statement && (r.noRows || !one.noRows) })
}

// merge adds the runs of other.
func (w *writes) merge(other writes) {
	w.all = w.all || other.all
	if w.runs == nil {
		w.runs = slices.Clip(other.runs) // so that appending to one does not change the other
		return
	}
	for _, r := range other.runs {
		if !w.has(r) {
			w.runs = append(w.runs, r)
		}
	}
}

// A writeSet collects the writes of a connection's open transaction, and drops
// those that a rollback to a savepoint undoes. It belongs to the holder of the
// connection.
type writeSet struct {
	writes
	savepoints []savepoint // outermost first
	unmatched  bool        // savepoints may have been set or released unnoticed: a rollback to one undoes nothing
}

// A savepoint records the state of the write set when it was set.
type savepoint struct {
	name string // folded as the server does
	runs int    // len(writes.runs) then
	all  bool   // writes.all then
}

// maxWrites bounds the runs: a transaction with more different statements
// counts as a change to all tables.
const maxWrites = 128

// add adds a run that may have written. A run that is already included is not
// added again: its first addition survives every rollback that the second
// would.
func (p *writeSet) add(r run) {
	switch {
	case p.all || p.has(r):
	case len(p.runs) >= maxWrites:
		p.all = true
	default:
		p.runs = append(p.runs, r)
	}
}

func (p *writeSet) setSavepoint(name string) {
	p.savepoints = append(p.savepoints, savepoint{name, len(p.runs), p.all})
}

// rollbackTo removes what was added after the savepoint, which stays. An
// unknown name removes nothing: reporting too much is safe.
func (p *writeSet) rollbackTo(name string) {
	i := p.find(name)
	if i < 0 || p.unmatched {
		return
	}
	sp := p.savepoints[i]
	p.runs = p.runs[:sp.runs]
	p.all = sp.all
	p.savepoints = p.savepoints[:i+1]
}

// release removes the savepoint and those set after it; the writes since then
// belong to the enclosing level.
func (p *writeSet) release(name string) {
	if i := p.find(name); i >= 0 {
		p.savepoints = p.savepoints[:i]
	}
}

// find returns the index of the latest savepoint with that name, or -1.
func (p *writeSet) find(name string) int {
	for i, sp := range slices.Backward(p.savepoints) {
		if sp.name == name {
			return i
		}
	}
	return -1
}

// take returns the collected writes and clears the set.
func (p *writeSet) take() writes {
	w := p.writes
	*p = writeSet{}
	return w
}
