package catalog

import (
	"slices"
	"strings"

	"github.com/headrace/headrace/internal/sqltext"
)

// planUtility plans the examination of a statement that the server does not
// plan. The text shows what it is, and the catalogs what it involves.
func planUtility(st *sqltext.Statement) plan {
	p := plan{effects: knownEffects(st)}
	switch st.Kind {
	case sqltext.Empty, sqltext.Begin, sqltext.Commit, sqltext.Rollback, sqltext.Savepoint, sqltext.RollbackTo,
		sqltext.Release, sqltext.PrepareTransaction, sqltext.RollbackPrepared, sqltext.Set, sqltext.Show,
		sqltext.Reset, sqltext.Listen, sqltext.Notify, sqltext.Unlisten, sqltext.Prepare, sqltext.Deallocate,
		sqltext.Close, sqltext.Lock:
		return p
	case sqltext.Truncate, sqltext.CopyFrom:
		return planTargets(st)
	case sqltext.CopyTo, sqltext.Explain, sqltext.Declare:
		return planInner(st)
	case sqltext.Maintain:
		return planMaintenance(st)
	case sqltext.DDL:
		return planDDL(st)
	case sqltext.Call: // locks do not show what a procedure writes before its last commit; its words show what it leaves in the session
		p = planCalls(st)
	}
	// CALL, DO, EXECUTE, FETCH, COMMIT PREPARED, several statements at once,
	// and what is not recognized.
	p.effects.ReadsKnown, p.effects.WritesKnown = false, false
	return p
}

// knownEffects returns the effects of a statement that does nothing beyond what
// is found later.
func knownEffects(st *sqltext.Statement) Effects {
	return Effects{ReadsKnown: true, WritesKnown: true, Refusals: []Refusal{{NotRead, st.Kind.String()}}}
}

// planTargets plans for writes to the relations that the text names, and for
// the functions in the condition of COPY.
func planTargets(st *sqltext.Statement) plan {
	p := plan{effects: knownEffects(st), find: &wanted{}}
	if st.Kind == sqltext.CopyFrom && hasCondition(st.Text) {
		p = planCalls(st)
	}
	p.effects.WritesKnown = p.effects.WritesKnown && len(st.Writes) > 0 && (st.TablesKnown || st.Cascade)
	p.find.tables = []namedTables{{st.Writes, writeStep, writeEvents(st)}}
	p.find.strict = true
	p.counted = countsChanges(st)
	return p
}

// planCalls plans for everything that a statement's text calls by name, by
// operators and by attribute notation, and for the types that it may name.
func planCalls(st *sqltext.Statement) plan {
	n := Names{calls: slices.Clone(st.Calls)}
	p := plan{effects: knownEffects(st)}
	p.effects.WritesKnown = n.scanText(st.Text)
	p.find = &wanted{calls: n.calls, operators: n.operators, words: typeWords(st.Text), byName: true}
	return p
}

// hasCondition reports whether the text contains the word WHERE.
func hasCondition(text string) bool {
	for l := sqltext.NewLexer(text); ; {
		token, ok := l.Next()
		if !ok || token.Kind == sqltext.Word && strings.EqualFold(text[token.Pos:token.End], "where") {
			return ok
		}
	}
}

// planInner plans for the statement inside a statement that runs, explains or
// copies it.
func planInner(st *sqltext.Statement) plan {
	unknown := plan{effects: unknownEffects(NotRead, st.Kind.String())}
	if st.Inner.Empty() {
		unknown.effects.WritesKnown = st.Kind == sqltext.CopyTo && st.TablesKnown // COPY t TO
		return unknown
	}
	inner := sqltext.Analyze(st.Inner.Of(st.Text))
	switch inner.Kind {
	case sqltext.Select, sqltext.Values, sqltext.TableQuery,
		sqltext.Insert, sqltext.Update, sqltext.Delete, sqltext.Merge,
		sqltext.Declare, sqltext.DDL:
	default:
		return unknown
	}
	p := planStatement(inner)
	if st.Runs == sqltext.No {
		p.planned = true
		p.effects.DDL, p.effects.Temporary = false, false
	}
	adjust := p.adjust
	p.adjust = func(e *Effects) {
		if adjust != nil {
			adjust(e)
		}
		e.Refusals = append(unknown.effects.Refusals, e.Refusals...)
		e.Cacheable, e.ReadOnly, e.RowsOnly = false, false, false
	}
	return p
}

// callsInPlanning reports whether the planner may have called a user-defined
// function that is not VOLATILE. Functions that it calls may be VOLATILE, and
// write.
func (w *walk) callsInPlanning() bool {
	for s := range w.done {
		if s.kind == functionStep && s.oid >= firstNormalOID && w.routines.functions[s.oid].volatility != 'v' {
			return true
		}
	}
	return false
}

// planDDL plans for a schema change. Even where the text shows that the
// statement does nothing else, event triggers may.
func planDDL(st *sqltext.Statement) plan {
	var p plan
	switch st.DDL {
	case sqltext.DefinesOnly:
		p.effects = knownEffects(st)
	case sqltext.FillsRelation:
		// The new relation has no rows that were read before, and no triggers.
		if st.Runs == sqltext.No { // WITH NO DATA
			p.effects = knownEffects(st)
		} else {
			p = planInner(st)
		}
	case sqltext.MakesIndex: // with expressions in the text, or copied from another table
		p = planCalls(st)
		p.computeIndexes()
	case sqltext.RefreshesView: // computes its indexes too
		p = plan{effects: knownEffects(st), find: &wanted{tables: []namedTables{{st.Writes, refreshStep, 0}}, strict: true}}
		p.computeIndexes()
		return p
	default:
		p.effects = unknownEffects(NotRead, st.Kind.String())
	}
	p.effects.DDL, p.effects.Temporary = !st.MakesTemporary, st.MakesTemporary
	if p.effects.WritesKnown {
		p.steps = append(p.steps, step{kind: eventStep})
	}
	return p
}

// planMaintenance plans for VACUUM, ANALYZE, CLUSTER and REINDEX, which compute
// the expressions of indexes and statistics. REINDEX fires event triggers,
// since version 17.
func planMaintenance(st *sqltext.Statement) plan {
	p := plan{effects: knownEffects(st)}
	p.computeIndexes()
	if !firesNone(st.Normalized) {
		p.steps = append(p.steps, step{kind: eventStep})
	}
	return p
}

// computeIndexes adds the expressions of all indexes and statistics of the
// database. Few contain user-defined functions, and it is rare that one of
// these writes, so it does not matter which of them a statement computes. An
// index created later is not part of the fingerprint, so the effects count as
// unexamined.
func (p *plan) computeIndexes() {
	p.steps = append(p.steps, step{kind: indexStep})
	p.effects.Refusals = append(p.effects.Refusals, Refusal{Unexamined, "expressions of indexes"})
}

// firesNone reports whether a maintenance statement, in lower case, fires no
// event triggers.
func firesNone(text string) bool {
	return strings.HasPrefix(text, "vacuum") || strings.HasPrefix(text, "analy") || strings.HasPrefix(text, "cluster")
}

const indexQuery = `
SELECT indexprs, indpred FROM pg_index WHERE indexprs IS NOT NULL OR indpred IS NOT NULL
UNION ALL
SELECT stxexprs, NULL FROM pg_statistic_ext WHERE stxexprs IS NOT NULL`

// takeIndexes processes the rows of indexQuery.
func (f *facts) takeIndexes(rows [][][]byte) error {
	f.indexes = make([]string, 0, 2*len(rows))
	for _, row := range rows {
		f.indexes = append(f.indexes, string(row[0]), string(row[1]))
	}
	return nil
}
