package catalog

// A column is a column of an entry in the range table of a query. Number 0 is
// the whole row.
type column struct{ entry, number int }

type columnSet map[column]bool

func (s columnSet) has(c column) bool { return s[c] || s[column{c.entry, 0}] }

func (s columnSet) add(other columnSet) {
	for c := range other {
		s[c] = true
	}
}

// names reports whether the set has a column of one of the entries.
func (s columnSet) names(entries []int) bool {
	for c := range s {
		for _, e := range entries {
			if c.entry == e {
				return true
			}
		}
	}
	return false
}

// forcing finds the columns that a condition may require to be other than NULL.
// Its result has all of them, and others: every column that a condition
// mentions counts, unless the condition is one of the few that a NULL is known
// to pass.
type forcing struct {
	facts *nullFacts
	scope *scope // resolves columns of joins and groups; nil in constraints
	check bool   // the condition is that of a CHECK, which NULL passes
}

func (f *forcing) of(v value) columnSet {
	n := v.node
	if n == nil {
		return columnSet{}
	}
	switch n.kind {
	case "BOOLEXPR":
		return f.connective(n)
	case "NULLTEST":
		if n.get("nulltesttype").number() == 0 && isColumn(n.get("arg").node) {
			return columnSet{}
		}
	case "BOOLEANTEST":
		switch n.get("booltesttype").number() {
		case 1, 3, 4: // IS NOT TRUE, IS NOT FALSE, IS UNKNOWN
			if isColumn(n.get("arg").node) {
				return columnSet{}
			}
		}
	case "DISTINCTEXPR":
		if args := n.get("args").list; len(args) == 2 && (passesNull(args[0].node, args[1].node) || passesNull(args[1].node, args[0].node)) {
			return columnSet{}
		}
	}
	if f.check && f.isStrict(v) {
		return columnSet{}
	}
	return f.mentions(v)
}

func isColumn(n *node) bool { return n != nil && n.kind == "VAR" && n.get("varattno").number() > 0 }

// passesNull reports whether a column that is NULL is distinct from other, or
// may be.
func passesNull(n, other *node) bool {
	return isColumn(n) && other != nil && (other.kind == "CONST" && !isNullConstant(other) || other.kind == "PARAM")
}

func isNullConstant(n *node) bool {
	return n != nil && n.kind == "CONST" && n.get("constisnull").word == "true"
}

// connective handles AND, OR and NOT.
func (f *forcing) connective(n *node) columnSet {
	args, all := n.get("args").list, columnSet{}
	switch n.get("boolop").word {
	case "and":
		for _, arg := range args {
			all.add(f.of(arg))
		}
		return all
	case "or":
		return f.anyOf(args)
	}
	if f.check && f.isStrict(value{node: n}) {
		return all
	}
	return f.mentions(value{node: n})
}

// anyOf returns the columns that each alternative requires. A constant is
// skipped, since one that is false requires everything.
func (f *forcing) anyOf(args []value) columnSet {
	var common columnSet
	for _, arg := range args {
		if arg.node != nil && arg.node.kind == "CONST" {
			continue
		}
		required := f.of(arg)
		if common == nil {
			common = required
			continue
		}
		for c := range common {
			if !required.has(c) {
				delete(common, c)
			}
		}
	}
	if common == nil {
		return columnSet{}
	}
	return common
}

// isStrict reports whether NULL in place of any column never makes a condition
// false that would be true otherwise.
func (f *forcing) isStrict(v value) bool {
	for _, item := range v.list {
		if !f.isStrict(item) {
			return false
		}
	}
	if v.node == nil {
		return true
	}
	switch v.node.kind {
	case "VAR", "CONST", "RELABELTYPE", "COLLATEEXPR", "COERCEVIAIO", "ARRAYEXPR", "ARRAYCOERCEEXPR", "BOOLEXPR":
	case "FUNCEXPR":
		if !f.facts.strict[v.node.oid("funcid")] {
			return false
		}
	case "OPEXPR", "SCALARARRAYOPEXPR":
		if !f.facts.strict[v.node.oid("opfuncid")] {
			return false
		}
	default:
		return false
	}
	for i := range v.node.fields {
		if !f.isStrict(v.node.fields[i].value) {
			return false
		}
	}
	return true
}

// mentions returns the columns of this query that an expression mentions, its
// subqueries included.
func (f *forcing) mentions(v value) columnSet {
	set := columnSet{}
	f.mention(v, 0, set)
	return set
}

func (f *forcing) mention(v value, level int, set columnSet) {
	for _, item := range v.list {
		f.mention(item, level, set)
	}
	n := v.node
	if n == nil {
		return
	}
	switch n.kind {
	case "QUERY":
		level++
	case "VAR":
		if n.get("varlevelsup").number() == level {
			f.expand(column{n.get("varno").number(), n.get("varattno").number()}, set)
		}
	}
	for i := range n.fields {
		f.mention(n.fields[i].value, level, set)
	}
}

// expand adds a column, and those that a column of a join or a group stands
// for.
func (f *forcing) expand(c column, set columnSet) {
	if set[c] {
		return
	}
	set[c] = true
	if f.scope == nil {
		return
	}
	for _, alias := range f.scope.behind(c) {
		f.mention(alias, 0, set)
	}
}

// behind returns the expressions that a column of a join or a group stands for.
func (s *scope) behind(c column) []value {
	entry := s.entry(c.entry)
	var list []value
	switch entry.get("rtekind").number() {
	case entryJoin:
		list = entry.get("joinaliasvars").list
	case entryGroup:
		list = entry.get("groupexprs").list
	}
	if c.number == 0 {
		return list
	}
	if c.number < 0 || c.number > len(list) {
		return nil
	}
	return list[c.number-1 : c.number]
}
