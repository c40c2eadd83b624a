package sqltext

import (
	"slices"
	"strings"
)

// Temporary tells what a statement does to temporary tables.
type Temporary uint8

// What a statement may do to them.
const (
	NotTemporary     Temporary = iota // nothing, or it may do more
	CreatesTemporary                  // makes one, empty, for the session
	CreatesForCommit                  // makes one, empty, that is dropped when the transaction ends
	DropsTemporary                    // drops some that are named with the schema pg_temp
)

// Temporary tells whether all that the statement does is to make an empty
// temporary table to which writing runs no code, or to drop temporary tables, as
// far as the text shows: event triggers may add to it. A table with defaults,
// checks or generated columns is not among them, one that is filled by a query in
// the same statement neither, nor are temporary views and sequences.
func (st *Statement) Temporary() Temporary {
	if st.Kind != DDL || st.Count != 1 {
		return NotTemporary
	}
	words, ok := flatWords(st.Text)
	switch {
	case !ok:
		return NotTemporary
	case len(words) > 2 && words[0] == "create":
		return createsTemporary(words[1:])
	case len(words) > 2 && words[0] == "drop" && words[1] == "table":
		return dropsTemporary(words[2:])
	}
	return NotTemporary
}

// codeWords bring code into a table that is run when it is written to.
var codeWords = []string{"default", "check", "generated", "including", "inherits", "references", "of", "like"}

// flatWords returns the tokens outside of parentheses, unquoted words in lower
// case. ok is false for a text that cannot be taken apart or has one of codeWords.
func flatWords(text string) (words []string, ok bool) {
	depth := 0
	for l := NewLexer(text); ; {
		token, more := l.Next()
		if !more {
			return words, l.Err() == nil
		}
		raw := text[token.Pos:token.End]
		if token.Kind == Word {
			raw = strings.ToLower(raw)
		}
		switch {
		case token.Kind == Space || token.Kind == Comment:
		case token.Kind == Word && slices.Contains(codeWords, raw):
			return nil, false
		case raw == "(":
			depth++
		case raw == ")":
			depth--
		case depth == 0:
			words = append(words, raw)
		}
	}
}

// createsTemporary reads what follows CREATE.
func createsTemporary(words []string) Temporary {
	if words[0] == "global" || words[0] == "local" {
		words = words[1:]
	}
	if len(words) < 3 || words[0] != "temp" && words[0] != "temporary" || words[1] != "table" {
		return NotTemporary
	}
	if slices.Contains(words, "as") && !follows(words, "with", "no", "data") {
		return NotTemporary // filled by a query
	}
	if follows(words, "on", "commit", "drop") {
		return CreatesForCommit
	}
	return CreatesTemporary
}

// follows reports whether the given words follow each other somewhere.
func follows(words []string, these ...string) bool {
	for i := range words {
		if len(words)-i >= len(these) && slices.Equal(words[i:i+len(these)], these) {
			return true
		}
	}
	return false
}

// dropsTemporary reads what follows DROP TABLE.
func dropsTemporary(words []string) Temporary {
	if follows(words[:min(2, len(words))], "if", "exists") {
		words = words[2:]
	}
	for {
		if len(words) < 3 || words[0] != "pg_temp" && words[0] != `"pg_temp"` || words[1] != "." {
			return NotTemporary
		}
		switch words = words[3:]; {
		case len(words) == 0, len(words) == 1 && (words[0] == "restrict" || words[0] == ";"):
			return DropsTemporary
		case words[0] != ",":
			return NotTemporary
		}
		words = words[1:]
	}
}
