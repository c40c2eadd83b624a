package advise

import (
	"context"
	"fmt"
	"slices"
)

// forJoin proposes an index on the columns that a join compares, so that the
// rows of the table are looked up for each row of the other side.
func (q *inquiry) forJoin(ctx context.Context, sc *scan) (*proposal, error) {
	join, side := joinOf(sc.node)
	if join == nil || !mayLookUp(join, side) {
		return nil, nil
	}
	var compared []condition
	for _, text := range []string{join.HashCond, join.MergeCond, join.JoinFilter} {
		for _, c := range conditions(text, sc.node.Alias) {
			if c.op == equal && c.foreign && c.wrapped == "" {
				compared = append(compared, c)
			}
		}
	}
	if len(compared) == 0 {
		return nil, nil
	}
	c, err := q.equalities(ctx, sc, compared, withoutLists(sc.conditions))
	if err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(c.used, func(u condition) bool { return u.foreign }) {
		return nil, nil
	}
	if exists, err := q.exists(ctx, sc, &c, append(compared, sc.conditions...)); exists || err != nil {
		return nil, err
	}
	outer := join.Plans[1-side]
	if outer.NodeType == "Hash" || outer.NodeType == "Sort" || outer.NodeType == "Materialize" {
		outer = outer.Plans[0] // a nested loop needs none of them
	}
	each := q.costs.cost(sc.lookup(&c, c.matched))
	p := &proposal{kind: MissingJoinIndex, scan: sc, choice: c, charge: join.charge()}
	p.cost = (outer.TotalCost + outer.Rows*each + join.Rows*q.costs.Tuple) * join.times() * join.share()
	p.why = fmt.Sprintf("A %s reads %s (%s rows, %s pages) for the %s rows of the other side; the index finds %s rows for each",
		join.NodeType, sc.table.label(), number(sc.tuples), number(sc.table.Pages), number(outer.Rows), number(c.matched))
	return p, nil
}

// joinOf returns the join that the rows of a scan go to, and on which side.
func joinOf(n *plan) (join *plan, side int) {
	for n.parent != nil && n.parent.passes() {
		n = n.parent
	}
	switch join = n.parent; {
	case join == nil, len(join.Plans) < 2:
		return nil, 0
	case join.NodeType != "Hash Join" && join.NodeType != "Merge Join" && join.NodeType != "Nested Loop":
		return nil, 0
	}
	side = slices.Index(join.Plans, n)
	return join, side
}

// mayLookUp reports whether a nested loop could have the given side as its
// inner one.
func mayLookUp(join *plan, side int) bool {
	if side > 1 {
		return false
	}
	switch join.JoinType {
	case "Inner":
		return true
	case "Left", "Semi", "Anti":
		return side == 1
	case "Right", "Right Semi", "Right Anti":
		return side == 0
	}
	return false
}
