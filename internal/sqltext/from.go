package sqltext

// fromList reads the items of a FROM clause with their joins. An ON without a
// join before it belongs to an outer clause: INSERT ... SELECT ... ON CONFLICT,
// MERGE ... ON.
func (a *analysis) fromList() {
	a.fromItem()
	for waiting := 0; ; {
		switch key := a.key(0); {
		case key == ',':
			a.i++
			a.fromItem()
		case startsJoin(key):
			if a.join() {
				waiting++
			}
			a.fromItem()
		case key == kwOn && waiting > 0:
			waiting--
			a.i++
			a.expression(endsCondition)
		case key == kwUsing && waiting > 0:
			waiting--
			a.i++
			a.skipParenthesis()
			if a.accept(kwAs) {
				a.step(1)
			}
		default:
			if waiting > 0 {
				a.markUnclear()
			}
			return
		}
	}
}

func startsJoin(key keyword) bool {
	switch key {
	case kwJoin, kwLeft, kwRight, kwFull, kwInner, kwCross, kwNatural:
		return true
	}
	return false
}

// endsCondition reports whether the next item ends the condition of a join.
func endsCondition(a *analysis) bool {
	switch key := a.key(0); key {
	case ',', kwJoin, kwUsing:
		return true
	default: // some are functions too: left(name, 1)
		return startsJoin(key) && a.key(1) != '('
	}
}

// join steps over the words of a join, including JOIN, and reports whether it
// has a condition.
func (a *analysis) join() (conditional bool) {
	conditional = !a.accept(kwNatural)
	switch {
	case a.acceptAny(kwLeft, kwRight, kwFull):
		a.accept(kwOuter)
		if a.parts != nil {
			a.parts.OuterJoin = true
		}
	case a.accept(kwCross):
		conditional = false
	default:
		a.accept(kwInner)
	}
	a.expect(kwJoin)
	return conditional
}

// fromItem reads a relation, function, query or join in parentheses, and its
// alias.
func (a *analysis) fromItem() {
	a.accept(kwLateral)
	switch key := a.key(0); {
	case key == '(':
		a.fromParenthesis()
	case key == kwRows && a.key(1) == kwFrom && a.key(2) == '(':
		a.step(2)
		a.parenthesis()
	case key == kwOnly:
		a.table()
	case key.valueFunction():
		a.operand()
	case key == kwCast || key != none && !key.reserved() && !key.callable() && a.key(1) == '(':
		a.i++
		a.parenthesis()
	default:
		a.table()
	}
	a.accept(kwWith, kwOrdinality)
	a.alias()
	if a.accept(kwTablesample) {
		a.operand()
		if a.isName(0) && a.key(1) == '(' { // REPEATABLE (seed)
			a.i++
			a.parenthesis()
		}
	}
}

// table reads a relation or a function call.
func (a *analysis) table() {
	start := a.i
	if a.key(0) != kwOnly {
		if last, qualified, ok := a.chain(); ok && a.key(0) == '(' {
			a.call(last, qualified)
			a.parenthesis()
			return
		}
		a.i = start
	}
	if t, ok := a.relation(); ok {
		a.source(t)
	}
}

// fromParenthesis reads (query), or (a JOIN b ON ...).
func (a *analysis) fromParenthesis() {
	a.i++
	a.enter()
	defer a.leave()
	if a.startsQuery(0) {
		a.query()
	} else {
		a.fromList()
		a.operations()
	}
	a.expect(')')
}

// alias steps over [AS] name [(columns)], or AS (columns with types).
func (a *analysis) alias() {
	as := a.accept(kwAs)
	switch {
	case as && a.isName(0), a.kind(0) == QuotedName, a.kind(0) == Word && !a.key(0).reserved():
		a.i++
		if a.key(0) == '(' {
			a.skipParenthesis()
		}
	case as && a.key(0) == '(':
		a.skipParenthesis()
	}
}
