package catalog

import (
	"strings"
	"unicode/utf8"

	"github.com/headrace/headrace/internal/sqltext"
)

// textNames returns what may be a name in a text, each once: its words and
// quoted names as the server folds them.
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
			if !isASCII(raw) { // a server with an encoding of single bytes folds all letters
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
