package catalog

import (
	"fmt"
	"maps"
	"slices"
)

// facts are what was looked up in a transaction, for all walks in it.
type facts struct {
	eventTriggers bool // there are some that fire
	relations     map[uint32]*relationFacts
	targets       map[uint32]*writeFacts
	routines      routines
	named         map[string][]namedObject // by a word in a function's text
	bodies        map[uint32]*bodyFacts
	userMade      *userMade
	references    map[string]*references // by node tree
}

// A namedObject is a relation or a function that a word may name, in any
// schema.
type namedObject struct {
	function bool
	oid      uint32
}

// userMade are the operators, casts and domains that somebody made, which a
// text may use without naming them.
type userMade struct {
	operators []userOperator
	casts     []uint32 // functions
	domains   []uint32 // types with checks
}

type userOperator struct {
	name     string
	function uint32
	inClass  bool // an operator class has it: ORDER BY and DISTINCT may call it
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
		named:      map[string][]namedObject{},
		bodies:     map[uint32]*bodyFacts{},
		references: map[string]*references{},
	}
}

// A lookup is what walks need to know for their next steps and is not known
// yet.
type lookup struct {
	relations, targets, functions, operators, types map[uint32]bool
	words                                           map[string]bool
	probes                                          map[uint32]bool // functions
	userMade                                        bool
}

// add adds what a step of a walk needs.
func (l *lookup) add(s step, w *walk) {
	switch s.kind {
	case functionStep:
		need(&l.functions, s.oid, w.routines.functions)
	case bodyStep:
		l.addBody(s.oid, w)
	case operatorStep:
		need(&l.operators, s.oid, w.routines.operators)
	case typeStep, convertStep, constantStep:
		need(&l.types, s.oid, w.routines.types)
	case writeStep, ancestorStep:
		need(&l.targets, s.oid, w.targets)
		need(&l.relations, s.oid, w.relations)
	default:
		need(&l.relations, s.oid, w.relations)
	}
}

// addBody adds what the words of a function's body name, and what the server
// makes of the body.
func (l *lookup) addBody(oid uint32, w *walk) {
	f, b := w.routines.functions[oid], w.bodies[oid]
	if b == nil {
		b = &bodyFacts{body: readBody(f.body, f.language)}
		w.bodies[oid] = b
	}
	for _, word := range b.words {
		need(&l.words, word, w.named)
	}
	l.userMade = l.userMade || w.userMade == nil
	if f.language == "sql" && !w.byNames && !b.probed {
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

// A reading is a unit whose result becomes part of the facts.
type reading struct {
	*unit
	about string
	take  func() error // nil for what has no result
}

// readings returns what has to be asked for.
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
		words := slices.Sorted(maps.Keys(l.words))
		ask("relations and functions by name", namedQuery, func(rows [][][]byte) error {
			return f.takeNamed(words, rows)
		}, textArray(words))
	}
	if l.userMade && f.userMade == nil {
		ask("operators, casts and domains", userMadeQuery, f.takeUserMade)
	}
	return list
}

func sorted(oids map[uint32]bool) []uint32 { return slices.Sorted(maps.Keys(oids)) }

// fill puts rows into the facts of the objects asked for.
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

// namedQuery finds the relations and the functions of the program's own that
// words may name in any schema. Words longer than names are cut as the server
// does it.
const namedQuery = `
SELECT q.i, 'r', c.oid
FROM unnest($1::text[]) WITH ORDINALITY q (word, i)
	CROSS JOIN LATERAL (SELECT oid, relkind FROM pg_class WHERE relname = q.word::name AND oid >= 16384 OFFSET 0) c
WHERE c.relkind IN ('r', 'p', 'v', 'f')
UNION ALL
SELECT q.i, 'f', p.oid
FROM unnest($1::text[]) WITH ORDINALITY q (word, i)
	CROSS JOIN LATERAL (SELECT oid FROM pg_proc WHERE proname = q.word::name AND oid >= 16384 OFFSET 0) p`

func (f *facts) takeNamed(words []string, rows [][][]byte) error {
	for _, word := range words {
		f.named[word] = nil
	}
	for _, row := range rows {
		i, err := parseOID(row[0])
		if err != nil {
			return err
		}
		oid, err := parseOID(row[2])
		if err != nil {
			return err
		}
		word := words[i-1]
		f.named[word] = append(f.named[word], namedObject{row[1][0] == 'f', oid})
	}
	return nil
}

// userMadeQuery finds the operators, casts and domains that somebody made. It
// is asked under any search path.
var userMadeQuery = exact(`
SELECT 'operator', o.oprcode::pg_catalog.oid, o.oprname, EXISTS (SELECT FROM pg_catalog.pg_amop a WHERE a.amopopr = o.oid)
FROM pg_catalog.pg_operator o
WHERE o.oid >= 16384 AND o.oprcode <> 0::pg_catalog.oid
UNION ALL
SELECT 'cast', c.castfunc, NULL, NULL
FROM pg_catalog.pg_cast c
WHERE c.oid >= 16384 AND c.castfunc >= 16384
UNION ALL
SELECT DISTINCT 'domain', c.contypid, NULL::pg_catalog.name, NULL::pg_catalog.bool
FROM pg_catalog.pg_constraint c
WHERE c.contypid >= 16384 AND c.contypid <= 4294967295`)

func (f *facts) takeUserMade(rows [][][]byte) error {
	f.userMade = &userMade{}
	for _, row := range rows {
		oid, err := parseOID(row[1])
		if err != nil {
			return err
		}
		switch string(row[0]) {
		case "operator":
			f.userMade.operators = append(f.userMade.operators, userOperator{string(row[2]), oid, string(row[3]) == "t"})
		case "cast":
			f.userMade.casts = append(f.userMade.casts, oid)
		case "domain":
			f.userMade.domains = append(f.userMade.domains, oid)
		}
	}
	return nil
}

// parsed returns what a node tree names.
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

// finish takes over what a reading returned.
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
