package sqltext

import (
	"strings"
	"unicode/utf8"
)

// leadingName returns the name in a comment before the first statement: "--
// name: CityByID :one", where the command after the name is optional.
func leadingName(text string) string {
	if !strings.Contains(text, "name:") {
		return ""
	}
	l := Lexer{text: text}
	for {
		token, ok := l.Next()
		switch {
		case !ok:
			return ""
		case token.Kind == Comment:
			if name := nameIn(text[token.Pos:token.End]); name != "" {
				return name
			}
		case token.Kind != Space:
			return ""
		}
	}
}

func nameIn(comment string) string {
	if comment[0] == '/' {
		comment = strings.TrimSuffix(comment, "*/")
	}
	rest, ok := strings.CutPrefix(strings.TrimSpace(comment[2:]), "name:")
	if !ok {
		return ""
	}
	name, rest, _ := strings.Cut(strings.TrimSpace(rest), " ")
	if rest = strings.TrimLeft(rest, " "); rest != "" && rest[0] != ':' {
		return "" // prose
	}
	return name
}

// maxName is the server's limit on the bytes of a name (NAMEDATALEN - 1).
const maxName = 63

// NameOf returns the name of a [Word] or [QuotedName] of text as the server
// sees it: folded, without quotes, truncated. It reports false if the text does
// not determine it.
func NameOf(text string, token Token) (name string, certain bool) {
	s := scan{text: text}
	return s.name(item{pos: int32(token.Pos), end: int32(token.End), kind: token.Kind})
}

// name returns the name of a word or quoted name as the server sees it. It
// reports false for U& names, which a UESCAPE may follow, and for letters
// beyond ASCII, which servers with a single-byte encoding fold.
func (s *scan) name(it item) (name string, certain bool) {
	word := s.word(it)
	if it.kind == Word {
		name, certain = foldName(word)
		return cutName(name), certain
	}
	certain = word[0] == '"'
	if !certain {
		word = word[2:]
	}
	word = word[1 : len(word)-1]
	if strings.Contains(word, `"`) {
		word = strings.ReplaceAll(word, `""`, `"`)
	}
	return cutName(word), certain
}

func foldName(word string) (name string, certain bool) {
	upper, ascii := false, true
	for i := range len(word) {
		upper = upper || lower(word[i]) != word[i]
		ascii = ascii && word[i] < utf8.RuneSelf
	}
	certain = ascii || !hasUpperBeyondASCII(word)
	if upper {
		word = string(appendLower(nil, word))
	}
	return word, certain
}

func hasUpperBeyondASCII(word string) bool {
	for _, r := range word {
		if r >= utf8.RuneSelf && strings.ToLower(string(r)) != string(r) {
			return true
		}
	}
	return false
}

// cutName truncates a name between characters, as the server does.
func cutName(name string) string {
	if len(name) <= maxName {
		return name
	}
	end := maxName
	for end > 0 && !utf8.RuneStart(name[end]) {
		end--
	}
	return name[:end]
}
