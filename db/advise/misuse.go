package advise

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/headrace/headrace/internal/sqltext"
)

// conditionAdvice reports conditions of a scan that no index on the column
// serves, because of how they are written.
func (q *inquiry) conditionAdvice(ctx context.Context, sc *scan) error {
	if slices.ContainsFunc(q.proposals, func(p proposal) bool { return p.scan == sc }) {
		return nil // with that index the other conditions hardly matter
	}
	for _, c := range conditions(sc.node.Filter, sc.node.Alias) {
		column := sc.table.column(c.column)
		if column == nil || c.op == other || c.foreign {
			continue
		}
		isPattern := c.op == like || c.op == likeAnyCase
		isCast := c.cast != "" && !column.castIsFree(c.cast)
		if c.wrapped == "" && !isCast && !(isPattern && (c.op == likeAnyCase || c.startsWithWildcard())) {
			continue
		}
		n, err := q.rows(ctx, sc, []condition{c})
		if err != nil {
			return err
		}
		after := q.root.TotalCost - sc.node.charge() + q.costs.cost(sc.lookup(&choice{indexed: 1, keys: []indexKey{{Column: c.column}}}, max(n, 1)))*sc.node.times()*sc.node.share()
		if n < 0 || after*minGain > q.root.TotalCost {
			continue
		}
		a := Advice{Table: sc.table.label(), CostBefore: q.root.TotalCost, CostAfter: after}
		a.Evidence = fmt.Sprintf("The plan reads %s (%s rows, %s pages) and tests %s, which selects an estimated %s rows. Cost of the statement: %s now, %s with an index (estimated, not tried).",
			sc.table.label(), number(sc.tuples), number(sc.table.Pages), redact(c.text), number(n), number(a.CostBefore), number(after))
		switch {
		case isPattern:
			q.wildcard(sc, c, a)
		case isCast:
			q.cast(sc, c, column, a)
		default:
			if err := q.wrapped(ctx, sc, c, a); err != nil {
				return err
			}
		}
	}
	return nil
}

// wildcard reports a pattern that no B-tree serves.
func (q *inquiry) wildcard(sc *scan, c condition, a Advice) {
	for _, x := range sc.table.Indexes {
		for _, key := range x.Keys {
			if strings.Contains(key.Class, "trgm") && (key.Column == c.column || c.wrapped != "") {
				return
			}
		}
	}
	a.Kind, a.Title = LeadingWildcard, "The pattern for "+sc.table.label()+"."+quoted(c.column)+" begins with a wildcard"
	if c.op == likeAnyCase {
		a.Title = "ILIKE on " + sc.table.label() + "." + quoted(c.column) + " reads the whole table"
	}
	a.Do = "Create a trigram index, which finds text inside of values, or search words by full-text search. A pattern of fewer than three characters does not profit."
	if c.wrapped == "" {
		a.SQL = "CREATE EXTENSION IF NOT EXISTS pg_trgm;\n" +
			"CREATE INDEX CONCURRENTLY ON " + sc.table.label() + " USING gin (" + quoted(c.column) + " gin_trgm_ops)"
	}
	q.advice = append(q.advice, a)
}

// cast reports a column that is cast to another type before it is compared.
func (q *inquiry) cast(sc *scan, c condition, column *column, a Advice) {
	a.Kind = ImplicitCast
	a.Title = fmt.Sprintf("%s.%s is %s and is compared as %s, so that no index on it is used", sc.table.label(), quoted(c.column), column.Type, c.cast)
	a.Do = fmt.Sprintf("Pass the other side as %s: cast the parameter in the text, as in $1::%s, or pass a Go value of a matching type.", column.Type, column.Type)
	if x := sc.table.leading(c.column); x != nil {
		a.Evidence += " Index " + quoted(x.Name) + " is on the column itself."
	} else {
		a.Do += " Then create the index."
		a.SQL = "CREATE INDEX CONCURRENTLY ON " + sc.table.label() + " (" + quoted(c.column) + ")"
	}
	q.advice = append(q.advice, a)
}

// wrapped reports an expression around a column.
func (q *inquiry) wrapped(ctx context.Context, sc *scan, c condition, a Advice) error {
	expression := unqualified(c.wrapped, sc.node.Alias)
	if slices.ContainsFunc(sc.table.Indexes, func(x index) bool {
		return len(x.Keys) > 0 && strings.Trim(x.Keys[0].Expression, "()") == strings.Trim(expression, "()")
	}) {
		return nil
	}
	immutable, err := q.areImmutable(ctx, c.wrapped)
	if err != nil {
		return err
	}
	a.Kind = WrappedColumn
	a.Title = fmt.Sprintf("%s.%s is compared within the expression %s", sc.table.label(), quoted(c.column), redact(expression))
	a.Do = "Compare the column itself with a value or a range: move the calculation to the other side."
	if immutable {
		a.Do += " Or create an index on the expression."
		if !hasConstant(c.wrapped) {
			a.SQL = "CREATE INDEX CONCURRENTLY ON " + sc.table.label() + " ((" + expression + "))"
		}
	}
	if x := sc.table.leading(c.column); x != nil {
		a.Evidence += " Index " + quoted(x.Name) + " is on the column itself and does not serve the expression."
	}
	q.advice = append(q.advice, a)
	return nil
}

// unqualified removes the alias from the columns of an expression.
func unqualified(expression, alias string) string {
	var out strings.Builder
	all := pieces(expression)
	from := 0
	for i := 0; i+2 < len(all); i++ {
		if all[i].name == alias && all[i+1].text == "." {
			out.WriteString(expression[from:all[i].pos])
			from = all[i+2].pos
		}
	}
	return out.String() + expression[from:]
}

// areImmutable reports whether all functions that the expression calls are
// immutable, as an index requires. Casts and operators are not examined: CREATE
// INDEX rejects mutable ones.
func (s *session) areImmutable(ctx context.Context, expression string) (bool, error) {
	return s.noFunctionIs(ctx, callsIn(expression), "vs")
}

func callsIn(expression string) []sqltext.Function {
	return sqltext.Analyze("SELECT " + expression).Calls
}

// noFunctionIs reports whether no function with one of the names has one of the
// given volatilities, as in pg_proc.provolatile.
func (s *session) noFunctionIs(ctx context.Context, calls []sqltext.Function, volatility string) (bool, error) {
	if len(calls) == 0 {
		return true, nil
	}
	names := make([]string, len(calls))
	for i, call := range calls {
		names[i] = call.Name
	}
	list, err := json.Marshal(names)
	if err != nil {
		return false, err
	}
	const query = `SELECT to_json(NOT EXISTS (SELECT FROM pg_proc WHERE strpos($2, provolatile::text) > 0
		AND proname IN (SELECT json_array_elements_text($1::json))))`
	none := false
	err = s.inCatalog(ctx, query, &none, string(list), volatility)
	return none, err
}
