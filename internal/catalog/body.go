package catalog

import (
	"strings"

	"github.com/headrace/headrace/internal/sqltext"
)

// A body is what the words of a function's text tell of what it may change.
// The text of a function in PL/pgSQL, or in SQL, has to name what it changes
// and calls, unless it runs text that it makes up.
type body struct {
	words     []string // each once: whatever may name a relation or a function
	operators []string
	writes    bool // it has statements that change rows
	opaque    bool // it may change the schema, or run text that is not in it
}

// readBody goes through the words of a function's text.
func readBody(text, language string) body {
	b := body{opaque: language != "sql" && language != "plpgsql"}
	seen := map[string]bool{}
	before := "" // the word before
	for l := sqltext.NewLexer(text); ; {
		token, ok := l.Next()
		if !ok {
			b.opaque = b.opaque || l.Err() != nil || before == "do"
			return b
		}
		raw := text[token.Pos:token.End]
		word := strings.ToLower(raw)
		switch token.Kind {
		case sqltext.Word:
			b.keyword(before, word, language)
		case sqltext.QuotedName:
			b.opaque = b.opaque || raw[0] != '"' // U&"..."
			word = strings.ReplaceAll(strings.Trim(raw, `"`), `""`, `"`)
		case sqltext.Operator:
			b.operators = append(b.operators, raw)
			continue
		default:
			continue
		}
		before = word
		if !seen[word] {
			seen[word] = true
			b.words = append(b.words, word)
		}
	}
}

// keyword takes a word for what it would be if it began a statement: every
// command that changes something begins with one of these. Columns and
// variables of such names only make the function look worse than it is.
func (b *body) keyword(before, word, language string) {
	switch word {
	case "insert", "delete", "merge", "truncate", "copy":
		b.writes = true
	case "update":
		b.writes = b.writes || before != "for" && before != "key" // row locks
	case "create", "alter", "drop", "grant", "revoke", "refresh", "import", "reassign", "load", "discard", "execute":
		b.opaque = true
	case "into": // of SELECT, where it is not an assignment, makes a table
		b.opaque = b.opaque || language == "sql" && before != "insert" && before != "merge"
	case "nothing", "do":
		// ON CONFLICT DO NOTHING, DO UPDATE; a DO of its own is found by the next word.
	default:
		b.opaque = b.opaque || before == "do" || runsSQL(word)
	}
}

// bodyFacts is what is known of a function whose body is a string.
type bodyFacts struct {
	body
	probed bool   // the server's parser was given it
	tree   string // as the server parsed it under the path of the session, or its own; none where it cannot be parsed so
	err    error  // why that could not be tried
}

// followBody follows a function whose body is a string. The server parses one
// in SQL as it does the statement. It is not bound to objects until it is
// called, under the search path that holds then.
func (w *walk) followBody(oid uint32) error {
	f, b := w.routines.functions[oid], w.bodies[oid]
	switch {
	case w.byNames || f.language != "sql":
		w.followWords(oid)
		return nil
	case b.err != nil:
		return b.err
	case b.tree == "":
		w.callOpaque(oid, f)
		return nil
	}
	w.dependsOnNames(textNames(f.body)...)
	return w.trees([]string{b.tree})
}

// followWords follows what a function may change that the server's parser does
// not show: every relation that its text names, in any schema, if the text has
// statements that write, and whatever it names that may write in turn. It tells
// nothing of what the function reads, nor for how long its answer is good.
//
// A function that is not VOLATILE writes nothing by itself, the server sees to
// that; but what it calls may.
func (w *walk) followWords(oid uint32) {
	f, b := w.routines.functions[oid], w.bodies[oid]
	if b == nil {
		w.enqueue(bodyStep, oid, 0)
		return
	}
	if f.body == "" || b.opaque {
		w.effects.WritesKnown = false
		return
	}
	w.quiet = true
	w.dependsOnNames(textNames(f.body)...)
	for _, word := range b.words {
		for _, object := range w.named[word] {
			switch {
			case object.function:
				w.enqueue(functionStep, object.oid, 0)
			case b.writes && f.volatility == 'v':
				w.enqueue(writeStep, object.oid, onInsert|onUpdate|onDelete|onTruncate)
				fallthrough
			default:
				w.enqueue(namedStep, object.oid, 0)
			}
		}
	}
	w.enqueueUserMade(b.operators)
}

// mention follows what reading a relation calls, where it is not told that it is
// read.
func (w *walk) mention(f *relationFacts) error {
	if f.Kind == View {
		return w.readView(f)
	}
	if f.security {
		return w.trees(f.trees)
	}
	return nil
}
