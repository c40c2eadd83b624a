package sqltext

import "slices"

// split splits items into statements at semicolons outside of parentheses
// (rules contain some) and outside of BEGIN ATOMIC ... END of a function.
func split(items []item) [][]item {
	var parts [][]item
	from, depth, atomic := 0, 0, false
	for i, it := range items {
		switch it.key {
		case '(', '[':
			depth++
		case ')', ']':
			depth--
		case kwAtomic:
			if i > 0 && items[i-1].key == kwBegin && items[from].key == kwCreate {
				atomic = true
			}
		case kwEnd: // also of CASE, and a label
			if before := items[max(i-1, 0)].key; before == ';' || before == kwAtomic {
				atomic = false
			}
		case ';':
			if depth <= 0 && !atomic {
				parts = append(parts, items[from:i])
				from, depth = i+1, 0
			}
		}
	}
	return append(parts, items[from:])
}

// analyze evaluates the items of a text into st.
func analyze(st *Statement, s *scan) {
	st.TablesKnown, st.ReadOnly = true, Yes
	st.Kind = Empty
	for _, it := range s.items {
		if it.kind == Param {
			st.MaxParam = max(st.MaxParam, paramNumber(s.word(it)))
		}
	}
	all := trimSemicolons(s.items)
	if !slices.ContainsFunc(all, func(it item) bool { return it.key == ';' }) {
		if len(all) > 0 {
			analyzeOne(st, s, all)
		}
		return
	}
	for _, items := range split(all) {
		if len(items) > 0 {
			analyzeOne(st, s, items)
		}
	}
	if st.Count > 1 {
		st.Kind, st.Target, st.Chain = Several, "", false
		st.Inner, st.Runs, st.DDL = Span{}, Unknown, AnyDDL
	}
}

// analyzeOne adds the analysis of one statement to st.
func analyzeOne(st *Statement, s *scan, items []item) {
	a := &s.analysis
	*a = analysis{scan: s, items: items, st: st, with: a.with.emptied(), lists: a.lists}
	st.Count++
	a.statement()
	s.work += a.work
	if a.i < len(a.items) {
		a.markUnclear()
	}
	switch {
	case a.writes:
		st.ReadOnly = No
	case st.ReadOnly == Yes && (a.unclear || len(st.Calls) > 0):
		st.ReadOnly = Unknown
	}
	if a.unclear {
		st.TablesKnown = false
	}
}

// An analysis walks the items of one statement. It follows the grammar where
// that determines which names are relations, and skips the rest. If the text
// does not follow the grammar, it becomes unclear, and claims nothing.
type analysis struct {
	*scan
	items []item
	i     int
	st    *Statement

	with    scope // names of WITH queries
	lists   lists // to find names in the lists of st
	depth   int   // of nested parentheses and queries
	writes  bool  // the statement certainly does more than read
	unclear bool  // the lists may be incomplete
	work    int   // items inspected and names compared, for tests

	parts *QueryParts // result of Outline, nil for other callers
	outer int         // the depth of the outermost query, including parentheses around it
}

// maxDepth bounds recursion, as the server bounds it by max_stack_depth.
const maxDepth = 1000

func (a *analysis) markUnclear() { a.unclear = true }

// key returns the key n items ahead.
func (a *analysis) key(n int) keyword {
	a.work++
	if a.i+n < len(a.items) {
		return a.items[a.i+n].key
	}
	return none
}

func (a *analysis) kind(n int) Kind {
	if a.i+n < len(a.items) {
		return a.items[a.i+n].kind
	}
	return Invalid
}

func (a *analysis) done() bool { return a.i >= len(a.items) }

// accept steps over the given keys if they come next.
func (a *analysis) accept(keys ...keyword) bool {
	for n, key := range keys {
		if a.key(n) != key {
			return false
		}
	}
	a.i += len(keys)
	return true
}

// acceptAny steps over the next item if it is one of keys.
func (a *analysis) acceptAny(keys ...keyword) bool {
	if key := a.key(0); key != none && slices.Contains(keys, key) {
		a.i++
		return true
	}
	return false
}

// step steps over up to n items.
func (a *analysis) step(n int) { a.i = min(a.i+n, len(a.items)) }

func (a *analysis) isName(n int) bool { kind := a.kind(n); return kind == Word || kind == QuotedName }

// pos returns where the next item begins.
func (a *analysis) pos() int {
	if a.done() {
		return len(a.text)
	}
	return int(a.items[a.i].pos)
}

func (a *analysis) startsQuery(n int) bool { return startsQuery(a.items, a.i+n) }

// enter descends one level, until leave. Text nested too deeply is not followed
// further.
func (a *analysis) enter() {
	a.depth++
	if a.depth > maxDepth {
		a.markUnclear()
		a.i = len(a.items)
	}
}

func (a *analysis) leave() { a.depth-- }

// expect steps over key, or marks the statement as unclear.
func (a *analysis) expect(key keyword) {
	if !a.accept(key) {
		a.markUnclear()
	}
}

// chain steps over name, schema.name, database.schema.name and the like, if one
// comes next. The name is at index last.
func (a *analysis) chain() (last int, qualified, ok bool) {
	if !a.isName(0) || a.key(0).reserved() && a.key(1) != '(' {
		return 0, false, false
	}
	for a.i++; a.key(0) == '.' && a.isName(1); a.i += 2 {
		qualified = true
	}
	if a.key(0) == kwUescape && (a.key(2) == '(' || a.key(2) == '.') {
		a.markUnclear() // U&"f" UESCAPE '!' (x) calls a function whose name is not decoded here
	}
	return a.i - 1, qualified, true
}

// resolve returns the names of a chain.
func (a *analysis) resolve(last int, qualified bool) (schema, name string) {
	if qualified {
		schema = a.named(last - 2)
	}
	return schema, a.named(last)
}

func (a *analysis) named(i int) string {
	name, certain := a.name(a.items[i])
	if !certain {
		a.markUnclear()
	}
	return name
}

// relation reads [ONLY] name [*], or ONLY (name).
func (a *analysis) relation() (t Table, ok bool) {
	only := a.accept(kwOnly)
	paren := only && a.accept('(')
	last, qualified, ok := a.chain()
	if ok {
		t.Schema, t.Name = a.resolve(last, qualified)
	} else {
		a.markUnclear()
	}
	if paren {
		a.expect(')')
	} else {
		a.accept('*')
	}
	return t, ok
}

// source adds a relation that is read, unless it is a WITH query.
func (a *analysis) source(t Table) {
	if t.Schema == "" && a.with.has(t.Name) {
		return
	}
	a.st.Reads = add(a, &a.lists.reads, a.st.Reads, t)
}

// target reads the name of a relation that is written.
func (a *analysis) target() Table {
	a.writes = true
	t, ok := a.relation()
	if ok {
		a.st.Writes = add(a, &a.lists.writes, a.st.Writes, t)
	}
	return t
}

// call adds the function named by a chain.
func (a *analysis) call(last int, qualified bool) {
	schema, name := a.resolve(last, qualified)
	a.addCall(Function{schema, name})
}

func (a *analysis) addCall(f Function) {
	a.st.Calls = add(a, &a.lists.calls, a.st.Calls, f)
}
