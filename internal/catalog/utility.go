package catalog

import (
	"slices"
	"strings"

	"github.com/headrace/headrace/internal/sqltext"
)

// planUtility is what is to be done for what the server does not plan. Its text
// tells what it is, and the catalogs what it leads to.
func planUtility(st *sqltext.Statement) plan {
	p := plan{effects: Effects{ReadsKnown: true, WritesKnown: true, Refusals: []Refusal{{NotRead, st.Kind.String()}}}}
	switch st.Kind {
	case sqltext.Empty, sqltext.Begin, sqltext.Commit, sqltext.Rollback, sqltext.Savepoint, sqltext.RollbackTo,
		sqltext.Release, sqltext.PrepareTransaction, sqltext.RollbackPrepared, sqltext.Set, sqltext.Show,
		sqltext.Reset, sqltext.Listen, sqltext.Notify, sqltext.Unlisten, sqltext.Prepare, sqltext.Deallocate,
		sqltext.Close, sqltext.Lock:
		return p
	case sqltext.Maintain:
		p.eventTriggers = mentions(st.Text, "reindex") // from PostgreSQL 17 on
		return p
	case sqltext.Truncate, sqltext.CopyFrom:
		// What writing to the relations does that the text names.
		p.counted = countsChanges(st)
		p.effects.WritesKnown = len(st.Writes) > 0
		p.find = &wanted{tables: []namedTables{{st.Writes, writeStep, writeEvents(st)}}, strict: true}
		return p
	case sqltext.CopyTo, sqltext.Explain, sqltext.Declare:
		return planInner(st)
	case sqltext.DDL:
		return planDDL(st)
	}
	// CALL, DO, EXECUTE, FETCH, COMMIT PREPARED, several statements at once,
	// and what is not recognized.
	p.effects.ReadsKnown, p.effects.WritesKnown = false, false
	return p
}

// planInner is for the query inside a statement that runs, explains or copies
// it.
func planInner(st *sqltext.Statement) plan {
	unknown := plan{effects: unknownEffects(NotRead, st.Kind.String())}
	begin, end, ok := innerQuery(st)
	if !ok {
		unknown.effects.WritesKnown = st.Kind == sqltext.CopyTo // COPY t TO
		return unknown
	}
	inner := sqltext.Analyze(st.Text[begin:end])
	p := planStatement(inner)
	if p.query == nil {
		return unknown
	}
	explained := st.Kind == sqltext.Explain && !mentions(st.Text[:begin], "analyze", "analyse")
	p.adjust = func(e *Effects) {
		e.Refusals = append(unknown.effects.Refusals, e.Refusals...)
		e.Cacheable, e.ReadOnly, e.RowsOnly = false, false, false
		if explained {
			e.Writes = nil // it is not run
		}
	}
	return p
}

// mentions tells whether one of the words stands in a text, outside of
// constants and comments.
func mentions(text string, words ...string) bool {
	for l := sqltext.NewLexer(text); ; {
		token, ok := l.Next()
		if !ok {
			return false
		}
		if token.Kind == sqltext.Word && slices.Contains(words, strings.ToLower(text[token.Pos:token.End])) {
			return true
		}
	}
}

// innerQuery tells where the query stands in COPY (query) TO, EXPLAIN query
// and DECLARE name CURSOR FOR query.
func innerQuery(st *sqltext.Statement) (begin, end int, ok bool) {
	switch st.Kind {
	case sqltext.CopyTo:
		return parenthesized(st.Text)
	case sqltext.Declare:
		after, ok := findWord(st.Text, 0, set("for"))
		if !ok {
			return 0, 0, false
		}
		begin, ok = findWord(st.Text, after+len("for"), queryWords)
		return begin, len(st.Text), ok
	}
	begin, ok = findWord(st.Text, 0, queryWords)
	return begin, len(st.Text), ok
}

// findWord finds the first of the words from a place on, outside of
// parentheses.
func findWord(text string, from int, words map[string]bool) (int, bool) {
	depth := 0
	for l := sqltext.NewLexer(text[from:]); ; {
		token, ok := l.Next()
		if !ok {
			return 0, false
		}
		word := text[from+token.Pos : from+token.End]
		switch {
		case word == "(":
			depth++
		case word == ")":
			depth--
		case depth == 0 && token.Kind == sqltext.Word && words[strings.ToLower(word)]:
			return from + token.Pos, true
		}
	}
}

// parenthesized finds what COPY has in parentheses instead of a table's name.
func parenthesized(text string) (begin, end int, ok bool) {
	depth, words := 0, 0
	for l := sqltext.NewLexer(text); ; {
		token, ok := l.Next()
		if !ok {
			return 0, 0, false
		}
		switch word := text[token.Pos:token.End]; {
		case token.Kind == sqltext.Space || token.Kind == sqltext.Comment:
		case word == "(":
			if depth++; depth == 1 {
				begin = token.End
			}
		case word == ")":
			if depth--; depth == 0 {
				return begin, token.Pos, true
			}
		case depth == 0:
			if words++; words > 1 {
				return 0, 0, false
			}
		}
	}
}

// queryWords begin a query.
var queryWords = set("select", "values", "table", "with", "insert", "update", "delete", "merge")

// planDDL is for a change of the schema. What it does to rows is known of those
// few that running programs are given to.
func planDDL(st *sqltext.Statement) plan {
	p := plan{effects: Effects{DDL: true, Refusals: []Refusal{{NotRead, st.Kind.String()}}}}
	switch words := leadingWords(st.Text, 4); {
	case len(words) < 3:
	case words[0] == "refresh":
		return planRefresh(st)
	case words[0] == "create" && slices.ContainsFunc(words, isTemp):
		// What fills a new table calls functions, which may do anything.
		p.effects.DDL, p.effects.Temporary = false, true
		p.eventTriggers = !mentions(st.Text, "as", "execute")
	case words[0] == "create" && slices.Contains(words, "index"):
		p.eventTriggers = true
	}
	return p
}

func isTemp(word string) bool { return word == "temp" || word == "temporary" }

// planRefresh is for REFRESH MATERIALIZED VIEW, which writes the view and calls
// what the functions in its query call.
func planRefresh(st *sqltext.Statement) plan {
	name, ok := lastName(st)
	if !ok {
		return plan{effects: unknownEffects(NotRead, st.Kind.String())}
	}
	return plan{
		effects: Effects{ReadsKnown: true, WritesKnown: true, Refusals: []Refusal{{NotRead, st.Kind.String()}}},
		find:    &wanted{tables: []namedTables{{[]sqltext.Table{name}, refreshStep, 0}}, strict: true},
	}
}

// lastName returns the relation that a REFRESH names.
func lastName(st *sqltext.Statement) (sqltext.Table, bool) {
	for _, list := range [][]sqltext.Table{st.Writes, st.Reads} {
		if len(list) == 1 {
			return list[0], true
		}
	}
	return sqltext.Table{}, false
}

// leadingWords returns the first n words of a text, in lower case.
func leadingWords(text string, n int) []string {
	var words []string
	for l := sqltext.NewLexer(text); len(words) < n; {
		token, ok := l.Next()
		if !ok {
			break
		}
		if token.Kind == sqltext.Word {
			words = append(words, strings.ToLower(text[token.Pos:token.End]))
		}
	}
	return words
}
