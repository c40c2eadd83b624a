package sqltext

// modify reads a data-modifying statement.
func (a *analysis) modify() {
	if a.parts != nil && a.depth > 0 {
		a.parts.Modifying = true
	}
	switch a.key(0) {
	case kwInsert:
		a.insert()
	case kwUpdate:
		a.update()
	case kwDelete:
		a.delete()
	case kwMerge:
		a.merge()
	}
}

// insert reads INSERT INTO t (columns) query ON CONFLICT ... RETURNING ...
func (a *analysis) insert() {
	a.i++
	a.expect(kwInto)
	a.target()
	if a.accept(kwAs) {
		a.step(1)
	}
	if a.key(0) == '(' && !a.startsQuery(1) && a.key(1) != '(' {
		a.skipParenthesis()
	}
	if a.accept(kwOverriding) {
		a.step(2) // USER VALUE, SYSTEM VALUE
	}
	if !a.accept(kwDefault, kwValues) {
		a.query()
	}
	if a.accept(kwOn, kwConflict) {
		a.clauses()
	}
	a.returning()
}

// update reads UPDATE t SET ... FROM ... WHERE ... RETURNING ...
func (a *analysis) update() {
	a.i++
	a.target()
	if a.key(0) != kwSet { // which could be an alias elsewhere
		a.alias()
	}
	a.expect(kwSet)
	a.expression(nil)
	if a.accept(kwFrom) {
		a.fromList()
	}
	a.where()
	a.returning()
}

// delete reads DELETE FROM t USING ... WHERE ... RETURNING ...
func (a *analysis) delete() {
	a.i++
	a.expect(kwFrom)
	a.target()
	a.alias()
	if a.accept(kwUsing) {
		a.fromList()
	}
	a.where()
	a.returning()
}

// merge reads MERGE INTO t USING source ON condition WHEN ... RETURNING ...
func (a *analysis) merge() {
	a.i++
	a.expect(kwInto)
	a.target()
	a.alias()
	a.expect(kwUsing)
	a.fromList()
	a.expect(kwOn)
	a.clauses()
	a.returning()
}

func (a *analysis) where() {
	if a.accept(kwWhere) {
		a.expression(nil)
	}
}

func (a *analysis) returning() {
	if a.accept(kwReturning) {
		a.expression(nil)
	}
}

// clauses skips clauses that name relations only within expressions, up to
// RETURNING.
func (a *analysis) clauses() {
	for !a.done() {
		a.expression(nil)
		switch a.key(0) {
		case kwReturning, ')', ']', ';':
			return
		}
		if !a.done() {
			a.i++
		}
	}
}
