package catalog

// A region is a part of a query's FROM clause that is NULL as a whole where an
// outer join finds no match. The root region is never NULL.
type region struct {
	parent  *region
	entries []int     // in the range table, those of regions within included
	forced  columnSet // columns that conditions may keep from being NULL within it
	real    bool      // its rows are never missing, because of a condition around it

	join *node   // the outer join
	side *node   // the part of the join that the region is
	twin *region // of a full join
}

// Values of the enum JoinType.
const (
	joinInner = 0
	joinLeft  = 1
	joinFull  = 2
	joinRight = 3
)

// within returns a new region in r.
func (r *region) within(join, side *node) *region {
	return &region{parent: r, join: join, side: side, forced: columnSet{}}
}

// divide divides the FROM clause of the query into regions.
func (s *scope) divide() {
	s.root = &region{forced: columnSet{}, real: true}
	s.divideItem(s.query.get("jointree").node, s.root)
	s.root.forced.add(s.forcing().of(s.query.get("havingQual")))
	for s.reduce() {
	}
}

func (s *scope) forcing() *forcing { return &forcing{facts: s.facts, scope: s} }

func (s *scope) divideItem(n *node, r *region) {
	if n == nil {
		return
	}
	switch n.kind {
	case "RANGETBLREF":
		s.place(n.get("rtindex").number(), r)
	case "FROMEXPR":
		r.forced.add(s.forcing().of(n.get("quals")))
		for _, item := range n.get("fromlist").list {
			s.divideItem(item.node, r)
		}
	case "JOINEXPR":
		s.divideJoin(n, r)
	}
}

func (s *scope) divideJoin(n *node, r *region) {
	left, right := n.get("larg").node, n.get("rarg").node
	quals := s.forcing().of(n.get("quals"))
	into := [2]*region{r, r}
	switch n.get("jointype").number() {
	case joinInner:
		r.forced.add(quals)
	case joinLeft:
		into[1] = s.outer(r, n, right)
		into[1].forced.add(quals)
	case joinRight:
		into[0] = s.outer(r, n, left)
		into[0].forced.add(quals)
	case joinFull:
		into = [2]*region{s.outer(r, n, left), s.outer(r, n, right)}
		into[0].twin, into[1].twin = into[1], into[0]
	}
	s.divideItem(left, into[0])
	s.divideItem(right, into[1])
}

func (s *scope) outer(r *region, join, side *node) *region {
	made := r.within(join, side)
	s.outers = append(s.outers, made)
	return made
}

// place adds an entry to a region. Columns of other entries that it mentions
// decide which rows it returns.
func (s *scope) place(i int, r *region) {
	s.regions[i] = r
	for up := r; up != nil; up = up.parent {
		up.entries = append(up.entries, i)
	}
	entry := s.entry(i)
	for _, name := range []string{"subquery", "functions", "tablefunc", "values_lists", "tablesample"} {
		r.forced.add(s.forcing().mentions(entry.get(name)))
	}
}

// reduce finds an outer join whose rows without a match the conditions around
// it reject, as the planner does, and reports whether there was one.
func (s *scope) reduce() bool {
	for _, r := range s.outers {
		if r.real || !r.required() {
			continue
		}
		r.real = true
		r.parent.forced.add(r.forced)
		if r.twin != nil {
			quals, to := s.forcing().of(r.join.get("quals")), r.twin
			if to.real {
				to = r.parent
			}
			to.forced.add(quals)
		}
		return true
	}
	return false
}

// required reports whether a condition around the region requires a value of
// it.
func (r *region) required() bool {
	for up := r.parent; up != nil; up = up.parent {
		if up.forced.names(r.entries) {
			return true
		}
	}
	return false
}

// region returns the region of an entry.
func (s *scope) region(entry int) *region {
	if r := s.regions[entry]; r != nil {
		return r
	}
	return s.root
}

// isForced reports whether a condition may keep a column from being NULL, in
// the rows where the column's region is not missing.
func (s *scope) isForced(c column) bool {
	for r := s.region(c.entry); r != nil; r = r.parent {
		if r.forced.has(c) {
			return true
		}
	}
	return false
}

// mayBeMissing reports whether an outer join may find no match for an entry.
func (s *scope) mayBeMissing(entry int) bool {
	for r := s.region(entry); r != nil; r = r.parent {
		if !r.real && s.unmatched(r) {
			return true
		}
	}
	return false
}

// unmatched reports whether the outer join of r may find no match.
func (s *scope) unmatched(r *region) bool {
	quals := r.join.get("quals").node
	if quals == nil || quals.kind == "CONST" {
		return s.itemMayBeEmpty(r.side)
	}
	return !s.alwaysMatches(r, quals)
}

// alwaysMatches reports whether the join is by a foreign key whose columns are
// never NULL, to a whole table.
func (s *scope) alwaysMatches(r *region, quals *node) bool {
	if r.side.kind != "RANGETBLREF" {
		return false
	}
	target := r.side.get("rtindex").number()
	if s.entry(target).get("rtekind").number() != entryRelation || s.entry(target).get("tablesample").node != nil {
		return false
	}
	from, pairs, ok := s.equalities(quals, target)
	facts := s.relation(from)
	if !ok || facts == nil || s.region(from).effective() != r.parent.effective() {
		return false
	}
	for number := range pairs {
		if s.columnMayBeNull(column{from, number}) {
			return false
		}
	}
	return facts.refersTo(s.entry(target).oid("relid"), pairs)
}

// effective returns the innermost region around r that may be missing, or the
// root.
func (r *region) effective() *region {
	for r.real && r.parent != nil {
		r = r.parent
	}
	return r
}

// refersTo reports whether a foreign key to the relation includes the pairs of
// columns.
func (f *columnFacts) refersTo(relation uint32, pairs map[int]int) bool {
	for _, key := range f.keys {
		all := key.relation == relation
		for from, to := range pairs {
			all = all && key.columns[from] == to
		}
		if all {
			return true
		}
	}
	return false
}

// equalities returns the pairs of columns that a condition compares: those of
// one other entry, with those of target. It reports false for conditions of
// another form. Any operator counts as equality.
func (s *scope) equalities(quals *node, target int) (from int, pairs map[int]int, ok bool) {
	list := []value{{node: quals}}
	if quals.kind == "BOOLEXPR" && quals.get("boolop").word == "and" {
		list = quals.get("args").list
	}
	pairs = map[int]int{}
	for _, item := range list {
		args := item.node.get("args").list
		if item.node == nil || item.node.kind != "OPEXPR" || len(args) != 2 {
			return 0, nil, false
		}
		a, b := s.plainColumn(args[0].node), s.plainColumn(args[1].node)
		if a.entry == target {
			a, b = b, a
		}
		if a.entry == 0 || a.entry == target || b.entry != target || from != 0 && from != a.entry {
			return 0, nil, false
		}
		from, pairs[a.number] = a.entry, b.number
	}
	return from, pairs, true
}

// plainColumn returns the column of this query that an expression is, if it is
// one.
func (s *scope) plainColumn(n *node) column {
	for n != nil && n.kind == "RELABELTYPE" {
		n = n.get("arg").node
	}
	if !isColumn(n) || n.get("varlevelsup").number() != 0 {
		return column{}
	}
	return column{n.get("varno").number(), n.get("varattno").number()}
}
