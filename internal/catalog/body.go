package catalog

import (
	"slices"
	"strings"

	"github.com/headrace/headrace/internal/sqltext"
)

// A body describes what a function may do, according to the words of its text.
// A function in PL/pgSQL or SQL has to name what it reads, changes and calls,
// unless it runs text that it builds. The position of a word is ignored, except
// where the server's grammar leaves no choice: any word may be the name of a
// column or a variable.
type body struct {
	words     []word          // every word that may be a name, once
	names     map[string]bool // of the words
	operators []string        // every operator, once
	writes    event           // the events that its statements may cause
	opaque    bool            // it may change the schema, or run text from elsewhere
	into      bool            // it may create a table by SELECT INTO
	session   []string        // functions without parentheses that depend on the user or session
	moves     bool            // it may set the search path or the role
	temporary int             // number of words that may create temporary relations, minus those that end with the transaction
}

// leavesTemporary reports whether the function may create a temporary relation
// that outlives its transaction.
func (b *body) leavesTemporary() bool { return b.temporary > 0 && (b.names["create"] || b.opaque) }

// A word is an identifier of the text, folded and without quotes.
type word struct {
	name  string
	calls bool // it may be a call: before a parenthesis, or after a dot
}

// bodyWriters are the words that a statement needs to change rows. COPY is
// opaque instead: it may run a program.
var bodyWriters = map[string]event{
	"insert": onInsert, "update": onUpdate, "delete": onDelete, "merge": onInsert | onUpdate | onDelete, "truncate": onTruncate,
}

// opaqueWords begin commands that change the schema, run text that is built or
// prepared elsewhere, fetch from a cursor that was opened elsewhere, run
// programs, or call functions that only the catalogs name.
var opaqueWords = set(
	"create", "alter", "drop", "grant", "revoke", "refresh", "import", "reassign", "load", "discard",
	"execute", "prepare", "fetch", "move", "copy", "reindex", "cluster", "vacuum", "analyze", "analyse",
)

// sessionWords are functions that depend on the user or session and are called
// without parentheses. Functions that depend on the time are left out: see
// [HiddenFunction].
var sessionWords = set(
	"current_role", "current_user", "user", "session_user", "system_user", "current_catalog", "current_schema",
)

// pathWords occur in statements that set the search path or the role.
var pathWords = set("search_path", "schema", "role", "authorization", "session_authorization", "set_config", "reset")

// readBody evaluates the words of a function's text. inUTF8 reports that the
// server's encoding is UTF8: only then is it certain that the server does not
// fold letters beyond ASCII.
func readBody(text, language string, inUTF8 bool) body {
	b := body{opaque: language != "sql" && language != "plpgsql"}
	at := map[string]int{}
	b.names = map[string]bool{}
	dot, do, last := false, false, -1 // about the preceding token; last is the index of a word
	var before [2]string              // the two preceding words
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
		// Only DO can be followed by a string or LANGUAGE.
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

// countTemporary evaluates a word that follows two others.
func (b *body) countTemporary(before [2]string, name string) {
	switch {
	case temporaryWords[name]:
		b.temporary++
	case before == [2]string{"on", "commit"} && name == "drop":
		b.temporary--
	}
}

var temporaryWords = set("temp", "temporary", "pg_temp")

// keyword evaluates a word as if it began a statement, and returns it folded.
// Columns and variables of such names only make the function look more harmful
// than it is.
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
	case name == "into" && language == "sql": // SELECT INTO creates a table
		b.into = true
	}
	return name
}

// quoted returns the name in quotes. Escapes are not decoded.
func (b *body) quoted(raw string) string {
	if raw[0] != '"' {
		b.opaque = true
		return ""
	}
	return strings.ReplaceAll(raw[1:len(raw)-1], `""`, `"`)
}
