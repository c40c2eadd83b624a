package advise

import (
	"slices"
	"strconv"
	"strings"

	"github.com/headrace/headrace/internal/sqltext"
)

// An operation is what a condition does with a column.
type operation uint8

const (
	other       operation = iota // nothing that an index could help with
	equal                        // column = value
	anyOf                        // column = ANY (array)
	ordered                      // column < value, and the like
	isNull                       // column IS NULL
	isNotNull                    // column IS NOT NULL
	isTrue                       // column
	isFalse                      // NOT column
	like                         // column LIKE pattern
	likeAnyCase                  // column ILIKE pattern
)

// A condition is one of the conditions that AND combines, as seen from one
// relation.
type condition struct {
	text    string // as EXPLAIN shows it, with constants
	op      operation
	column  string // of the relation; "" unless one side names exactly one
	cast    string // the type that the column is cast to, or ""
	wrapped string // the expression around the column, or "" if it stands alone or only cast; may contain constants
	value   string // the other side, may contain constants
	foreign bool   // the other side names columns of other relations
}

// plain reports whether the condition compares the column itself.
func (c condition) plain() bool { return c.column != "" && c.wrapped == "" && c.cast == "" }

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

// conditions splits an expression that EXPLAIN (VERBOSE) returned, as seen from
// the relation with the given alias.
func conditions(text, alias string) []condition {
	var out []condition
	for _, part := range splitAnd(pieces(text)) {
		out = append(out, newCondition(text, part, alias))
	}
	return out
}

// splitAnd splits at the outermost AND.
func splitAnd(all []piece) [][]piece {
	all = unwrap(all)
	var out [][]piece
	from := 0
	atDepth0(all, func(i int) bool {
		if all[i].is("AND") {
			out = append(out, all[from:i])
			from = i + 1
		}
		return true
	})
	if from < len(all) {
		out = append(out, all[from:])
	}
	if len(out) > 1 { // nested ANDs, as the planner leaves some
		var flat [][]piece
		for _, part := range out {
			flat = append(flat, splitAnd(part)...)
		}
		return flat
	}
	return out
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

func newCondition(text string, part []piece, alias string) condition {
	part = unwrap(part)
	c := condition{text: "(" + textOf(text, part) + ")"}
	if len(part) == 0 {
		return condition{}
	}
	if column, cast := columnIn(text, part, alias); column != "" && cast == "" {
		c.column, c.op = column, isTrue
		return c
	}
	if part[0].is("NOT") {
		if column, cast := columnIn(text, part[1:], alias); column != "" && cast == "" {
			c.column, c.op = column, isFalse
		}
		return c
	}
	if rest, op := nullTest(part); op != other {
		c.column, c.cast = columnIn(text, rest, alias)
		c.op = op
		return c
	}
	return comparison(c, text, part, alias)
}

// nullTest splits "x IS NULL" and "x IS NOT NULL".
func nullTest(part []piece) ([]piece, operation) {
	n := len(part)
	switch {
	case n > 2 && part[n-1].is("NULL") && part[n-2].is("IS"):
		return part[:n-2], isNull
	case n > 3 && part[n-1].is("NULL") && part[n-2].is("NOT") && part[n-3].is("IS"):
		return part[:n-3], isNotNull
	}
	return nil, other
}

// comparison completes a condition of the form "x operator y".
func comparison(c condition, text string, part []piece, alias string) condition {
	at := -1
	atDepth0(part, func(i int) bool {
		if part[i].is("OR") || part[i].is("IS") {
			at = -1
			return false
		}
		if part[i].kind == sqltext.Operator && at < 0 {
			at = i
		}
		return true
	})
	if at <= 0 || at == len(part)-1 {
		return c
	}
	left, right, op := part[:at], part[at+1:], part[at].text
	if len(columnsIn(left, alias)) == 0 {
		left, right, op = right, left, flipped(op)
	}
	own := columnsIn(left, alias)
	if len(own) != 1 || len(columnsIn(right, alias)) > 0 {
		return c
	}
	c.column, c.op = own[0], operationOf(op, right)
	c.value, c.foreign = textOf(text, right), namesColumns(right)
	if column, cast := columnIn(text, left, alias); column != "" {
		c.cast = cast
	} else {
		c.wrapped = textOf(text, unwrap(left))
	}
	return c
}

// flipped returns the operator for exchanged sides.
func flipped(op string) string {
	switch op {
	case "<":
		return ">"
	case "<=":
		return ">="
	case ">":
		return "<"
	case ">=":
		return "<="
	case "=":
		return "="
	}
	return "" // unknown
}

func operationOf(op string, right []piece) operation {
	quantified := len(right) > 1 && right[1].text == "("
	switch {
	case op == "=" && quantified && right[0].is("ANY"):
		return anyOf
	case quantified && (right[0].is("ANY") || right[0].is("ALL")):
		return other
	}
	switch op {
	case "=":
		return equal
	case "<", "<=", ">", ">=":
		return ordered
	case "~~":
		return like
	case "~~*":
		return likeAnyCase
	}
	return other
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

// namesColumns reports whether the pieces name a column of any relation.
func namesColumns(part []piece) bool {
	for i := 0; i+2 < len(part); i++ {
		isCall := i+3 < len(part) && part[i+3].text == "("
		if part[i].name != "" && part[i+1].text == "." && part[i+2].name != "" && !isCall {
			return true
		}
	}
	return false
}

// startsWithWildcard reports whether the condition compares with a constant
// pattern that begins with a wildcard.
func (c condition) startsWithWildcard() bool {
	pattern, ok := c.pattern()
	return ok && (strings.HasPrefix(pattern, "%") || strings.HasPrefix(pattern, "_"))
}

// pattern returns the constant that LIKE compares with.
func (c condition) pattern() (string, bool) {
	all := pieces(c.value)
	if len(all) == 0 || all[0].kind != sqltext.String || len(all[0].text) < 2 {
		return "", false
	}
	return strings.Trim(strings.TrimPrefix(all[0].text, "E"), "'"), true
}

// renumbered returns conditions joined by AND with parameters numbered from 1,
// and their number. Columns of other relations become parameters.
func renumbered(all []condition, column func(condition) string) (text string, params int) {
	numbers := make(map[string]int)
	parts := make([]string, len(all))
	for i, c := range all {
		if c.foreign {
			params++
			parts[i] = column(c) + " = $" + strconv.Itoa(params)
			continue
		}
		var out strings.Builder
		from := 0
		for _, p := range pieces(c.text) {
			if p.kind != sqltext.Param {
				continue
			}
			if numbers[p.text] == 0 {
				params++
				numbers[p.text] = params
			}
			out.WriteString(c.text[from:p.pos] + "$" + strconv.Itoa(numbers[p.text]))
			from = p.end
		}
		parts[i] = out.String() + c.text[from:]
	}
	return strings.Join(parts, " AND "), params
}
