package sqltext

import (
	"strings"
	"unicode/utf8"
)

// leadingName returns the name that a comment before the first statement gives
// it: "-- name: CityByID :one", the command after the name being optional.
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

// maxName is how many bytes of a name the server keeps (NAMEDATALEN - 1).
const maxName = 63

// NameOf returns the name that a [Word] or [QuotedName] of text is for the
// server: folded, without quotes, cut. It returns false where the text leaves
// that open.
func NameOf(text string, token Token) (name string, certain bool) {
	s := scan{text: text}
	return s.name(item{pos: int32(token.Pos), end: int32(token.End), kind: token.Kind})
}

// name returns the name that a word or quoted name is for the server, and
// false where the text leaves that open: U& names, which a UESCAPE may follow,
// and letters beyond ASCII, which servers with a one-byte encoding fold.
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

// cutName cuts a name as the server does, between characters.
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
