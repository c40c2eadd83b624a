package catalog

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/headrace/headrace/internal/sqltext"
)

// textNames returns every possible name in a text once: its words and quoted
// names, folded as the server does.
func textNames(text string) []string {
	var list []string
	seen := map[string]bool{}
	add := func(word string) {
		if !seen[word] {
			seen[word] = true
			list = append(list, word)
		}
	}
	for l := sqltext.NewLexer(text); ; {
		token, ok := l.Next()
		if !ok {
			return list
		}
		raw := text[token.Pos:token.End]
		switch token.Kind {
		case sqltext.Word:
			add(lowerASCII(raw))
			if !isASCII(raw) { // a server with a single-byte encoding folds all letters
				add(strings.ToLower(raw))
			}
		case sqltext.QuotedName:
			add(strings.ReplaceAll(raw[strings.IndexByte(raw, '"')+1:len(raw)-1], `""`, `"`))
		}
	}
}

func lowerASCII(word string) string {
	lower := []byte(word)
	for i, c := range lower {
		if 'A' <= c && c <= 'Z' {
			lower[i] = c + 'a' - 'A'
		}
	}
	return string(lower)
}

func isASCII(word string) bool {
	for i := range len(word) {
		if word[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// typeWords returns the words of a text that may name a type, sorted. Reserved
// words cannot.
func typeWords(text string) []string {
	list := slices.DeleteFunc(textNames(text), func(name string) bool { return reservedWords[name] })
	slices.Sort(list)
	return list
}

// reservedWords are the most frequent reserved words.
var reservedWords = set(
	"all", "and", "any", "array", "as", "asc", "both", "case", "cast", "check", "constraint", "default", "desc", "distinct", "do",
	"else", "end", "except", "false", "fetch", "for", "from", "group", "having", "in", "intersect", "into", "lateral", "limit",
	"not", "null", "offset", "on", "only", "or", "order", "primary", "references", "returning", "select", "some", "table", "then",
	"true", "union", "unique", "using", "when", "where", "window", "with",
)
