package advise

import (
	"slices"
	"strings"

	"github.com/headrace/headrace/internal/sqltext"
)

// A piece is a token of an expression.
type piece struct {
	kind     sqltext.Kind
	text     string
	name     string // of words and quoted names, as the server sees it
	pos, end int
}

func (p piece) is(word string) bool { return p.kind == sqltext.Word && strings.EqualFold(p.text, word) }

// pieces splits an expression. It returns nil if it cannot be read.
func pieces(text string) []piece {
	var out []piece
	lexer := sqltext.NewLexer(text)
	for {
		token, ok := lexer.Next()
		if !ok {
			return out
		}
		switch token.Kind {
		case sqltext.Space, sqltext.Comment:
			continue
		case sqltext.Invalid:
			return nil
		}
		p := piece{kind: token.Kind, text: text[token.Pos:token.End], pos: token.Pos, end: token.End}
		if token.Kind == sqltext.Word || token.Kind == sqltext.QuotedName {
			p.name, _ = sqltext.NameOf(text, token)
		}
		out = append(out, p)
	}
}

// atDepth0 calls fn with the index of each piece outside of parentheses, until
// fn returns false.
func atDepth0(all []piece, fn func(i int) bool) {
	depth := 0
	for i, p := range all {
		switch p.text {
		case "(", "[":
			depth++
			continue
		case ")", "]":
			depth--
			continue
		}
		if depth == 0 && !fn(i) {
			return
		}
	}
}

// unwrap removes parentheses around the whole.
func unwrap(all []piece) []piece {
	for len(all) > 2 && all[0].text == "(" && closes(all) == len(all)-1 {
		all = all[1 : len(all)-1]
	}
	return all
}

// closes returns the index of the parenthesis that closes the first piece.
func closes(all []piece) int {
	depth := 0
	for i, p := range all {
		switch p.text {
		case "(":
			depth++
		case ")":
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return -1
}

func textOf(text string, part []piece) string {
	if len(part) == 0 {
		return ""
	}
	return text[part[0].pos:part[len(part)-1].end]
}

// columnIn returns the column that the pieces consist of, and the type that it
// is cast to.
func columnIn(text string, part []piece, alias string) (column, cast string) {
	part = unwrap(part)
	if len(part) == 3 && part[0].name == alias && part[1].text == "." && part[2].name != "" {
		return part[2].name, ""
	}
	last := -1
	atDepth0(part, func(i int) bool {
		if part[i].text == "::" {
			last = i
		}
		return true
	})
	if last <= 0 || last == len(part)-1 {
		return "", ""
	}
	if column, inner := columnIn(text, part[:last], alias); column != "" && inner == "" {
		return column, textOf(text, part[last+1:])
	}
	return "", ""
}

// columnsIn returns the columns of the relation that the pieces name.
func columnsIn(part []piece, alias string) []string {
	var out []string
	for i := 0; i+2 < len(part); i++ {
		if part[i].name != alias || part[i+1].text != "." || i > 0 && part[i-1].text == "." {
			continue
		}
		if name := part[i+2].name; name != "" && !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return out
}

// isForeign reports whether the pieces name a column of any relation, or the
// result of a subquery.
func isForeign(part []piece) bool {
	for i := 0; i+2 < len(part); i++ {
		if part[i].is("InitPlan") {
			return true
		}
		isCall := i+3 < len(part) && part[i+3].text == "("
		if part[i].name != "" && part[i+1].text == "." && part[i+2].name != "" && !isCall {
			return true
		}
	}
	return false
}
