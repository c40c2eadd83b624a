package advise

import (
	"context"
	"fmt"
	"slices"

	"github.com/headrace/headrace/internal/sqltext"
)

// forOrder proposes an index that returns the rows of a scan in the order that
// the statement requires.
func (q *inquiry) forOrder(ctx context.Context, sc *scan) (*proposal, error) {
	top, keys := sc.order()
	if len(keys) == 0 {
		return nil, nil
	}
	c, err := q.equalities(ctx, sc, nil, withoutLists(sc.conditions))
	if err != nil {
		return nil, err
	}
	if len(c.keys) > 0 && c.matched <= fewRows {
		return nil, nil // sorting them costs next to nothing
	}
	if err := q.addConstant(ctx, sc, &c); err != nil {
		return nil, err
	}
	keys = slices.DeleteFunc(keys, func(k indexKey) bool { return slices.Contains(c.columns(), k.Column) })
	if len(keys) == 0 || sc.isOrdered(&c, keys) {
		return nil, nil
	}
	c.keys = append(c.keys, keys...)
	if matched, err := q.withRange(ctx, sc, &c, keys[0]); err != nil {
		return nil, err
	} else if matched > 0 {
		c.matched = min(c.matched, matched)
	}
	out, err := q.rows(ctx, sc, sc.conditions)
	if err != nil {
		return nil, err
	}
	read := c.matched
	if limit := q.limit(top); limit > 0 && out > 0 {
		read = min(read, limit*c.matched/out)
	}
	found := sc.lookup(&c, max(read, 1))
	found.inOrder = true
	p := &proposal{kind: MissingSortIndex, scan: sc, choice: c, charge: top.charge(), cost: q.costs.cost(found) * top.times()}
	p.why = fmt.Sprintf("The plan reads %s rows of %s (%s rows) to sort them; an index in the required order reads %s rows",
		number(max(out, 0)), sc.table.label(), number(sc.tuples), number(max(read, 1)))
	return p, nil
}

// order returns the order in which the rows of the scan are required, and the
// node that an index with this order replaces.
func (sc *scan) order() (top *plan, keys []indexKey) {
	top = sc.node.parent
	for top != nil && top.NodeType == "Gather" {
		top = top.parent
	}
	switch {
	case top == nil:
		return nil, nil
	case top.NodeType == "Aggregate":
		return sc.extreme(top)
	case top.NodeType != "Sort" && top.NodeType != "Incremental Sort":
		return nil, nil
	}
	keys = sc.sortKeys(top.SortKey)
	for top.parent != nil && top.parent.NodeType == "Gather Merge" {
		top = top.parent
	}
	return top, keys
}

// extreme returns the order whose first row is the only result of an aggregate:
// min or max of one column.
func (sc *scan) extreme(top *plan) (*plan, []indexKey) {
	for top.parent != nil && (top.parent.NodeType == "Gather" || top.parent.NodeType == "Aggregate") && top.Strategy == "Plain" {
		top = top.parent
	}
	if top.Strategy != "Plain" || len(top.Output) != 1 {
		return nil, nil
	}
	all := pieces(top.Output[0]) // max(column), or max(alias.column)
	if n := len(all); n != 4 && n != 6 || all[1].text != "(" || all[n-1].text != ")" || !all[0].is("min") && !all[0].is("max") {
		return nil, nil
	}
	names, ok := sc.columnsRead(all[2 : len(all)-1])
	if !ok || len(names) != 1 {
		return nil, nil
	}
	return top, []indexKey{{Column: names[0]}}
}

// addConstant adds columns that are compared for equality although they do not
// reduce the rows for these arguments: for others they may, and then an index
// with the order alone would be read for long before it finds the first row.
func (q *inquiry) addConstant(ctx context.Context, sc *scan, c *choice) error {
	const most = 3
	for _, one := range sc.conditions {
		column := sc.table.column(one.column)
		if one.op != equal || one.wrapped != "" || column == nil || !column.castIsFree(one.cast) || one.foreign ||
			len(c.keys) >= most || c.matched <= fewRows || column.distinctOf(sc.tuples) < minHalving || slices.Contains(c.columns(), one.column) {
			continue
		}
		c.keys, c.used = append(c.keys, indexKey{Column: one.column}), append(c.used, one)
		n, err := q.rows(ctx, sc, c.used)
		if err != nil {
			return err
		}
		if n > 0 {
			c.matched = min(c.matched, n)
		}
	}
	return nil
}

// withoutLists returns the conditions after which an index keeps its order.
func withoutLists(all []condition) []condition {
	return slices.DeleteFunc(slices.Clone(all), func(c condition) bool { return c.op == anyOf })
}

// withRange returns the rows that an index finds by the equalities and by
// ranges of the first column of the order.
func (q *inquiry) withRange(ctx context.Context, sc *scan, c *choice, first indexKey) (float64, error) {
	used := slices.Clone(c.used)
	for _, one := range sc.conditions {
		if one.column == first.Column && one.op == ordered && one.plain() && !one.foreign {
			used = append(used, one)
		}
	}
	return q.rows(ctx, sc, used)
}

// limit returns how many rows a LIMIT above the node lets through, 0 if there
// is none.
func (q *inquiry) limit(top *plan) float64 {
	if top.NodeType == "Aggregate" {
		return 1
	}
	if top.parent == nil || top.parent.NodeType != "Limit" {
		return 0
	}
	if q.returns > 0 {
		return min(q.returns, top.parent.Rows)
	}
	return top.parent.Rows
}

// sortKeys returns sort keys as those of an index, nil if one is not a column
// of the table.
func (sc *scan) sortKeys(texts []string) (keys []indexKey) {
	for _, text := range texts {
		all := pieces(text)
		key := indexKey{}
		if n := len(all); n > 2 && all[n-2].is("NULLS") {
			key.NullsFirst = all[n-1].is("FIRST")
			all = all[:n-2]
			key.Descending = len(all) > 0 && all[len(all)-1].is("DESC")
		} else if n > 0 && all[n-1].is("DESC") {
			key.Descending, key.NullsFirst = true, true
		}
		if n := len(all); n > 0 && (all[n-1].is("DESC") || all[n-1].is("ASC")) {
			all = all[:n-1]
		}
		column, cast := columnIn(text, all, sc.node.Alias)
		if found := sc.table.column(column); found == nil || !found.castIsFree(cast) {
			return nil
		}
		key.Column = column
		keys = append(keys, key)
	}
	if len(keys) > 0 && !slices.ContainsFunc(keys, func(k indexKey) bool { return !k.Descending || !k.NullsFirst }) {
		for i := range keys { // a scan backwards
			keys[i].Descending, keys[i].NullsFirst = false, false
		}
	}
	return keys
}

// isOrdered reports whether an existing index has the keys after columns for
// equality.
func (sc *scan) isOrdered(c *choice, keys []indexKey) bool {
	n := len(c.keys)
	return slices.ContainsFunc(sc.table.Indexes, func(x index) bool {
		isPartial := x.Predicate != "" && !slices.ContainsFunc(sc.conditions, func(c condition) bool {
			return x.Predicate == "("+c.predicate()+")" || x.Predicate == c.predicate()
		})
		if !x.isUsable() || isPartial || len(x.Keys) < n+len(keys) {
			return false
		}
		for _, key := range x.Keys[:n] {
			if !slices.Contains(c.columns(), key.Column) {
				return false
			}
		}
		return sameOrder(x.Keys[n:n+len(keys)], keys, false) || sameOrder(x.Keys[n:n+len(keys)], keys, true)
	})
}

// sameOrder reports whether two lists of keys have one order, or, with
// backwards, the opposite one.
func sameOrder(have, want []indexKey, backwards bool) bool {
	return slices.EqualFunc(have, want, func(a, b indexKey) bool {
		return a.Column == b.Column && (a.Descending != b.Descending) == backwards && (a.NullsFirst != b.NullsFirst) == backwards
	})
}

// hasConstant reports whether an expression contains a constant or a parameter.
func hasConstant(text string) bool {
	all := pieces(text)
	return all == nil || slices.ContainsFunc(all, func(p piece) bool {
		return p.kind == sqltext.String || p.kind == sqltext.Number || p.kind == sqltext.Param
	})
}
