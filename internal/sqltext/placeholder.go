package sqltext

import (
	"fmt"
	"strconv"
	"strings"
)

// Placeholders numbers the placeholders of a text, as squirrel's builders write
// it: each ? becomes $1, $2 and so on, and ?? becomes the operator ?. Literals,
// quoted names and comments stay unchanged. It rejects text that has numbered
// parameters already, and text that cannot be split into tokens.
func Placeholders(text string) (string, error) {
	p := placeholders{text: text}
	l := NewLexer(text)
	for {
		token, ok := l.Next()
		if !ok {
			break
		}
		switch token.Kind {
		case Invalid:
			return "", fmt.Errorf("number placeholders: %w", l.Err())
		case Param:
			return "", fmt.Errorf("number placeholders: %w", newError(text, token.Pos, "parameter "+text[token.Pos:token.End]+" has a number already"))
		case Operator:
			p.operator(token)
		}
	}
	if p.out.Len() == 0 {
		return text, nil
	}
	p.out.WriteString(text[p.done:])
	return p.out.String(), nil
}

type placeholders struct {
	text  string
	out   strings.Builder
	done  int // how much of text is in out
	count int
}

// operator replaces the question marks of an operator; the lexer reads =? as
// one.
func (p *placeholders) operator(token Token) {
	for i := token.Pos; i < token.End; i++ {
		if p.text[i] != '?' {
			continue
		}
		p.out.WriteString(p.text[p.done:i])
		if i+1 < token.End && p.text[i+1] == '?' {
			i++
			p.out.WriteByte('?')
		} else {
			p.number(i)
		}
		p.done = i + 1
	}
}

// number writes the next number for the placeholder at i, separated from
// neighbours that would merge with it: LIMIT? and ?AND.
func (p *placeholders) number(i int) {
	if i > 0 && (runsOn(p.text[i-1]) || p.text[i-1] == '.') {
		p.out.WriteByte(' ')
	}
	p.count++
	p.out.WriteByte('$')
	p.out.WriteString(strconv.Itoa(p.count))
	if i+1 < len(p.text) && runsOn(p.text[i+1]) {
		p.out.WriteByte(' ')
	}
}

func runsOn(c byte) bool {
	switch class[c] {
	case letter, digit, dollar:
		return true
	}
	return false
}
