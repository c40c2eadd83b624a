package sqltext

import (
	"slices"
	"strings"
)

// Temporary describes what a statement does to temporary tables.
type Temporary uint8

// The values of Temporary.
const (
	NotTemporary     Temporary = iota // nothing, or it may also do something else
	CreatesTemporary                  // creates an empty one for the session
	CreatesForCommit                  // creates an empty one that is dropped when the transaction ends
	DropsTemporary                    // drops tables that are named with the schema pg_temp
)

// Temporary reports whether the statement only creates an empty temporary table
// to which writing runs no code, or only drops temporary tables, as far as the
// text shows: event triggers may do more. It does not report tables with
// defaults, checks or generated columns, tables that a query in the same
// statement fills, temporary views and sequences.
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

// codeWords may add code to a table that runs when it is written to.
var codeWords = []string{"default", "check", "generated", "including", "inherits", "references", "of", "like"}

// flatWords returns the tokens outside of parentheses, unquoted words in lower
// case. ok is false if the text cannot be split into tokens or contains one of
// codeWords.
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

// createsTemporary evaluates the words after CREATE.
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

// follows reports whether words contains the given words in sequence.
func follows(words []string, these ...string) bool {
	for i := range words {
		if len(words)-i >= len(these) && slices.Equal(words[i:i+len(these)], these) {
			return true
		}
	}
	return false
}

// dropsTemporary evaluates the words after DROP TABLE.
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
