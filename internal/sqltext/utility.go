package sqltext

import "strings"

// copyDirection distinguishes COPY FROM and COPY TO.
func (a *analysis) copyDirection() StatementKind {
	start, lost := a.i, a.unclear
	defer func() { a.i, a.unclear = start, lost }()
	a.copyUpToDirection()
	switch a.key(0) {
	case kwFrom:
		return CopyFrom
	case kwTo:
		return CopyTo
	}
	return Unrecognized
}

// copyUpToDirection steps over COPY t (columns) or COPY (query).
func (a *analysis) copyUpToDirection() {
	a.i++
	a.accept(kwBinary)
	if a.key(0) != '(' {
		a.chain()
		if a.accept(kwUescape) {
			a.step(1)
		}
	}
	if a.key(0) == '(' {
		a.skipParenthesis()
	}
}

// copy reads COPY t (columns) FROM, COPY t (columns) TO and COPY (query) TO.
// Only a copy to the client leaves everything unchanged. The server's grammar
// accepts STDIN and STDOUT interchangeably.
func (a *analysis) copy() {
	start := a.i
	a.copyUpToDirection()
	direction := a.i
	a.i = start + 1
	a.accept(kwBinary)
	switch {
	case a.accept('('):
		a.st.Inner, a.st.Runs = a.innerUpTo(direction-1), Yes
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
	if a.i < direction && a.key(0) == '(' {
		a.skipParenthesis()
	}
	if a.i != direction {
		a.markUnclear()
	}
	a.i = direction + 1
	a.st.Client = a.key(0) == kwStdin || a.key(0) == kwStdout
	if a.st.Kind == CopyTo {
		a.writes = a.writes || !a.st.Client
		a.i = len(a.items)
		return
	}
	a.copyWhere()
}

// copyWhere reads the rest of COPY t FROM, whose condition may call functions.
func (a *analysis) copyWhere() {
	for !a.done() {
		switch {
		case a.accept(kwWhere):
			a.expression(nil)
			return
		case a.key(0) == '(':
			a.skipParenthesis()
		default:
			a.i++
		}
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
			a.markUnclear()
		}
	}
}

// explain reads EXPLAIN [(options) | ANALYZE VERBOSE] statement. Without
// ANALYZE nothing runs, so relations that would be written count as read.
func (a *analysis) explain() {
	st := a.st
	a.step(1)
	runs := a.explainOptions()
	inner := a.innerUpTo(len(a.items))
	switch a.kindOf() {
	case Declare:
		a.declare()
	case DDL:
		a.writes = true
		a.ddl()
		a.opaque()
	default:
		a.innerQuery()
	}
	st.Inner, st.Runs = inner, runs
	switch runs {
	case No:
		for _, t := range st.Writes {
			a.source(t)
		}
		st.Writes, st.DDL, st.MakesTemporary, a.writes = nil, AnyDDL, false, false
	case Unknown:
		if a.writes {
			a.markUnclear()
			a.writes = false
		}
	}
}

// explainOptions reports whether EXPLAIN runs its statement. The last ANALYZE
// option decides.
func (a *analysis) explainOptions() (runs Claim) {
	runs = No
	if a.key(0) != '(' || a.startsQuery(1) || a.key(1) == '(' {
		if a.acceptAny(kwAnalyze, kwAnalyse) {
			runs = Yes
		}
		a.accept(kwVerbose)
		return runs
	}
	unclear := false
	for a.i++; ; a.i++ {
		analyze := a.isAnalyze()
		a.step(1)
		value := a.optionValue()
		switch {
		case analyze == Unknown:
			unclear = true
		case analyze == Yes:
			runs = value
		}
		if a.key(0) != ',' {
			break
		}
	}
	a.expect(')')
	if unclear {
		return Unknown
	}
	return runs
}

// isAnalyze reports whether the name of an option is ANALYZE. It may be quoted.
func (a *analysis) isAnalyze() Claim {
	switch {
	case a.key(0) == kwAnalyze || a.key(0) == kwAnalyse:
		return Yes
	case a.kind(0) == QuotedName:
		switch name, certain := a.name(a.items[a.i]); {
		case !certain:
			return Unknown
		case name == "analyze":
			return Yes
		}
	}
	return No
}

// optionValue reads the value of a boolean option.
func (a *analysis) optionValue() Claim {
	start := a.i
	for !a.done() && a.key(0) != ',' && a.key(0) != ')' {
		a.i++
	}
	switch a.i - start {
	case 0:
		return Yes
	case 1:
		switch strings.ToLower(strings.Trim(a.word(a.items[start]), "'")) {
		case "true", "on", "1":
			return Yes
		case "false", "off", "0":
			return No
		}
	}
	return Unknown
}

// declare reads DECLARE name CURSOR FOR query.
func (a *analysis) declare() {
	a.writes = true
	for !a.done() && !a.accept(kwFor) {
		a.i++
	}
	a.st.Inner, a.st.Runs = a.innerUpTo(len(a.items)), Yes
	a.query()
}

// prepare reads PREPARE name (types) AS statement.
func (a *analysis) prepare() {
	if a.findAs() {
		a.st.Inner, a.st.Runs = a.innerUpTo(len(a.items)), No
	}
}

// innerUpTo returns the text from here to the item of the given index.
func (a *analysis) innerUpTo(end int) Span {
	if a.i >= end || end > len(a.items) {
		return Span{}
	}
	return Span{int(a.items[a.i].pos), int(a.items[end-1].end)}
}

// innerQuery reads a query or data-modifying statement within another
// statement. EXECUTE, and anything that is not allowed there, shows nothing.
func (a *analysis) innerQuery() {
	switch a.kindOf() {
	case Select, Values, TableQuery, Insert, Update, Delete, Merge:
		a.query()
	default:
		a.opaque()
	}
}

// plainString returns the value of a constant '...', and nothing for a constant
// with escapes or several parts.
func plainString(constant string) string {
	if len(constant) < 2 || constant[0] != '\'' || strings.ContainsAny(constant, "\n\r") {
		return ""
	}
	return strings.ReplaceAll(constant[1:len(constant)-1], "''", "'")
}
