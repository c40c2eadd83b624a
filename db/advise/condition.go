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
	foreign bool   // the other side is known only while the plan runs: columns of other relations, a subquery
}

// plain reports whether the condition compares the column itself.
func (c condition) plain() bool { return c.column != "" && c.wrapped == "" && c.cast == "" }

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
	if len(own) != 1 || len(columnsIn(right, alias)) > 0 || slices.ContainsFunc(right, func(p piece) bool { return p.is("SubPlan") }) {
		return c
	}
	c.column, c.op = own[0], operationOf(op, right)
	c.value, c.foreign = textOf(text, right), isForeign(right)
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
// and their number. Values that are known only while the plan runs become
// parameters.
func renumbered(all []condition, column func(condition) string) (text string, params int) {
	numbers := make(map[string]int)
	parts := make([]string, len(all))
	for i, c := range all {
		if c.foreign && c.op != equal {
			parts[i] = "true" // how many rows it selects is not known
			continue
		}
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
