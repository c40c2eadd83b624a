package catalog

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/headrace/headrace/internal/sqltext"
)

// A Question asks for the effects of a statement: of Statement by the server's
// parser, as [Examine] does, or of Names by the names in the text, as
// [ExamineNames] does. Exactly one of them is set.
type Question struct {
	Statement *sqltext.Statement
	Names     *Names
	Scope     NameScope // with Names
}

// An Answer holds the effects for a Question, or its error. Unless the
// connection broke, the error concerns this question only.
type Answer struct {
	Effects Effects
	Err     error
}

// ExamineAll answers several questions in one transaction. It returns one
// answer per question, in their order. It uses conn as [Examine] does.
//
// It takes four network round trips, and one for each step from relation to
// relation or function on the longest path from a statement.
func ExamineAll(ctx context.Context, conn *pgx.Conn, questions []Question) []Answer {
	answers := make([]Answer, len(questions))
	pc := conn.PgConn()
	t := &transaction{conn: pc, facts: newFacts()}
	var open examinations
	for i, q := range questions {
		p := planOf(q)
		if pc.ParameterStatus("standard_conforming_strings") == "off" {
			p = unescapedPlan(q)
		}
		if !p.asks() {
			answers[i].Effects = p.effects
			continue
		}
		open = append(open, newExamination(p, &answers[i], t))
	}
	if len(open) == 0 {
		return answers
	}
	if pc.TxStatus() != 'I' {
		open.fail(errors.New("the connection is in a transaction"))
		return answers
	}
	err := t.examine(ctx, open)
	if back := t.rollback(ctx); err == nil {
		err = back
	}
	if err != nil {
		open.fail(err)
	}
	return answers
}

// examinations holds the examinations of one transaction.
type examinations []*examination

// open returns the examinations without an answer.
func (list examinations) open() examinations {
	return slices.DeleteFunc(slices.Clone(list), func(x *examination) bool { return x.done })
}

// fail answers the open examinations with an error.
func (list examinations) fail(err error) {
	for _, x := range list.open() {
		x.fail(err)
	}
}

// each calls take for every open examination that asked for something. An error
// affects its own examination only.
func (list examinations) each(asked func(*examination) bool, take func(*examination) error) {
	for _, x := range list.open() {
		if !asked(x) {
			continue
		}
		if err := take(x); err != nil {
			x.fail(err)
		}
	}
}

// examine goes through the stages of all examinations.
func (t *transaction) examine(ctx context.Context, list examinations) error {
	if err := t.start(ctx, list); err != nil {
		return err
	}
	if err := t.probe(ctx, list); err != nil {
		return err
	}
	if err := t.textNames(ctx, list); err != nil {
		return err
	}
	if err := t.walk(ctx, list); err != nil {
		return err
	}
	return t.finish(ctx, list)
}

// maxBatch bounds the statements of one round trip.
const maxBatch = 256

// stage sends the requests of each examination, and lets it process the
// results.
func (t *transaction) stage(ctx context.Context, list examinations, ask func(*examination) *unit, take func(*examination) error) error {
	for some := range slices.Chunk(list.open(), maxBatch) {
		var asked examinations
		var units []*unit
		for _, x := range some {
			if u := ask(x); u != nil {
				asked, units = append(asked, x), append(units, u)
			}
		}
		if err := t.send(ctx, isolated(units)...); err != nil {
			return err
		}
		for _, x := range asked {
			if err := take(x); err != nil {
				x.fail(err)
			}
		}
	}
	return nil
}

// start begins the transaction, describes the statements and looks up names.
func (t *transaction) start(ctx context.Context, list examinations) error {
	first := list[:min(len(list), maxBatch)]
	var known reading
	err := t.begin(ctx, len(list), func() []*unit {
		var units []*unit
		if slices.ContainsFunc(list, func(x *examination) bool { return x.find != nil && x.find.byName }) {
			l := lookup{userMade: true}
			known = l.readings(t.facts)[0]
			units = append(units, known.unit)
		}
		var asked []*unit
		for _, x := range first {
			if u := x.begin(); u != nil {
				asked = append(asked, u)
			}
		}
		return append(units, isolated(asked)...)
	})
	if err != nil {
		return err
	}
	if known.unit != nil {
		if err := known.finish(); err != nil {
			return err
		}
	}
	for _, x := range list {
		x.walk.path = t.path
	}
	first.each(func(*examination) bool { return true }, (*examination).begun)
	return t.stage(ctx, list[len(first):], (*examination).begin, (*examination).begun)
}

// probe has the server parse the statements.
func (t *transaction) probe(ctx context.Context, list examinations) error {
	names, err := t.typeNames(ctx, list.open())
	if err != nil {
		return err
	}
	return t.stage(ctx, list, func(x *examination) *unit { return x.probe(names) }, (*examination).probed)
}

// typeNames returns the names of the types of all parameters.
func (t *transaction) typeNames(ctx context.Context, list examinations) (map[uint32]string, error) {
	var params []uint32
	for _, x := range list {
		params = append(params, x.params...)
	}
	names, others := builtinNames(params)
	if len(others) == 0 {
		return names, nil
	}
	rows, err := query(ctx, t.conn, typeQuery, oidArray(others))
	if err == nil {
		err = addTypeNames(names, rows)
	}
	if err != nil {
		return nil, fmt.Errorf("look up parameter types: %w", err)
	}
	return names, nil
}

// textNames looks up the names in statements that the server did not parse.
func (t *transaction) textNames(ctx context.Context, list examinations) error {
	refused := func(x *examination) bool { return x.query != nil && x.find != nil }
	if !slices.ContainsFunc(list.open(), refused) {
		return nil
	}
	if t.userMade == nil { // the search path must stay unchanged here
		known := (&lookup{userMade: true}).readings(t.facts)[0]
		if err := t.send(ctx, known.unit); err != nil {
			return err
		}
		if err := known.finish(); err != nil {
			return err
		}
	}
	return t.stage(ctx, list, (*examination).refused, (*examination).refusedFound)
}

// walk processes the levels of all walks in step.
func (t *transaction) walk(ctx context.Context, list examinations) error {
	for {
		var l lookup
		waiting := false
		for _, x := range list.open() {
			for _, s := range x.walk.queue {
				l.add(s, x.walk)
				waiting = true
			}
		}
		if !waiting {
			return nil
		}
		if err := t.read(ctx, &l); err != nil {
			return err
		}
		list.each(func(*examination) bool { return true }, func(x *examination) error { return x.walk.level() })
	}
}

// read looks up what l collects.
func (t *transaction) read(ctx context.Context, l *lookup) error {
	readings := l.readings(t.facts)
	var units, probes []*unit
	for _, r := range readings {
		units = append(units, r.unit)
	}
	bodies := sorted(l.probes)
	for _, oid := range bodies {
		probes = append(probes, probeFunction(t.routines.functions[oid], t.path))
	}
	if len(units)+len(probes) == 0 {
		return nil
	}
	if err := t.send(ctx, slices.Concat(t.narrowPath(), units, isolated(probes))...); err != nil {
		return err
	}
	for _, r := range readings {
		if err := r.finish(); err != nil {
			return err
		}
	}
	for i, oid := range bodies {
		t.bodies[oid].take(probes[i], t.routines.functions[oid])
	}
	return nil
}

// finish looks up what the answers need beyond the walks, and ends the
// transaction.
func (t *transaction) finish(ctx context.Context, list examinations) error {
	relations := map[uint32]bool{}
	open := list.open()
	sets := make([]Dependencies, len(open))
	for i, x := range open {
		x.walk.finish()
		x.walk.columnRelations(relations)
		sets[i] = x.answer.Effects.Dependencies
	}
	columns := &request{sql: columnQuery, args: []string{oidArray(slices.Sorted(maps.Keys(relations)))}}
	fingerprints := fingerprintRequest(sets)
	last := newUnit(columns, fingerprints, &request{sql: "ROLLBACK"})
	if err := t.send(ctx, append(t.narrowPath(), last)...); err != nil {
		return err
	}
	if last.err != nil {
		return fmt.Errorf("read the versions of catalog rows: %w", last.err)
	}
	names, err := columnNames(columns.rows)
	if err != nil {
		return err
	}
	versions, err := readFingerprints(fingerprints.rows)
	if err != nil {
		return err
	}
	for _, x := range open {
		x.walk.nameColumns(names)
		e := &x.answer.Effects
		e.Version = versions.of(e.Dependencies)
		if x.planned && !x.walk.callsInPlanning() {
			e.Writes = []Relation{}
		}
		if x.adjust != nil {
			x.adjust(e)
		}
		x.done = true
	}
	return nil
}
