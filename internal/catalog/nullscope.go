package catalog

// A scope determines which columns of one query may be NULL.
type scope struct {
	facts  *nullFacts
	parent *scope // of the query around it
	query  *node
	args   []ArgNulls

	root    *region
	regions map[int]*region // by entry of the range table
	outers  []*region       // all but the root

	returning bool // the expression is one of RETURNING
	assigning bool // the expression is assigned to a column
}

// More values of the enums RTEKind and SetOperation, and of ONCONFLICT.
const (
	entrySubquery = 1
	entryJoin     = 2
	entryValues   = 5
	entryCTE      = 6
	entryGroup    = 9

	setUnion     = 1
	setIntersect = 2
	setExcept    = 3

	conflictUpdate = 2
)

// columns reports which columns of a statement's result may be NULL.
func (f *nullFacts) columns(query *node, args []ArgNulls) []bool {
	return f.scopeOf(query, nil, args).columns()
}

// scopeOf returns the scope of a query within another one.
func (f *nullFacts) scopeOf(query *node, parent *scope, args []ArgNulls) *scope {
	s := f.scopes[query]
	if s == nil {
		s = &scope{facts: f, parent: parent, query: query, args: args, regions: map[int]*region{}}
		f.scopes[query] = s
		s.divide()
	}
	return s
}

// inner returns the scope of a subquery.
func (s *scope) inner(query *node) *scope { return s.facts.scopeOf(query, s, s.args) }

// columns returns the states of the query's columns. Those of a query that is
// being examined, which is recursive, are unknown.
func (s *scope) columns() []bool {
	if known, ok := s.facts.done[s.query]; ok {
		return known
	}
	s.facts.done[s.query] = nil
	var list []bool
	switch s.query.get("commandType").number() {
	case commandSelect:
		if op := s.query.get("setOperations").node; op != nil {
			list = s.operands(op)
		} else {
			list = s.targets("targetList")
		}
	case commandInsert, commandUpdate, commandDelete:
		s.returning = true
		list = s.targets("returningList")
		s.returning = false
	}
	s.facts.done[s.query] = list
	return list
}

// operands combines the columns of UNION, INTERSECT and EXCEPT.
func (s *scope) operands(n *node) []bool {
	if n == nil {
		return nil
	}
	if n.kind == "RANGETBLREF" {
		query := s.entry(n.get("rtindex").number()).get("subquery").node
		if query == nil {
			return nil
		}
		return s.inner(query).columns()
	}
	left, right := s.operands(n.get("larg").node), s.operands(n.get("rarg").node)
	list := make([]bool, max(len(left), len(right)))
	for i := range list {
		l, r := at(left, i+1), at(right, i+1)
		switch n.get("op").number() {
		case setUnion:
			list[i] = l || r
		case setIntersect:
			list[i] = l && r
		case setExcept:
			list[i] = l && !r
		}
	}
	return list
}

// at returns the state of a column by its number.
func at(list []bool, number int) bool { return number >= 1 && number <= len(list) && list[number-1] }

// targets returns the states of the columns of a list.
func (s *scope) targets(field string) []bool {
	var list []bool
	for _, item := range s.query.get(field).list {
		if item.node.get("resjunk").word == "true" {
			continue
		}
		expr := item.node.get("expr")
		list = append(list, s.isRolledUp(item.node.get("ressortgroupref").number(), expr) || s.expr(expr.node))
	}
	return list
}

// isRolledUp reports whether grouping sets make an expression of GROUP BY NULL:
// some set lacks it, and HAVING does not mention it.
func (s *scope) isRolledUp(ref int, expr value) bool {
	sets := s.query.get("groupingSets").list
	if ref == 0 || len(sets) == 0 || !s.isGrouped(ref) {
		return false
	}
	for _, set := range sets {
		if inEach(set.node, ref) {
			return false
		}
	}
	having := s.forcing().mentions(s.query.get("havingQual"))
	for c := range s.forcing().mentions(expr) {
		if having.has(c) {
			return false
		}
	}
	return true
}

// isGrouped reports whether GROUP BY has an expression.
func (s *scope) isGrouped(ref int) bool {
	for _, clause := range s.query.get("groupClause").list {
		if clause.node.get("tleSortGroupRef").number() == ref {
			return true
		}
	}
	return false
}

// Values of the enum GroupingSetKind.
const (
	groupingSimple = 1
	groupingSets   = 4
)

// inEach reports whether each of the sets that a clause stands for has an
// expression.
func inEach(set *node, ref int) bool {
	content := set.get("content").list
	switch set.get("kind").number() {
	case groupingSimple:
		for _, item := range content {
			if item.number() == ref {
				return true
			}
		}
	case groupingSets:
		for _, item := range content {
			if !inEach(item.node, ref) {
				return false
			}
		}
		return len(content) > 0
	}
	return false
}

// entry returns an entry of the range table.
func (s *scope) entry(i int) *node {
	entries := s.query.get("rtable").list
	if i < 1 || i > len(entries) {
		return nil
	}
	return entries[i-1].node
}

// relation returns the facts of an entry that is a relation.
func (s *scope) relation(entry int) *columnFacts {
	n := s.entry(entry)
	if n == nil || n.get("rtekind").number() != entryRelation {
		return nil
	}
	return s.facts.relations[n.oid("relid")]
}

// with returns the query that an entry names as one of WITH, and its scope.
func (s *scope) with(entry *node) *scope {
	up := s
	for range entry.get("ctelevelsup").number() {
		if up == nil {
			return nil
		}
		up = up.parent
	}
	if up == nil {
		return nil
	}
	for _, item := range up.query.get("cteList").list {
		if query := item.node.get("ctequery").node; query != nil && item.node.get("ctename").word == entry.get("ctename").word {
			return up.inner(query)
		}
	}
	return nil
}

// columnMayBeNull reports whether a column of an entry may be NULL in a row of
// that entry.
func (s *scope) columnMayBeNull(c column) bool {
	return s.entryColumn(c) && !s.isForced(c)
}

func (s *scope) entryColumn(c column) bool {
	entry := s.entry(c.entry)
	if entry == nil || c.number < 1 {
		return false
	}
	switch entry.get("rtekind").number() {
	case entryRelation:
		return s.relationColumn(s.relation(c.entry), c.number)
	case entrySubquery:
		if query := entry.get("subquery").node; query != nil {
			return at(s.inner(query).columns(), c.number)
		}
	case entryCTE:
		if query := s.with(entry); query != nil {
			return at(query.columns(), c.number)
		}
	case entryValues:
		for _, row := range entry.get("values_lists").list {
			if c.number <= len(row.list) && s.expr(row.list[c.number-1].node) {
				return true
			}
		}
	case entryJoin, entryGroup:
		for _, expr := range s.behind(c) {
			return s.expr(expr.node)
		}
	}
	return false
}

// relationColumn reports whether a column of a relation may be NULL, through
// the query of a view.
func (s *scope) relationColumn(f *columnFacts, number int) bool {
	switch {
	case f == nil:
		return false
	case f.kind == 'v' || f.kind == 'm':
		return f.view != nil && at(s.facts.columns(f.view, nil), number)
	}
	return f.mayBeNull(number)
}

// mayBeEmpty reports whether the query may return no rows because its tables
// have none.
func (s *scope) mayBeEmpty() bool {
	q := s.query
	if known, ok := s.facts.empty[q]; ok {
		return known
	}
	s.facts.empty[q] = false
	switch {
	case q.get("commandType").number() != commandSelect:
		s.facts.empty[q] = true // for want of rows to change
	case q.get("setOperations").node != nil, s.isTotal():
	default:
		s.facts.empty[q] = s.itemMayBeEmpty(q.get("jointree").node)
	}
	return s.facts.empty[q]
}

// isTotal reports whether the query aggregates all rows into one.
func (s *scope) isTotal() bool {
	return s.query.get("hasAggs").word == "true" && s.query.get("groupClause").list == nil && s.query.get("groupingSets").list == nil
}

// itemMayBeEmpty reports whether an item of FROM may have no rows because a
// table has none. Rows that conditions reject do not count.
func (s *scope) itemMayBeEmpty(n *node) bool {
	if n == nil {
		return false
	}
	switch n.kind {
	case "RANGETBLREF":
		return s.entryMayBeEmpty(n.get("rtindex").number())
	case "FROMEXPR":
		for _, item := range n.get("fromlist").list {
			if s.itemMayBeEmpty(item.node) {
				return true
			}
		}
	case "JOINEXPR":
		left, right := s.itemMayBeEmpty(n.get("larg").node), s.itemMayBeEmpty(n.get("rarg").node)
		switch n.get("jointype").number() {
		case joinInner:
			return left || right
		case joinLeft:
			return left
		case joinRight:
			return right
		case joinFull:
			return left && right
		}
	}
	return false
}

func (s *scope) entryMayBeEmpty(i int) bool {
	entry := s.entry(i)
	switch entry.get("rtekind").number() {
	case entryRelation:
		f := s.relation(i)
		if f == nil || f.kind != 'v' && f.kind != 'm' {
			return f != nil
		}
		return f.view != nil && s.facts.scopeOf(f.view, nil, nil).mayBeEmpty()
	case entrySubquery:
		query := entry.get("subquery").node
		return query != nil && s.inner(query).mayBeEmpty()
	case entryCTE:
		query := s.with(entry)
		return query != nil && query != s && query.mayBeEmpty()
	}
	return false
}
