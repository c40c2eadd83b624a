package catalog

import (
	"errors"
	"fmt"
	"maps"
)

// errVanished reports that an object was dropped while its statement was
// examined.
var errVanished = errors.New("the schema changed meanwhile")

// A step is something that a statement involves: a relation that is read or
// written, a function that is called, a value that is converted to a type.
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
	refreshStep  // a materialized view is refreshed
	functionStep
	bodyStep // the body of a function, as a string
	operatorStep
	wordStep     // a word of a text, which may name a type
	indexStep    // the expressions of all indexes are computed
	eventStep    // event triggers fire
	typeStep     // a value is checked against the type
	outputStep   // a value is written in the type's text form
	inputStep    // a value is read from the type's text form
	constantStep // a constant of the type
	paramStep    // a parameter is read from the type's text form
)

// ofRelation reports whether the object of the step is a relation.
func (k stepKind) ofRelation() bool { return k < functionStep }

// ofType reports whether the object of the step is a type.
func (k stepKind) ofType() bool { return k >= typeStep }

// A walk follows everything that a statement involves, breadth first, so that
// missing facts are looked up once per level, for all walks of a transaction.
type walk struct {
	*facts
	path    string     // the session's search path, as functions find it
	texts   []string   // texts that the server parsed: of the statement and of bodies
	byNames bool       // the server does not parse functions in SQL
	scope   NameScope  // in which names are resolved
	plain   *plainText // the statement, if the server did not parse it
	counted bool       // the statement's command tag counts the rows it changes

	moved     bool     // functions may run under another search path or role
	roleMoved bool     // functions may run under another role
	assumed   []uint32 // functions whose bodies were followed on the assumption that moved stays false

	queue []step
	done  map[step]bool

	effects  *Effects
	reads    map[uint32]bool
	writes   map[uint32]bool
	changed  map[uint32]bool // the relations of writes whose own rows change
	columns  map[columnUse]bool
	refused  map[Refusal]bool
	results  map[uint32]bool // user-defined types of expressions
	names    map[string]bool // names that were looked up, or may later resolve to something else
	events   bool            // the effects depend on event triggers
	settings settings
	// constants reports that a date or time was written as a constant: in the
	// statement itself or, conservatively, in a view or function.
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

// dependsOnNames records names that the effects depend on: an object of such a
// name, in any schema, may change them when it is created, changed or dropped.
// Names are folded, but not truncated, as the server does.
func (w *walk) dependsOnNames(names ...string) {
	for _, name := range names {
		w.names[name] = true
	}
}

// fireEventTriggers follows the event triggers of a schema change.
func (w *walk) fireEventTriggers() {
	w.events = true
	for _, function := range w.eventTriggers {
		w.enqueue(functionStep, function, 0)
	}
}

// level processes all queued steps.
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
		w.move(true) // runs as the owner
		w.fireEventTriggers()
		return w.readView(f)
	}
	return w.read(f, s.kind == readOnlyStep)
}

// trees adds the references of node trees. Missing trees are empty.
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

// add adds the references of a tree.
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

// addStatement adds what a tree says about the statement as a whole.
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

// unknown records that the statement may read or write anything.
func (w *walk) unknown(reason Reason, object string) {
	w.refuse(reason, object)
	w.effects.ReadsKnown = false
	w.effects.WritesKnown = false
	w.effects.ReadOnly = false
}
