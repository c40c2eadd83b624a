package catalog

import (
	"slices"
	"strings"

	"github.com/headrace/headrace/internal/sqltext"
)

// A body is what the words of a function's text tell of what it may do. The
// text of a function in PL/pgSQL, or in SQL, has to name what it reads, changes
// and calls, unless it runs text that it makes up. Nothing is taken from the
// place of a word but what the server's grammar leaves no choice about: any
// word may be a column's or a variable's name.
type body struct {
	words     []word          // each once: whatever may name something
	names     map[string]bool // of the words
	operators []string        // each once
	writes    event           // what its statements may do to rows
	opaque    bool            // it may change the schema, or run text that is not in it
	into      bool            // it may make a table by SELECT INTO
	session   []string        // functions without parentheses that tell who asks
	moves     bool            // it may set the search path or the role
	temporary int             // words by which it may make temporary relations, less those that end with the transaction
}

// leavesTemporary reports whether it may make a temporary relation that outlives
// its transaction.
func (b *body) leavesTemporary() bool { return b.temporary > 0 && (b.names["create"] || b.opaque) }

// A word is an identifier as the text has it, but for folding and quotes.
type word struct {
	name  string
	calls bool // it may stand for a call: before a parenthesis, or after a dot
}

// bodyWriters are the words without which no statement changes rows. COPY is
// not among them: it may run a program.
var bodyWriters = map[string]event{
	"insert": onInsert, "update": onUpdate, "delete": onDelete, "merge": onInsert | onUpdate | onDelete, "truncate": onTruncate,
}

// opaqueWords begin commands that change the schema, run text that is made up
// or prepared elsewhere, fetch from a cursor that was opened elsewhere, run
// programs, or call what only the catalogs name.
var opaqueWords = set(
	"create", "alter", "drop", "grant", "revoke", "refresh", "import", "reassign", "load", "discard",
	"execute", "prepare", "fetch", "move", "copy", "reindex", "cluster", "vacuum", "analyze", "analyse",
)

// sessionWords are functions that tell who asks, and are called by their mere
// names. Those that tell the time are left out: see [HiddenFunction].
var sessionWords = set(
	"current_role", "current_user", "user", "session_user", "system_user", "current_catalog", "current_schema",
)

// pathWords are in what sets the search path or the role.
var pathWords = set("search_path", "schema", "role", "authorization", "session_authorization", "set_config", "reset")

// readBody goes through the words of a function's text. inUTF8 says that the
// server's encoding is UTF8: only then it is certain how it folds letters beyond
// ASCII, which is not at all.
func readBody(text, language string, inUTF8 bool) body {
	b := body{opaque: language != "sql" && language != "plpgsql"}
	at := map[string]int{}
	b.names = map[string]bool{}
	dot, do, last := false, false, -1 // what the token before was; last is the place of a word
	var before [2]string              // the two words before
	for l := sqltext.NewLexer(text); ; {
		token, ok := l.Next()
		if !ok {
			b.opaque = b.opaque || l.Err() != nil || do
			return b
		}
		raw := text[token.Pos:token.End]
		var name string
		switch token.Kind {
		case sqltext.Space, sqltext.Comment:
			continue
		case sqltext.Word:
			name = b.keyword(raw, language, inUTF8)
			b.countTemporary(before, name)
			before = [2]string{before[1], name}
		case sqltext.String:
			if made := lowerASCII(raw); strings.Contains(made, "create") && strings.Contains(made, "temp") && !strings.Contains(made, "on commit drop") {
				b.temporary++ // for EXECUTE
			}
		case sqltext.QuotedName:
			name = b.quoted(raw)
		case sqltext.Operator:
			if !slices.Contains(b.operators, raw) {
				b.operators = append(b.operators, raw)
			}
		}
		// Only DO is followed by a string or its language, as its grammar is.
		b.opaque = b.opaque || do && (token.Kind == sqltext.String || name == "language")
		do = token.Kind == sqltext.Word && name == "do"
		if raw == "(" && last >= 0 {
			b.words[last].calls = true
		}
		last = -1
		if name != "" {
			if _, seen := at[name]; !seen {
				at[name], b.names[name] = len(b.words), true
				b.words = append(b.words, word{name: name})
			}
			last = at[name]
			b.words[last].calls = b.words[last].calls || dot
		}
		dot = raw == "."
	}
}

// countTemporary takes note of a word that follows two others.
func (b *body) countTemporary(before [2]string, name string) {
	switch {
	case temporaryWords[name]:
		b.temporary++
	case before == [2]string{"on", "commit"} && name == "drop":
		b.temporary--
	}
}

var temporaryWords = set("temp", "temporary", "pg_temp")

// keyword takes a word for what it would be if it began a statement, and
// returns it folded. Columns and variables of such names only make the function
// look worse than it is.
func (b *body) keyword(raw, language string, inUTF8 bool) string {
	name := lowerASCII(raw)
	b.writes |= bodyWriters[name]
	b.moves = b.moves || pathWords[name]
	if sessionWords[name] && !slices.Contains(b.session, name) {
		b.session = append(b.session, name)
	}
	switch {
	case opaqueWords[name], runsSQL(name), !inUTF8 && !isASCII(name):
		b.opaque = true
	case name == "into" && language == "sql": // of SELECT makes a table
		b.into = true
	}
	return name
}

// quoted returns the name in quotes. What an escape stands for is not looked at.
func (b *body) quoted(raw string) string {
	if raw[0] != '"' {
		b.opaque = true
		return ""
	}
	return strings.ReplaceAll(raw[1:len(raw)-1], `""`, `"`)
}
