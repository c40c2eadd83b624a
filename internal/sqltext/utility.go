package sqltext

import "strings"

// copyDirection tells COPY FROM and COPY TO apart.
func (a *analysis) copyDirection() StatementKind {
	direction, _ := a.copyWords()
	switch direction {
	case kwFrom:
		return CopyFrom
	case kwTo:
		return CopyTo
	}
	return Unrecognized
}

// copyWords returns the first FROM or TO outside parentheses, and the word
// behind it.
func (a *analysis) copyWords() (direction, next keyword) {
	depth := 0
	for i := a.i; i < len(a.items); i++ {
		switch key := a.items[i].key; key {
		case '(':
			depth++
		case ')':
			depth--
		case kwFrom, kwTo:
			if depth > 0 {
				continue
			}
			if i+1 < len(a.items) {
				next = a.items[i+1].key
			}
			return key, next
		}
	}
	return none, none
}

// copy reads COPY t (columns) FROM, COPY t (columns) TO and COPY (query) TO.
// Only what goes to the client leaves everything as it was. The server's
// grammar takes STDIN and STDOUT for each other.
func (a *analysis) copy() {
	_, end := a.copyWords()
	a.st.Client = end == kwStdin || end == kwStdout
	a.step(1)
	a.accept(kwBinary)
	switch {
	case a.key(0) == '(':
		a.i++
		a.enter()
		a.query()
		a.leave()
		a.expect(')')
	case a.st.Kind == CopyFrom:
		a.target()
	default:
		if t, ok := a.relation(); ok {
			a.source(t)
		}
	}
	if a.key(0) == '(' {
		a.skipParenthesis()
	}
	if a.st.Kind == CopyTo && !(a.accept(kwTo) && a.acceptAny(kwStdout, kwStdin)) {
		a.writes = true
	}
	where := false
	for ; !a.done(); a.i++ {
		where = where || a.key(0) == kwWhere
	}
	if where { // COPY FROM ... WHERE calls what it likes
		a.lose()
	}
}

// truncate reads TRUNCATE [TABLE] t, ... [RESTART IDENTITY] [CASCADE].
func (a *analysis) truncate() {
	a.step(1)
	a.accept(kwTable)
	a.target()
	for a.accept(',') {
		a.target()
	}
	for ; !a.done(); a.i++ {
		if a.key(0) == kwCascade {
			a.st.Cascade = true
			a.lose()
		}
	}
}

// explain reads EXPLAIN [(options) | ANALYZE VERBOSE] statement. Without
// ANALYZE nothing runs: what would be written is only looked at.
func (a *analysis) explain() {
	a.step(1)
	runs := a.explainOptions()
	switch kind := a.kindOf(); kind {
	case Select, Values, TableQuery, Insert, Update, Delete, Merge:
		a.query()
	default: // EXECUTE, DECLARE, CREATE TABLE AS, REFRESH MATERIALIZED VIEW
		a.opaque()
		a.writes = runs == Yes && kind == DDL
		return
	}
	switch st := a.st; runs {
	case No:
		for _, t := range st.Writes {
			a.source(t)
		}
		st.Writes, a.writes = nil, false
	case Unknown:
		if a.writes {
			a.lose()
			a.writes = false
		}
	}
}

// explainOptions tells whether EXPLAIN runs its statement.
func (a *analysis) explainOptions() (runs Claim) {
	runs = No
	if a.key(0) != '(' || a.startsQuery(1) || a.key(1) == '(' {
		if a.acceptAny(kwAnalyze, kwAnalyse) {
			runs = Yes
		}
		a.accept(kwVerbose)
		return runs
	}
	from := a.i
	a.skipParenthesis()
	for i := from; i < a.i; i++ {
		if a.items[i].kind == QuotedName { // "analyze" does what ANALYZE does
			return Unknown
		}
		if key := a.items[i].key; key != kwAnalyze && key != kwAnalyse {
			continue
		}
		runs = Yes
		if next := a.items[i+1].key; next != ',' && next != ')' && next != kwTrue {
			runs = Unknown // a value: no more than the word ANALYZE is needed
		}
	}
	return runs
}

// declare reads DECLARE name CURSOR FOR query.
func (a *analysis) declare() {
	a.writes = true
	for !a.done() && !a.accept(kwFor) {
		a.i++
	}
	a.query()
}

// ddl takes the relation that CREATE, ALTER, DROP or REFRESH is about as
// written, where it is easily told. The list never counts as known.
func (a *analysis) ddl() {
	a.step(1)
	for a.acceptAny(kwGlobal, kwLocal, kwTemp, kwTemporary, kwUnlogged, kwMaterialized, kwRecursive, kwForeign, kwOr, kwReplace) {
	}
	if !a.acceptAny(kwTable, kwView) {
		return
	}
	a.acceptAny(kwConcurrently)
	if a.accept(kwIf) {
		a.accept(kwNot)
		a.accept(kwExists)
	}
	a.target()
	for a.accept(',') {
		a.target()
	}
	for ; !a.done(); a.i++ {
		a.st.Cascade = a.st.Cascade || a.key(0) == kwCascade
	}
}

// plainString returns what a constant '...' stands for, and nothing for one
// with escapes or of several pieces.
func plainString(constant string) string {
	if len(constant) < 2 || constant[0] != '\'' || strings.ContainsAny(constant, "\n\r") {
		return ""
	}
	return strings.ReplaceAll(constant[1:len(constant)-1], "''", "'")
}
