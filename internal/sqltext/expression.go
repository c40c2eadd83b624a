package sqltext

// expression skips expressions up to the end of their clause, and reads the
// calls and queries in them. until lists further keys that end it.
func (a *analysis) expression(until func(*analysis) bool) {
	cases := 0
	for !a.done() && !a.closes() {
		if a.construct() {
			continue
		}
		switch a.key(0) {
		case kwCase:
			cases++
		case kwEnd:
			cases--
		}
		if a.endsClause() || cases <= 0 && until != nil && until(a) {
			return
		}
		a.operand()
	}
}

// closes reports whether the next item closes what surrounds the expression.
func (a *analysis) closes() bool {
	switch a.key(0) {
	case ')', ']', ';':
		return true
	}
	return false
}

// construct steps over a part of an expression with special syntax, and reports
// whether there was one.
func (a *analysis) construct() bool {
	switch a.key(0) {
	case '(', '[':
		a.parenthesis()
	case '.': // after (x) or x[1]: any word may follow
		a.step(1)
		if a.isName(0) {
			a.step(1)
		}
	case kwAs:
		a.label()
	case kwIs:
		if a.key(1) == '(' {
			return false
		}
		a.is()
	case kwTypecast:
		a.i++
		a.typeName()
	case kwWithin:
		if a.key(1) != kwGroup || a.key(2) != '(' {
			return false
		}
		a.step(2)
	case kwTime: // AT TIME ZONE (...), timestamp WITH TIME ZONE
		return a.accept(kwTime, kwZone)
	case kwCollation:
		return a.accept(kwCollation, kwFor)
	default:
		return false
	}
	return true
}

// endsClause reports whether the next word cannot be part of an expression.
func (a *analysis) endsClause() bool {
	switch a.key(0) {
	case kwFrom, kwInto, kwWhere, kwHaving, kwWindow, kwUnion, kwIntersect, kwExcept, kwOrder, kwLimit, kwOffset,
		kwFetch, kwFor, kwReturning, kwOn:
		return true
	case kwGroup:
		return a.key(1) == kwBy
	}
	return false
}

// operand steps over one item, or a whole name and its call.
func (a *analysis) operand() {
	key := a.key(0)
	switch {
	case a.key(1) == '.': // a key word may qualify a name
	case key.valueFunction(), key.special() && a.key(1) == '(':
		a.addCall(Function{"pg_catalog", a.spelling()})
		a.i++
		return
	case !a.isName(0), a.key(1) == '(' && !a.calls():
		a.i++
		return
	}
	last, qualified, ok := a.chain()
	switch {
	case !ok:
		a.i++
	case a.key(0) == '(':
		a.call(last, qualified)
		a.parenthesis()
	case a.accept('.'): // table.*, or a label such as t.select
		if a.kind(0) == Word || a.key(0) == '*' {
			a.i++
		}
	}
}

// calls reports whether the word before the next parenthesis is the name of a
// function. Some words may be, except in positions where they have a meaning.
func (a *analysis) calls() bool {
	var before item
	if a.i > 0 {
		before = a.items[a.i-1]
	}
	switch key := a.key(0); key {
	case kwOver, kwFilter:
		return before.key != ')'
	case kwBy:
		return before.key != kwGroup && before.key != kwOrder && before.key != kwPartition
	case kwSets:
		return before.key != kwGrouping
	case kwSet:
		return before.key != kwUpdate
	case kwInsert: // of MERGE
		return before.key != kwThen
	case kwLike, kwIlike:
		return before.key != kwNot && !endsOperand(before)
	default:
		return key == none || key.callable()
	}
}

func (a *analysis) spelling() string {
	name, _ := a.name(a.items[a.i])
	return name
}

// label steps over AS and the name after it, which may be any word, or a type.
func (a *analysis) label() {
	a.i++
	if a.isName(0) {
		a.typeName()
	}
}

// is steps over IS [NOT] [DISTINCT FROM], whose FROM begins no clause.
func (a *analysis) is() {
	a.i++
	a.accept(kwNot)
	a.accept(kwDistinct, kwFrom)
}

// typeName steps over a type, whose parentheses are not a call.
func (a *analysis) typeName() {
	for a.isName(0) {
		a.i++
		if a.key(0) != '.' {
			break
		}
		a.i++
	}
	a.acceptAny(kwVarying, kwPrecision)
	if a.key(0) == '(' {
		a.parenthesis()
	}
}

// parenthesis steps over ( ... ) or [ ... ], which may contain a query.
func (a *analysis) parenthesis() {
	closing := keyword(')')
	if a.key(0) == '[' {
		closing = ']'
	}
	a.i++
	a.enter()
	defer a.leave()
	if a.startsQuery(0) {
		a.query()
		if !a.accept(closing) {
			a.markUnclear()
			a.rest(closing)
		}
		return
	}
	a.rest(closing)
}

// rest steps over the rest of a parenthesis. Words that begin clauses elsewhere
// mean nothing here: EXTRACT(x FROM y), SUBSTRING(a FROM b FOR c), sum(x ORDER
// BY y). But ((SELECT 1) UNION SELECT 2) is a query.
func (a *analysis) rest(closing keyword) {
	for !a.done() {
		a.expression(nil)
		switch key := a.key(0); {
		case a.done():
		case key == closing:
			a.i++
			return
		case key == ')' || key == ']':
			a.markUnclear()
			return
		case key == ';':
			a.markUnclear()
			a.i++
		case a.setOperator():
			a.primary()
		default:
			a.i++
		}
	}
	a.markUnclear()
}
