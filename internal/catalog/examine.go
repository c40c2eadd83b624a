package catalog

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/headrace/headrace/internal/sqltext"
)

// ErrLocked says that a relation of the statement was locked by somebody, as
// ALTER TABLE and TRUNCATE do. Examine does not wait for it: the lock may be
// held by the transaction that waits for Examine.
var ErrLocked = errors.New("a relation is locked")

// Examine tells what a statement does, as the server behind conn understands
// it under conn's role and search path. Nothing of the statement is run.
//
// conn is used exclusively for the time of the call and must not be in a
// transaction. All is done in one transaction that is rolled back, below pgx's
// tracers; with an error conn may be closed.
//
// The role needs the right TEMP on the database, and the server must not be a
// standby: without, what a statement reads is unknown, with [Unexamined] as the
// reason, and what it writes is known only where the text tells it. An error
// means that the statement could not be examined now (it has a mistake, a
// relation does not exist or is locked, the connection broke) and says nothing
// of later: [ErrLocked] and *pgconn.PgError can be told by errors.
//
// It takes some milliseconds and is meant to be asked once for each text, role
// and search path. A server that logs DDL statements logs the statement.
func Examine(ctx context.Context, conn *pgx.Conn, st *sqltext.Statement) (Effects, error) {
	a := ExamineAll(ctx, conn, []Question{{Statement: st}})[0]
	return a.Effects, a.Err
}

// A plan is how a question is answered.
type plan struct {
	effects Effects // as far as they are known beforehand

	// At most one of these is asked of the server.
	query *sqltext.Statement // given to the server's parser
	find  *wanted            // names to begin with

	steps   []step         // that the walk takes besides
	planned bool           // the statement is planned and not run
	byNames bool           // of the effects only the writes are asked for
	counted bool           // the statement's command tag counts what it changes
	adjust  func(*Effects) // what is different in the end
}

// asks reports whether the server has to be asked.
func (p *plan) asks() bool { return p.query != nil || p.find != nil || len(p.steps) > 0 }

func planOf(q Question) plan {
	if q.Names != nil {
		return planNames(q.Names, q.Scope)
	}
	return planStatement(q.Statement)
}

// planStatement has the server parse what it plans.
func planStatement(st *sqltext.Statement) plan {
	switch st.Kind {
	case sqltext.Select, sqltext.Values, sqltext.TableQuery,
		sqltext.Insert, sqltext.Update, sqltext.Delete, sqltext.Merge:
		return plan{query: st, counted: countsChanges(st), effects: Effects{ReadsKnown: true, WritesKnown: true, ReadOnly: true}}
	}
	return planUtility(st)
}

// unescapedPlan is for a session that reads constants another way than is
// assumed here.
func unescapedPlan(q Question) plan {
	if q.Names != nil {
		return plan{byNames: true}
	}
	return plan{effects: unknownEffects(Unexamined, "standard_conforming_strings is off")}
}

// unknownEffects are those of a statement of which nothing is known.
func unknownEffects(reason Reason, object string) Effects {
	return Effects{Refusals: []Refusal{{reason, object}}}
}

// An examination is the way from a question to its answer.
type examination struct {
	plan
	answer *Answer
	walk   *walk
	params []uint32 // types
	unit   *unit    // what it asks for at the time
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

// fail gives the question an error as its answer.
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

// begin returns what is asked first: the types of the statement's parameters,
// which makes sure that it is one statement and ends where it seems to; or what
// names stand for.
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

// begun takes what begin asked for.
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

// probe has the server parse the statement.
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

// probed takes the statement as the server parsed it.
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

// refused returns what is asked where the server did not parse the statement.
func (x *examination) refused() *unit {
	if x.query == nil || x.find == nil {
		return nil
	}
	x.unit = x.find.ask()
	return x.unit
}

func (x *examination) refusedFound() error { return x.walk.found(x.find, x.unit) }
