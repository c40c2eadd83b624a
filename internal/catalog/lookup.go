package catalog

import (
	"fmt"
	"maps"
	"slices"
)

// facts caches what was looked up in a transaction, for all its walks.
type facts struct {
	inUTF8        bool     // the server's encoding
	hasTemp       bool     // the role's right on the database
	schemas       []string // of the session's search path
	eventTriggers []uint32 // functions of the event triggers that fire after DDL
	relations     map[uint32]*relationFacts
	targets       map[uint32]*writeFacts
	routines      routines
	named         map[word]*namesakes
	bodies        map[uint32]*bodyFacts
	userMade      []userMade             // nil until looked up
	indexes       []string               // expressions of indexes and statistics; nil until looked up
	references    map[string]*references // by node tree
}

func newFacts() *facts {
	return &facts{
		relations: map[uint32]*relationFacts{},
		targets:   map[uint32]*writeFacts{},
		routines: routines{
			functions: map[uint32]*functionFacts{},
			operators: map[uint32]uint32{},
			types:     map[uint32]*typeFacts{},
		},
		named:      map[word]*namesakes{},
		bodies:     map[uint32]*bodyFacts{},
		references: map[string]*references{},
	}
}

// A lookup collects what walks need for their next steps and is not known yet.
type lookup struct {
	relations, targets, functions, operators, types map[uint32]bool
	words                                           map[word]bool
	probes                                          map[uint32]bool // functions
	userMade, indexes                               bool
}

// add adds what a step of a walk needs to know.
func (l *lookup) add(s step, w *walk) {
	switch s.kind {
	case functionStep:
		need(&l.functions, s.oid, w.routines.functions)
	case bodyStep:
		l.addBody(s.oid, w)
	case operatorStep:
		need(&l.operators, s.oid, w.routines.operators)
	case wordStep:
		need(&l.words, word{name: s.name}, w.named)
	case indexStep:
		l.indexes = l.indexes || w.indexes == nil
	case eventStep:
	case typeStep, outputStep, inputStep, constantStep, paramStep:
		need(&l.types, s.oid, w.routines.types)
	case writeStep, ancestorStep:
		need(&l.targets, s.oid, w.targets)
		need(&l.relations, s.oid, w.relations)
	default:
		need(&l.relations, s.oid, w.relations)
	}
}

// addBody adds the words of a function's body, and the request that has the
// server parse the body.
func (l *lookup) addBody(oid uint32, w *walk) {
	f, b := w.routines.functions[oid], w.bodies[oid]
	if b == nil {
		b = &bodyFacts{body: readBody(f.body, f.language, w.inUTF8)}
		b.opaque = b.opaque || f.strings
		w.bodies[oid] = b
	}
	for _, word := range b.words {
		need(&l.words, word, w.named)
	}
	l.userMade = l.userMade || w.userMade == nil
	if f.language == "sql" && !f.strings && !w.byNames && !b.probed {
		need(&l.probes, oid, map[uint32]bool{})
	}
}

func need[K comparable, V any](list *map[K]bool, key K, known map[K]V) {
	if _, ok := known[key]; ok {
		return
	}
	if *list == nil {
		*list = map[K]bool{}
	}
	(*list)[key] = true
}

// A reading is a unit whose results become part of the facts.
type reading struct {
	*unit
	about string
	take  func() error // nil if there is no result
}

// readings returns the requests for the lookup.
func (l *lookup) readings(f *facts) []reading {
	var list []reading
	ask := func(about, sql string, take func(rows [][][]byte) error, args ...string) {
		r := &request{sql: sql, args: args}
		list = append(list, reading{newUnit(r), about, func() error { return take(r.rows) }})
	}
	if len(l.relations) > 0 {
		ask("relations", relationQuery, func(rows [][][]byte) error {
			return fill(f.relations, l.relations, rows, (*relationFacts).add)
		}, oidArray(sorted(l.relations)))
	}
	if len(l.targets) > 0 {
		ask("triggers and foreign keys", writeQuery, func(rows [][][]byte) error {
			return fill(f.targets, l.targets, rows, (*writeFacts).add)
		}, oidArray(sorted(l.targets)))
	}
	if len(l.functions)+len(l.operators)+len(l.types) > 0 {
		functions, operators, types := sorted(l.functions), sorted(l.operators), sorted(l.types)
		ask("functions", functionQuery, func(rows [][][]byte) error {
			return f.routines.take(functions, operators, types, rows)
		}, oidArray(functions), oidArray(operators), oidArray(types))
	}
	if len(l.words) > 0 {
		words, names, calls := wordLists(l.words)
		ask("objects by name", wordQuery, func(rows [][][]byte) error {
			return f.takeNamed(words, rows)
		}, textArray(names), textArray(calls))
	}
	if l.userMade && f.userMade == nil {
		ask("operators and casts", userMadeQuery, f.takeUserMade)
	}
	if l.indexes {
		ask("expressions of indexes", indexQuery, f.takeIndexes)
	}
	return list
}

func sorted(oids map[uint32]bool) []uint32 { return slices.Sorted(maps.Keys(oids)) }

// fill adds rows to the facts of the objects that were requested.
func fill[F any](known map[uint32]*F, asked map[uint32]bool, rows [][][]byte, add func(*F, [][]byte) error) error {
	for oid := range asked {
		known[oid] = new(F)
	}
	for _, row := range rows {
		oid, err := parseOID(row[1])
		if err != nil {
			return err
		}
		if err := add(known[oid], row); err != nil {
			return err
		}
	}
	return nil
}

// parsed returns the references in a node tree.
func (f *facts) parsed(text string) (*references, error) {
	if r, ok := f.references[text]; ok {
		return r, nil
	}
	tree, err := parseTree(text)
	if err != nil {
		return nil, err
	}
	r := collect(tree)
	f.references[text] = r
	return r, nil
}

// finish processes the results of a reading.
func (r reading) finish() error {
	err := r.err
	if err == nil && r.take != nil {
		err = r.take()
	}
	if err != nil {
		return fmt.Errorf("look up %s: %w", r.about, err)
	}
	return nil
}
