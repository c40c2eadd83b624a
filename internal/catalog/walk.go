package catalog

import (
	"errors"
	"fmt"
	"maps"
)

// errVanished tells that an object went away while its statement was examined.
var errVanished = errors.New("the schema changed meanwhile")

// A step is one thing that a statement leads to: a relation read or written
// to, a function called, a value converted to a type.
type step struct {
	kind  stepKind
	oid   uint32
	event event  // of a write
	name  string // of a word
}

type stepKind uint8

const (
	readStep     stepKind = iota
	readOnlyStep          // ONLY: without children
	writeStep
	ancestorStep // rows of a child changed
	refreshStep  // a materialized view is filled anew
	functionStep
	bodyStep // of a function: it is a string
	operatorStep
	wordStep     // of a text: it may name a type
	indexStep    // the expressions of all indexes are computed
	eventStep    // event triggers fire
	typeStep     // a value is checked against the type
	outputStep   // a value is written in the type's text form
	inputStep    // a value is read from the type's text form
	constantStep // a constant of the type
	paramStep    // a parameter is read from the type's text form
)

// ofRelation reports whether a step's object is a relation.
func (k stepKind) ofRelation() bool { return k < functionStep }

// ofType reports whether a step's object is a type.
func (k stepKind) ofType() bool { return k >= typeStep }

// A walk follows all that a statement leads to, breadth first, so that what
// is not known yet is looked up once a level, for all walks of a transaction.
type walk struct {
	*facts
	path    string     // the session's search path, as functions find it
	texts   []string   // of the statement, and of bodies, where the server parsed them
	byNames bool       // functions in SQL are not given to the server's parser
	scope   NameScope  // what names may stand for
	plain   *plainText // the statement, where the server did not parse it
	counted bool       // the statement's command tag counts what it changes

	moved     bool     // something may run under another search path or role
	roleMoved bool     // under another role
	assumed   []uint32 // functions whose bodies were followed as if that were not so

	queue []step
	done  map[step]bool

	effects  *Effects
	reads    map[uint32]bool
	writes   map[uint32]bool
	changed  map[uint32]bool // those of writes whose own rows change
	columns  map[columnUse]bool
	refused  map[Refusal]bool
	results  map[uint32]bool // types of expressions, which may change
	names    map[string]bool // that were looked up, or may come to stand for something
	events   bool            // event triggers matter
	settings settings
	// constants tells that a date or time was written as a constant; of the
	// statement itself or, to be careful, of a view or function.
	constants bool
}

func newWalk(effects *Effects) *walk {
	return &walk{
		done:    map[step]bool{},
		effects: effects,
		reads:   map[uint32]bool{},
		writes:  map[uint32]bool{},
		changed: map[uint32]bool{},
		columns: map[columnUse]bool{},
		refused: map[Refusal]bool{},
		results: map[uint32]bool{},
		names:   map[string]bool{},
	}
}

// enqueue adds a step unless it was added before.
func (w *walk) enqueue(kind stepKind, oid uint32, on event) {
	if oid != 0 {
		w.enqueueStep(step{kind: kind, oid: oid, event: on})
	}
}

func (w *walk) enqueueStep(s step) {
	if !w.done[s] {
		w.done[s] = true
		w.queue = append(w.queue, s)
	}
}

// dependsOnNames notes names that the effects depend on: a relation, function
// or type of such a name, in whatever schema, may change them when it comes,
// changes or goes. Names are as the server folds them; it may cut them yet.
func (w *walk) dependsOnNames(names ...string) {
	for _, name := range names {
		w.names[name] = true
	}
}

// fireEventTriggers follows what event triggers add to a change of the schema.
func (w *walk) fireEventTriggers() {
	w.events = true
	for _, function := range w.eventTriggers {
		w.enqueue(functionStep, function, 0)
	}
}

// level takes all steps that are waiting.
func (w *walk) level() error {
	level := w.queue
	w.queue = nil
	for _, s := range level {
		if err := w.take(s); err != nil {
			return err
		}
	}
	return nil
}

func (w *walk) take(s step) error {
	switch s.kind {
	case functionStep:
		return w.call(s.oid)
	case bodyStep:
		return w.followBody(s.oid)
	case operatorStep:
		w.enqueue(functionStep, w.routines.operators[s.oid], 0)
		return nil
	case wordStep:
		for _, t := range w.named[word{name: s.name}].types {
			w.followNamedType(t)
		}
		return nil
	case indexStep:
		return w.trees(w.indexes)
	case eventStep:
		w.fireEventTriggers()
		return nil
	case typeStep, outputStep, inputStep, constantStep, paramStep:
		return w.textForm(s)
	}
	f := w.relations[s.oid]
	if f.OID == 0 {
		return fmt.Errorf("look up relation %d: %w", s.oid, errVanished)
	}
	switch s.kind {
	case writeStep:
		return w.write(f, s.event)
	case ancestorStep:
		return w.ancestor(f)
	case refreshStep:
		w.writes[f.OID] = true
		w.move(true) // it is done as its owner
		w.fireEventTriggers()
		return w.readView(f)
	}
	return w.read(f, s.kind == readOnlyStep)
}

// trees adds what the node trees name. Those that are not there are empty.
func (w *walk) trees(texts []string) error {
	for _, text := range texts {
		if text == "" {
			continue
		}
		r, err := w.parsed(text)
		if err != nil {
			return err
		}
		w.add(r)
	}
	return nil
}

// add takes over what a tree names.
func (w *walk) add(r *references) {
	for _, read := range r.reads {
		kind := readStep
		if read.only {
			kind = readOnlyStep
		}
		w.enqueue(kind, read.relation, 0)
	}
	for _, write := range r.writes {
		w.enqueue(writeStep, write.relation, write.event)
	}
	for _, oid := range r.functions {
		w.enqueue(functionStep, oid, 0)
	}
	for _, oid := range r.operators {
		w.enqueue(operatorStep, oid, 0)
	}
	for _, use := range r.types {
		w.enqueue(use.kind, use.oid, 0)
	}
	maps.Copy(w.results, r.results)
	for _, use := range r.columns {
		w.columns[use] = true
	}
	for _, refusal := range r.refusals {
		w.refuse(refusal.Reason, refusal.Object)
	}
	w.settings |= r.settings
	w.constants = w.constants || r.constants
	w.effects.TakesTime = w.effects.TakesTime || r.takesTime
	w.addStatement(r)
}

// addStatement takes over what a tree says of the statement as a whole.
func (w *walk) addStatement(r *references) {
	if r.locksRows {
		w.refuse(LocksRows, "")
		w.effects.ReadOnly = false
	}
	if r.notRead {
		w.refuse(NotRead, "")
		w.effects.ReadOnly = false
	}
	if r.unknownNode != "" {
		w.unknown(Unexamined, "a node "+r.unknownNode)
	}
}

func (w *walk) refuse(reason Reason, object string) {
	w.refused[Refusal{reason, object}] = true
}

// unknown notes that from here on anything may be read or written.
func (w *walk) unknown(reason Reason, object string) {
	w.refuse(reason, object)
	w.effects.ReadsKnown = false
	w.effects.WritesKnown = false
	w.effects.ReadOnly = false
}
