package catalog

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/headrace/headrace/internal/sqltext"
)

// ErrLocked reports that a relation of the statement was locked, as by ALTER
// TABLE and TRUNCATE. Examine does not wait for the lock, which may be held by
// the very transaction that waits for Examine.
var ErrLocked = errors.New("a relation is locked")

// Examine determines what a statement does, as the server behind conn
// understands it under conn's role and search path. It runs nothing of the
// statement.
//
// Examine needs exclusive use of conn, outside of a transaction. It works in
// one transaction that is rolled back, below pgx's tracers; after an error conn
// may be closed.
//
// The role needs the right TEMP on the database, and the server must not be a
// standby. Otherwise the reads are unknown, with [Unexamined] as the reason,
// and the writes are known only where the text shows them. An error means that
// the statement could not be examined now (it has a mistake, a relation does
// not exist or is locked, the connection broke). errors.Is and errors.As find
// [ErrLocked] and *pgconn.PgError.
//
// An examination takes some milliseconds; make it once per text, role and
// search path. A server that logs DDL statements logs the statement.
func Examine(ctx context.Context, conn *pgx.Conn, st *sqltext.Statement) (Effects, error) {
	a := ExamineAll(ctx, conn, []Question{{Statement: st}})[0]
	return a.Effects, a.Err
}

// A plan describes how a question is answered.
type plan struct {
	effects Effects // as far as the text shows them

	// At most one of these is asked of the server.
	query *sqltext.Statement // given to the server's parser
	find  *wanted            // names to look up first

	steps   []step         // further steps of the walk
	planned bool           // the statement is planned, not run
	byNames bool           // only the writes are wanted
	counted bool           // the statement's command tag counts the rows it changes
	adjust  func(*Effects) // final adjustment of the effects
}

// asks reports whether the server has to be asked.
func (p *plan) asks() bool { return p.query != nil || p.find != nil || len(p.steps) > 0 }

func planOf(q Question) plan {
	if q.Names != nil {
		return planNames(q.Names, q.Scope)
	}
	return planStatement(q.Statement)
}

// planStatement plans to have the server parse statements that it plans.
func planStatement(st *sqltext.Statement) plan {
	switch st.Kind {
	case sqltext.Select, sqltext.Values, sqltext.TableQuery,
		sqltext.Insert, sqltext.Update, sqltext.Delete, sqltext.Merge:
		return plan{query: st, counted: countsChanges(st), effects: Effects{ReadsKnown: true, WritesKnown: true, ReadOnly: true}}
	}
	return planUtility(st)
}

// unescapedPlan is the plan for a session with standard_conforming_strings off,
// whose constants this package would misread.
func unescapedPlan(q Question) plan {
	if q.Names != nil {
		return plan{byNames: true}
	}
	return plan{effects: unknownEffects(Unexamined, "standard_conforming_strings is off")}
}

// unknownEffects returns the effects of an unknown statement.
func unknownEffects(reason Reason, object string) Effects {
	return Effects{Refusals: []Refusal{{reason, object}}}
}

// An examination leads from a question to its answer.
type examination struct {
	plan
	answer *Answer
	walk   *walk
	params []uint32 // types
	unit   *unit    // its current requests
	done   bool
}

func newExamination(p plan, answer *Answer, t *transaction) *examination {
	answer.Effects = p.effects
	x := &examination{plan: p, answer: answer, walk: newWalk(&answer.Effects)}
	x.walk.facts = t.facts
	x.walk.byNames, x.walk.counted = p.byNames, p.counted
	for _, refusal := range p.effects.Refusals {
		x.walk.refuse(refusal.Reason, refusal.Object)
	}
	for _, s := range p.steps {
		x.walk.enqueueStep(s)
	}
	if p.query != nil {
		x.walk.dependsOnNames(textNames(p.query.Text)...)
	}
	return x
}

// fail answers the question with an error.
func (x *examination) fail(err error) {
	activity := "examine statement"
	if x.byNames {
		activity = "examine names"
	}
	if pgErr, ok := errors.AsType[*pgconn.PgError](err); ok && pgErr.Code == lockNotAvailable {
		err = fmt.Errorf("%w: %w", ErrLocked, err)
	}
	x.answer.Effects = Effects{}
	x.answer.Err = fmt.Errorf("%s: %w", activity, err)
	x.done = true
}

// begin returns the first requests: for the types of the statement's
// parameters, which also verifies that it is one complete statement; or for the
// objects of names.
func (x *examination) begin() *unit {
	switch {
	case x.query != nil:
		x.unit = newUnit(&request{sql: x.query.Text, describe: true})
	case x.find != nil:
		x.unit = x.find.ask()
	default:
		return nil
	}
	return x.unit
}

// begun processes the results of begin.
func (x *examination) begun() error {
	switch {
	case x.query != nil:
		if x.unit.err != nil {
			return fmt.Errorf("describe: %w", x.unit.err)
		}
		x.params = x.unit.requests[0].params
		x.answer.Effects.ParamTypes = x.params
		return nil
	case x.find != nil:
		return x.walk.found(x.find, x.unit)
	}
	return nil
}

// probe returns the request that has the server parse the statement.
func (x *examination) probe(typeNames map[uint32]string) *unit {
	if x.query == nil {
		return nil
	}
	names := make([]string, len(x.params))
	for i, oid := range x.params {
		names[i] = typeNames[oid]
	}
	x.unit = probeStatement(x.query.Text, names)
	return x.unit
}

// probed processes the statement as the server parsed it.
func (x *examination) probed() error {
	tree, err := probed(x.unit)
	if refused, ok := errors.AsType[*refusedError](err); ok {
		x.find = x.walk.followText(x.query, x.walk.whyNotParsed(refused.PgError))
		return nil
	}
	if err != nil {
		return err
	}
	parsed, err := parseTree(tree)
	if err != nil {
		return err
	}
	x.walk.texts = append(x.walk.texts, x.query.Text)
	x.walk.add(collectStatement(parsed, x.params))
	return nil
}

// refused returns the requests for a statement that the server did not parse.
func (x *examination) refused() *unit {
	if x.query == nil || x.find == nil {
		return nil
	}
	x.unit = x.find.ask()
	return x.unit
}

func (x *examination) refusedFound() error { return x.walk.found(x.find, x.unit) }
