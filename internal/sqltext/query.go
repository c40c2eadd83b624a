package sqltext

// query reads a query or a data-modifying statement with its WITH clause.
func (a *analysis) query() {
	visible := len(a.with.names)
	start := a.i
	if a.key(0) == kwWith {
		a.withClause()
		if a.depth == 0 && a.st.Kind == Select {
			a.st.Kind = a.queryKind()
		}
	}
	if a.parts != nil && a.depth == 0 {
		a.parts.With = a.span(start)
		a.parts.Body.Pos = a.pos()
	}
	switch a.key(0) {
	case kwInsert, kwUpdate, kwDelete, kwMerge:
		a.modify()
	default:
		a.primary()
		a.operations()
	}
	a.with.leave(visible)
}

// withClause reads WITH name AS (query), ... and brings the names into scope:
// each for the queries after its own, with RECURSIVE for all.
func (a *analysis) withClause() {
	a.i++
	recursive := a.accept(kwRecursive)
	if recursive {
		a.pushNamesAhead()
	}
	for {
		name := a.withName()
		if a.key(0) == '(' {
			a.skipParenthesis()
		}
		a.expect(kwAs)
		a.accept(kwNot)
		a.accept(kwMaterialized)
		if a.key(0) != '(' {
			a.markUnclear()
			return
		}
		a.i++
		a.enter()
		a.query()
		a.leave()
		a.expect(')')
		if !recursive {
			a.with.push(name)
		}
		a.searchAndCycle()
		if !a.accept(',') {
			return
		}
	}
}

func (a *analysis) withName() string {
	if !a.isName(0) {
		a.markUnclear()
		return ""
	}
	name, certain := a.name(a.items[a.i])
	if !certain {
		a.markUnclear()
	}
	a.i++
	return name
}

// pushNamesAhead reads ahead for the names of WITH RECURSIVE, up to the end of
// its queries: before a word that neither names a query nor belongs to SEARCH
// or CYCLE. It skips the queries themselves, which may contain WITH clauses
// too.
func (a *analysis) pushNamesAhead() {
	start := a.i
	defer func() { a.i = start }()
	for begins := true; !a.done(); a.i++ {
		switch key := a.key(0); {
		case begins && a.isName(0) && a.namesQuery(0):
			a.with.push(a.spelling())
		case key == '(':
			a.i = a.closing(a.i)
		case key == ')', key == ']', key == ';',
			key == kwSelect, key == kwInsert, key == kwUpdate, key == kwDelete, key == kwMerge, key == kwValues, key == kwTable:
			return
		}
		begins = a.key(0) == ','
	}
}

// closing returns the index of the parenthesis that closes the one at i, and
// the number of items where none does.
func (a *analysis) closing(i int) int {
	before := cap(a.scan.items) - cap(a.items) // a.items is a part of them
	return min(a.scan.closing(before+i)-before, len(a.items))
}

// namesQuery reports whether the word n items ahead is followed like the name
// of a WITH query. In SEARCH and CYCLE commas separate columns.
func (a *analysis) namesQuery(n int) bool { return a.key(n+1) == kwAs || a.key(n+1) == '(' }

// skipParenthesis steps over ( ... ) without reading it.
func (a *analysis) skipParenthesis() {
	for depth := 0; !a.done(); a.i++ {
		switch a.key(0) {
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				a.i++
				return
			}
		}
	}
	a.markUnclear()
}

// searchAndCycle steps over the SEARCH and CYCLE clauses of a WITH query: names
// and constants.
func (a *analysis) searchAndCycle() {
	for !a.done() {
		switch a.key(0) {
		case ',':
			if a.namesQuery(1) {
				return
			}
		case kwSelect, kwInsert, kwUpdate, kwDelete, kwMerge, kwValues, kwTable, '(', ')':
			return
		}
		a.i++
	}
}

// operations reads the rest of a set operation after its first query, or after
// a single query: the other queries, and the clauses after the last one.
func (a *analysis) operations() {
	outer := a.outer
	for a.setOperator() {
		if a.outermost() {
			*a.parts = a.parts.united()
			a.outer = -1
		}
		a.primary()
	}
	a.outer = outer
	a.tail()
}

// setOperator steps over UNION, INTERSECT or EXCEPT, with ALL or DISTINCT.
func (a *analysis) setOperator() bool {
	if !a.acceptAny(kwUnion, kwIntersect, kwExcept) {
		return false
	}
	a.acceptAny(kwAll, kwDistinct)
	return true
}

// primary reads a query without set operations.
func (a *analysis) primary() {
	switch a.key(0) {
	case '(':
		a.i++
		outer := a.outer
		if a.outermost() {
			a.outer++
		}
		a.enter()
		a.query()
		a.leave()
		a.outer = outer
		a.expect(')')
	case kwSelect:
		a.selectCore()
	case kwValues:
		a.i++
		a.expression(nil)
	case kwTable:
		a.i++
		if t, ok := a.relation(); ok {
			a.source(t)
		}
	default:
		a.markUnclear()
	}
}

// selectCore reads SELECT up to its HAVING and WINDOW clauses.
func (a *analysis) selectCore() {
	a.i++
	a.accept(kwAll)
	distinctOn := a.accept(kwDistinct) && a.accept(kwOn)
	if distinctOn {
		a.parenthesis()
	}
	start := a.i
	a.expression(nil)
	if a.outermost() {
		a.parts.DistinctOn, a.parts.List = distinctOn, a.span(start)
	}
	for {
		switch a.key(0) {
		case kwInto:
			a.i++
			a.intoTarget()
		case kwFrom:
			a.i++
			a.fromList()
		case kwWhere, kwWindow:
			a.i++
			a.expression(nil)
		case kwHaving:
			a.i++
			a.grouped()
			a.expression(nil)
		case kwGroup:
			a.i += 2
			a.grouped()
			a.grouping()
		default:
			return
		}
	}
}

// grouping reads a GROUP BY list, where ROLLUP () and CUBE () are not calls.
func (a *analysis) grouping() {
	for {
		for a.acceptAny(kwRollup, kwCube, kwAll, kwDistinct) {
		}
		a.expression(func(a *analysis) bool { return a.key(0) == ',' })
		if !a.accept(',') {
			return
		}
	}
}

// intoTarget reads the table that SELECT ... INTO creates.
func (a *analysis) intoTarget() {
	a.acceptAny(kwLocal, kwGlobal)
	if a.acceptAny(kwTemp, kwTemporary) {
		a.st.MakesTemporary = true
	}
	a.accept(kwUnlogged)
	a.accept(kwTable)
	a.makes(a.target())
	a.st.DDL = FillsRelation
	if a.parts != nil {
		a.parts.Into = true
	}
}

// tail reads ORDER BY, LIMIT, OFFSET, FETCH and locking clauses.
func (a *analysis) tail() {
	var seen QueryParts
	for {
		start := a.i
		switch a.key(0) {
		case kwOrder:
			a.i++
			a.expression(nil)
			seen.OrderBy = a.span(start)
		case kwLimit:
			a.i++
			a.expression(nil)
			seen.Limit = true
		case kwOffset:
			a.i++
			a.expression(nil)
			seen.Offset = true
		case kwFetch:
			a.step(2) // FETCH FIRST (1) ROWS ONLY: FIRST is not a call
			a.expression(nil)
			seen.Limit = true
		case kwFor:
			a.locking()
		default:
			if a.outermost() {
				a.parts.addTail(seen)
			}
			return
		}
	}
}

// locking reads FOR UPDATE OF t NOWAIT and the like. FOR READ ONLY locks
// nothing.
func (a *analysis) locking() {
	a.i++
	readOnly := a.kind(0) == Word && a.key(1) == kwOnly
	for !a.done() && !a.endsClause() && a.key(0) != ')' && a.key(0) != ';' {
		a.i++
	}
	if !readOnly {
		a.writes = true
		if a.parts != nil {
			a.parts.Locking = true
		}
	}
}
