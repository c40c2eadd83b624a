package catalog

import (
	"errors"
	"fmt"
)

// errVanished tells that an object went away while its statement was examined.
var errVanished = errors.New("the schema changed meanwhile")

// A step is one thing that a statement leads to: a relation read or written
// to, a function called, a value converted to a type.
type step struct {
	kind  stepKind
	oid   uint32
	event event // of a write
	quiet bool  // it counts for what is written only
}

type stepKind uint8

const (
	readStep     stepKind = iota
	readOnlyStep          // ONLY: without children
	writeStep
	ancestorStep // rows of a child changed
	refreshStep  // a materialized view is filled anew
	namedStep    // a function that cannot be seen into may read it
	functionStep
	bodyStep // of a function: it is a string
	operatorStep
	typeStep     // a value is checked against the type
	convertStep  // a value is converted to or from the type's text form
	constantStep // a constant of the type
)

// ofRelation reports whether a step's object is a relation.
func (k stepKind) ofRelation() bool { return k < functionStep }

// ofType reports whether a step's object is a type.
func (k stepKind) ofType() bool { return k >= typeStep }

// A walk follows all that a statement leads to, breadth first, so that what
// is not known yet is looked up once a level, for all walks of a transaction.
type walk struct {
	*facts
	path    string // the session's search path, as functions find it
	text    string // of the statement, where the server parsed it
	byNames bool   // functions in SQL are not given to the server's parser

	queue []step
	done  map[step]bool
	quiet bool // of the step that is taken

	effects  *Effects
	reads    map[uint32]bool
	writes   map[uint32]bool
	columns  map[columnUse]bool
	refused  map[Refusal]bool
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
		columns: map[columnUse]bool{},
		refused: map[Refusal]bool{},
		names:   map[string]bool{},
	}
}

// enqueue adds a step unless it was added before.
func (w *walk) enqueue(kind stepKind, oid uint32, on event) {
	s := step{kind, oid, on, w.quiet}
	if oid != 0 && !w.done[s] {
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

// noEventTriggers reports whether DDL does what its text says and no more.
func (w *walk) noEventTriggers() bool {
	w.events = true
	return !w.eventTriggers
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
	w.quiet = s.quiet
	switch s.kind {
	case functionStep:
		return w.call(s.oid)
	case bodyStep:
		return w.followBody(s.oid)
	case operatorStep:
		w.enqueue(functionStep, w.routines.operators[s.oid], 0)
		return nil
	case typeStep:
		return w.domain(s.oid)
	case convertStep, constantStep:
		w.textForm(s)
		return nil
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
		return w.readView(f)
	case namedStep:
		return w.mention(f)
	}
	return w.read(f, s.kind == readOnlyStep)
}

// domain follows the checks of a domain.
func (w *walk) domain(oid uint32) error {
	f := w.routines.types[oid]
	w.enqueue(typeStep, f.base, 0)
	return w.trees(f.trees)
}

// textForm follows a type that somebody made to what its text form depends on:
// that of an enum on nothing, that of a domain or array on its elements, and
// that of others may depend on anything.
func (w *walk) textForm(s step) {
	f := w.routines.types[s.oid]
	switch {
	case s.oid < firstNormalOID:
		w.settings |= textSettings(s.oid)
		w.constants = w.constants || s.kind == constantStep && timeTypes[s.oid]
	case f.kind == 'e':
	case f.kind == 'd':
		w.enqueue(s.kind, f.base, 0)
	case f.element != 0:
		w.enqueue(s.kind, f.element, 0)
	default:
		w.settings |= allOutput
		w.constants = w.constants || s.kind == constantStep
	}
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
	for _, oid := range r.domains {
		w.enqueue(typeStep, oid, 0)
	}
	for _, oid := range r.converted {
		w.enqueue(convertStep, oid, 0)
	}
	for _, oid := range r.written {
		w.enqueue(constantStep, oid, 0)
	}
	for _, use := range r.columns {
		w.columns[use] = true
	}
	for _, refusal := range r.refusals {
		w.refuse(refusal.Reason, refusal.Object)
	}
	w.settings |= r.settings
	w.constants = w.constants || r.constants
	w.judge(r)
}

// judge takes over what a tree says of the statement as a whole.
func (w *walk) judge(r *references) {
	if r.locksRows {
		w.refuse(LocksRows, "")
		w.effects.ReadOnly = false
	}
	if r.notRead {
		w.refuse(NotRead, "")
		w.effects.ReadOnly = false
	}
	if r.strange != "" {
		w.unknown(Unexamined, "a node "+r.strange)
	}
}

func (w *walk) refuse(reason Reason, object string) {
	if !w.quiet {
		w.refused[Refusal{reason, object}] = true
	}
}

// unknown notes that from here on anything may be read or written.
func (w *walk) unknown(reason Reason, object string) {
	w.refuse(reason, object)
	w.effects.ReadsKnown = false
	w.effects.WritesKnown = false
	w.effects.ReadOnly = false
}
