package sqltext

import (
	"strings"
	"sync"
)

// appendNormalized appends text with exactly the meaning of s: white space,
// comments and the case of unquoted words are made uniform, literals and quoted
// names stay unchanged, hints stay, and empty statements at the ends are
// dropped. s must have no error.
func appendNormalized(out []byte, s *scan) []byte {
	items := trimSemicolons(s.items)
	hints := s.hints
	var prev item
	for _, it := range items {
		for len(hints) > 0 && hints[0].pos < it.pos {
			out = appendItem(out, s.text, prev, hints[0])
			prev, hints = hints[0], hints[1:]
		}
		out = appendItem(out, s.text, prev, it)
		prev = it
	}
	for _, hint := range hints {
		out = appendItem(out, s.text, prev, hint)
		prev = hint
	}
	return out
}

// trimSemicolons removes empty statements at both ends.
func trimSemicolons(items []item) []item {
	for len(items) > 0 && items[0].key == ';' {
		items = items[1:]
	}
	for len(items) > 0 && items[len(items)-1].key == ';' {
		items = items[:len(items)-1]
	}
	return items
}

// appendItem appends it after prev, in normalized form.
func appendItem(out []byte, text string, prev, it item) []byte {
	if !tight(prev, it) {
		out = append(out, ' ')
	}
	word := text[it.pos:it.end]
	switch it.kind {
	case Word:
		return appendLower(out, word)
	case String:
		return appendString(out, word)
	case Operator:
		if word == "!=" { // the server's scanner treats both as one token
			word = "<>"
		}
	}
	return append(out, word...)
}

func appendLower(out []byte, word string) []byte {
	from := len(out)
	out = append(out, word...)
	for i, c := range out[from:] {
		if 'A' <= c && c <= 'Z' {
			out[from+i] = c + 'a' - 'A'
		}
	}
	return out
}

// appendString appends a constant. The parts of a continued constant stay
// separated by one line end: joined, E'\1' and '01' would become E'\101', and
// with a blank between them they would be an error.
func appendString(out []byte, constant string) []byte {
	if constant[0] == '$' || !strings.ContainsAny(constant, "\n\r") {
		return append(out, constant...)
	}
	l := Lexer{text: constant}
	from, quote := 0, strings.IndexByte(constant, '\'')
	for {
		end := l.quoteEnd(quote, constant[0]|0x20)
		out = append(out, constant[from:end]...)
		next, continued := continuation(constant, end)
		if !continued {
			return out
		}
		out = append(out, '\n')
		from, quote = next, next
	}
}

// buffers pools memory for texts under construction.
var buffers = sync.Pool{New: func() any { return new([]byte) }}
