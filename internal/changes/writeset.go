package changes

import (
	"slices"
)

// A run is a statement that ran, once or several times with an end alike.
type run struct {
	*statement
	noRows bool // its command tag says that it changed no row
}

// writes are the statements of a transaction that may have written.
type writes struct {
	runs []run
	all  bool // something ran of which it cannot be told what it writeEffects
}

func (w writes) none() bool { return len(w.runs) == 0 && !w.all }

// mayChangeSchema reports whether the schema may be another now, by the kinds
// of the statements.
func (w writes) mayChangeSchema() bool {
	return w.all || slices.ContainsFunc(w.runs, func(r run) bool { return r.MayChangeSchema() })
}

// has reports whether r adds nothing: a run that changed rows stands for one
// that changed none.
func (w writes) has(r run) bool {
	return slices.ContainsFunc(w.runs, func(one run) bool { return one.statement == r.statement && (r.noRows || !one.noRows) })
}

// merge adds what other has.
func (w *writes) merge(other writes) {
	w.all = w.all || other.all
	if w.runs == nil {
		w.runs = slices.Clip(other.runs) // what is appended to one is not the other's
		return
	}
	for _, r := range other.runs {
		if !w.has(r) {
			w.runs = append(w.runs, r)
		}
	}
}

// pending collects the writes of the transaction that a connection is in, and
// drops those that a rollback to a savepoint undoes. It belongs to whoever
// holds the connection.
type writeSet struct {
	writes
	savepoints []savepoint // the outermost first
	unmatched  bool        // a savepoint may have come or gone unseen: rolling back to one undoes nothing
}

// A savepoint remembers what had been written when it was set.
type savepoint struct {
	name string // as the server folds it
	runs int    // len(writes.runs) then
	all  bool   // writes.all then
}

// maxWrites bounds the list: a transaction of more different statements is
// told as All.
const maxWrites = 128

// add notes a run that may have written. What is noted already need not be
// noted again: its first note outlives each rollback that a later one would.
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

// rollbackTo undoes what came after the savepoint, which stays. A name that is
// not known undoes nothing: telling too much is safe.
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

// release forgets the savepoint and those set after it; what was written since
// belongs to what is around it.
func (p *writeSet) release(name string) {
	if i := p.find(name); i >= 0 {
		p.savepoints = p.savepoints[:i]
	}
}

// find returns the index of the latest savepoint of that name, or -1.
func (p *writeSet) find(name string) int {
	for i, sp := range slices.Backward(p.savepoints) {
		if sp.name == name {
			return i
		}
	}
	return -1
}

// take returns what was collected and begins anew.
func (p *writeSet) take() writes {
	w := p.writes
	*p = writeSet{}
	return w
}
