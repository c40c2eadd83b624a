package catalog

// expr reports whether an expression may be NULL: it is, or has as an argument
// of which NULL makes NULL, a column that may be. Nothing is known of all other
// expressions.
func (s *scope) expr(n *node) bool {
	if n == nil {
		return false
	}
	switch n.kind {
	case "VAR":
		return s.variable(n)
	case "CONST":
		return isNullConstant(n)
	case "PARAM":
		return s.param(n)
	case "RELABELTYPE", "COLLATEEXPR", "COERCEVIAIO", "ARRAYCOERCEEXPR", "FIELDSELECT":
		return s.expr(n.get("arg").node)
	case "FUNCEXPR":
		return s.facts.strict[n.oid("funcid")] && s.anyArg(n)
	case "OPEXPR":
		return s.facts.strict[n.oid("opfuncid")] && s.anyArg(n)
	case "AGGREF":
		return s.aggregate(n)
	case "SUBLINK":
		if query := n.get("subselect").node; query != nil && n.get("subLinkType").number() == exprSubquery {
			return at(s.inner(query).columns(), 1)
		}
	}
	return false
}

func (s *scope) anyArg(n *node) bool {
	for _, arg := range n.get("args").list {
		if s.expr(arg.node) {
			return true
		}
	}
	return false
}

// aggregate reports whether an aggregate is NULL where its tables are empty. In
// a subquery for each row of another query, the other query may exclude that.
func (s *scope) aggregate(n *node) bool {
	return s.facts.ofNothing[n.oid("aggfnoid")] && n.get("agglevelsup").number() == 0 && s.parentIsFree() &&
		s.isTotal() && s.query.get("havingQual").node == nil && s.itemMayBeEmpty(s.query.get("jointree").node)
}

// parentIsFree reports whether the query is independent of those around it.
func (s *scope) parentIsFree() bool {
	return s.parent == nil || !refersOut(value{node: s.query}, -1)
}

// refersOut reports whether a query refers to columns of queries around it.
// level is -1 outside of the query.
func refersOut(v value, level int) bool {
	for _, item := range v.list {
		if refersOut(item, level) {
			return true
		}
	}
	if v.node == nil {
		return false
	}
	switch v.node.kind {
	case "QUERY":
		level++
	case "VAR":
		if v.node.get("varlevelsup").number() > level {
			return true
		}
	}
	for i := range v.node.fields {
		if refersOut(v.node.fields[i].value, level) {
			return true
		}
	}
	return false
}

// param reports whether the program may pass NULL for a parameter. One that is
// assigned to a column, whose definition allows NULL, may be unless the program
// says otherwise.
func (s *scope) param(n *node) bool {
	if n.get("paramkind").number() != 0 {
		return false
	}
	known := ArgUnknown
	if i := n.get("paramid").number() - 1; i >= 0 && i < len(s.args) {
		known = s.args[i]
	}
	return known == ArgMaybeNull || known == ArgUnknown && s.assigning
}

// variable reports whether a column that an expression refers to may be NULL.
func (s *scope) variable(n *node) bool {
	if n.get("varreturningtype").number() != 0 {
		return false // OLD and NEW
	}
	at := s
	for range n.get("varlevelsup").number() {
		if at = at.parent; at == nil {
			return false
		}
	}
	c := column{n.get("varno").number(), n.get("varattno").number()}
	if at.query.get("commandType").number() != commandSelect {
		if c.entry == at.query.get("resultRelation").number() && at.returning {
			return at.returned(c)
		}
		if conflict := at.query.get("onConflict").node; conflict != nil && c.entry == conflict.get("exclRelIndex").number() {
			return at.inserted(c.number)
		}
	}
	return at.columnMayBeNull(c) || at.mayBeMissing(c.entry)
}

// returned reports whether RETURNING may return NULL for a column of the table
// that the statement changes.
func (s *scope) returned(c column) bool {
	f := s.relation(c.entry)
	if f == nil || f.rules || !f.mayBeNull(c.number) {
		return false
	}
	switch s.query.get("commandType").number() {
	case commandInsert:
		return s.inserted(c.number) || s.updatedOnConflict(f, c)
	case commandUpdate:
		if f.updated {
			return false
		}
		if set := target(s.query.get("targetList").list, c.number); set != nil {
			return s.assigned(f, set, c.number)
		}
	}
	return !s.isForced(c)
}

// inserted reports whether the row that is to be inserted may have NULL in a
// column.
func (s *scope) inserted(number int) bool {
	f := s.relation(s.query.get("resultRelation").number())
	if f == nil || f.inserted || !f.mayBeNull(number) {
		return false
	}
	if set := target(s.query.get("targetList").list, number); set != nil {
		return s.assigned(f, set, number)
	}
	return !f.hasDefault(number)
}

// updatedOnConflict reports whether ON CONFLICT DO UPDATE may leave NULL in a
// column.
func (s *scope) updatedOnConflict(f *columnFacts, c column) bool {
	conflict := s.query.get("onConflict").node
	if conflict == nil || conflict.get("action").number() != conflictUpdate || f.updated {
		return false
	}
	if set := target(conflict.get("onConflictSet").list, c.number); set != nil {
		return s.assigned(f, set, c.number)
	}
	return !s.forcing().of(conflict.get("onConflictWhere")).has(c)
}

// target returns the expression that is assigned to a column, or nil.
func target(list []value, number int) *node {
	for _, item := range list {
		if item.node.get("resno").number() == number && item.node.get("resjunk").word != "true" {
			return item.node.get("expr").node
		}
	}
	return nil
}

// assigned reports whether an expression that is assigned to a column may be
// NULL.
func (s *scope) assigned(f *columnFacts, expr *node, number int) bool {
	if expr.kind == "SETTODEFAULT" {
		return !f.hasDefault(number)
	}
	returning, assigning := s.returning, s.assigning
	s.returning, s.assigning = false, true
	defer func() { s.returning, s.assigning = returning, assigning }()
	return s.expr(expr)
}
