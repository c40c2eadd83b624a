package sqltext

import "strings"

// A DDLKind describes what a schema change does in addition, to rows and by
// running code.
type DDLKind uint8

// The kinds of DDL.
const (
	AnyDDL        DDLKind = iota // none, or anything
	DefinesOnly                  // writes to the catalogs, touches no rows and runs no code
	MakesIndex                   // evaluates the expressions of indexes: existing ones, and those in the text, whose functions are in Calls
	FillsRelation                // CREATE TABLE AS, CREATE MATERIALIZED VIEW, SELECT INTO: a query fills a new relation
	RefreshesView                // REFRESH MATERIALIZED VIEW; Writes has the view
)

// ddl reads the object of a schema change as a written relation, where that is
// simple. The list never counts as known.
func (a *analysis) ddl() {
	switch a.key(0) {
	case kwCreate:
		a.create()
		return
	case kwComment:
		if a.key(1) == kwOn {
			a.st.DDL = DefinesOnly
		}
		return
	}
	refresh := a.key(0) == kwRefresh
	a.step(1)
	a.acceptAny(kwMaterialized, kwForeign)
	if !a.acceptAny(kwTable, kwView) {
		return
	}
	a.accept(kwConcurrently)
	a.accept(kwIf, kwExists)
	a.target()
	for a.accept(',') {
		a.target()
	}
	if refresh && len(a.st.Writes) == 1 && !a.unclear {
		a.st.DDL = RefreshesView
	}
	for ; !a.done(); a.i++ {
		a.st.Cascade = a.st.Cascade || a.key(0) == kwCascade
	}
}

// create reads CREATE up to the kind of object, and the necessary parts of the
// rest. Only the words before the object show its kind: TEMP, INDEX and AS may
// be names afterwards.
func (a *analysis) create() {
	a.i++
	a.accept(kwOr, kwReplace)
	if a.key(1) == kwTemp || a.key(1) == kwTemporary {
		a.acceptAny(kwGlobal, kwLocal)
	}
	a.st.MakesTemporary = a.acceptAny(kwTemp, kwTemporary)
	a.accept(kwUnlogged)
	switch {
	case a.accept(kwTable):
		a.createTable()
	case a.accept(kwMaterialized, kwView):
		a.newRelation()
		if a.findAs() {
			a.fill()
		}
	case a.accept(kwView), a.accept(kwRecursive, kwView):
		a.newRelation()
		if a.findAs() {
			a.st.Inner, a.st.Runs, a.st.DDL = a.innerUpTo(a.beforeOptions()), No, DefinesOnly
		}
	case a.accept(kwIndex), a.acceptWord("unique") && a.accept(kwIndex):
		a.createIndex()
	case a.acceptWord("schema"):
		a.definesUnless(func(it item) bool { return it.key == kwCreate || it.key == kwGrant })
	case a.acceptAny(kwFunction, kwProcedure):
		a.createFunction()
	case a.acceptWord("sequence"), a.acceptWord("type"):
		a.st.DDL = DefinesOnly
	}
}

// newRelation reads the name of a relation that is created.
func (a *analysis) newRelation() {
	a.accept(kwIf, kwNot, kwExists)
	a.makes(a.target())
}

// makes records that a relation is created.
func (a *analysis) makes(t Table) {
	a.st.MakesTemporary = a.st.MakesTemporary || strings.HasPrefix(t.Schema, "pg_temp")
}

// createTable reads CREATE TABLE. A partition, whose bounds are computed, and
// expressions that are planned at once count as doing anything. Defaults and
// checks are not evaluated for a table without rows. LIKE may copy indexes.
func (a *analysis) createTable() {
	a.newRelation()
	from := a.i
	if a.findAs() {
		a.fill()
		return
	}
	a.i = from
	like := false
	a.definesUnless(func(it item) bool {
		like = like || it.key == kwLike
		switch it.key {
		case kwOf, kwPartition:
			return true
		case kwAs: // GENERATED ALWAYS AS (expression)
			return a.key(1) == '('
		}
		return a.isWord(it, "inherits") || a.isWord(it, "exclude")
	})
	if like && a.st.DDL == DefinesOnly {
		a.st.DDL = MakesIndex
	}
}

// definesUnless classifies a statement as DefinesOnly, unless its rest contains
// an item for which more reports true, or is unclear.
func (a *analysis) definesUnless(more func(item) bool) {
	for ; !a.done(); a.i++ {
		if more(a.items[a.i]) {
			return
		}
	}
	if !a.unclear {
		a.st.DDL = DefinesOnly
	}
}

// createFunction reads CREATE FUNCTION and CREATE PROCEDURE. The server only
// parses bodies in SQL and PL/pgSQL; other languages may run them.
func (a *analysis) createFunction() {
	language := false
	a.definesUnless(func(it item) bool {
		if language {
			language = false
			name := strings.ToLower(strings.Trim(a.word(it), `"'`))
			return name != "sql" && name != "plpgsql"
		}
		language = it.kind == Word && a.isWord(it, "language")
		return false
	})
}

// createIndex reads the rest of CREATE INDEX for its calls. Words that only
// look like calls are harmless.
func (a *analysis) createIndex() {
	for !a.done() && !a.accept(kwOn) {
		a.i++
	}
	if t, ok := a.relation(); ok {
		a.source(t)
	}
	a.clauses()
	if a.done() && !a.unclear {
		a.st.DDL = MakesIndex
	}
}

// findAs steps past the next AS outside of parentheses, and reports whether
// there is one. AS is reserved: no other can stand between the name of the
// object and the AS before its query.
func (a *analysis) findAs() bool {
	for !a.done() {
		switch {
		case a.accept(kwAs):
			return true
		case a.key(0) == '(':
			a.skipParenthesis()
		default:
			a.i++
		}
	}
	return false
}

// fill reads the query, or EXECUTE, whose rows fill a new relation.
func (a *analysis) fill() {
	end := a.beforeOptions()
	st := a.st
	st.Inner, st.Runs, st.DDL = a.innerUpTo(end), Yes, FillsRelation
	if n := len(a.items); n-end == 3 { // WITH NO DATA
		st.Runs = No
	}
	all := a.items
	a.items = all[:end]
	a.innerQuery()
	a.items = all
}

// beforeOptions returns the index of the first item of a trailing WITH [NO]
// DATA or WITH CHECK OPTION, which is not part of the query before it.
func (a *analysis) beforeOptions() int {
	n := len(a.items)
	last := func(i int, word string) bool { return n-i > a.i && a.isWord(a.items[n-i], word) }
	switch {
	case last(1, "data") && last(2, "no") && last(3, "with"):
		return n - 3
	case last(1, "data") && last(2, "with"):
		return n - 2
	case last(1, "option") && last(2, "check") && last(3, "with"):
		return n - 3
	case last(1, "option") && last(2, "check") && (last(3, "local") || last(3, "cascaded")) && last(4, "with"):
		return n - 4
	}
	return n
}

// isWord reports whether an item is the given word, unquoted.
func (s *scan) isWord(it item, word string) bool {
	return it.kind == Word && equalFold(s.word(it), word)
}

// acceptWord steps over a word if it comes next.
func (a *analysis) acceptWord(word string) bool {
	if a.done() || !a.isWord(a.items[a.i], word) {
		return false
	}
	a.i++
	return true
}
