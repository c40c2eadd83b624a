package advise

import (
	"context"
	"fmt"
	"slices"
)

// forScan proposes an index for the conditions of a scan: columns that are
// compared for equality first, then a range.
func (q *inquiry) forScan(ctx context.Context, sc *scan) (*proposal, error) {
	c, err := q.equalities(ctx, sc, nil, sc.conditions)
	if err != nil {
		return nil, err
	}
	if err := q.addRange(ctx, sc, &c, sc.conditions); err != nil {
		return nil, err
	}
	if len(c.keys) == 0 && len(c.where) > 0 {
		c.keys = []indexKey{{Column: c.where[0].column}}
	}
	if len(c.keys) == 0 || q.exists(sc.table, &c) {
		return nil, nil
	}
	p := &proposal{kind: MissingIndex, scan: sc, choice: c, charge: sc.node.charge()}
	per := sc.node.times() * sc.node.share()
	p.cost = q.costs.cost(sc.lookup(&c, c.matched)) * per
	if include := sc.cover(&c); len(include) > 0 {
		covering := sc.lookup(&c, c.matched)
		covering.width, covering.visible = covering.width+sc.width(include), sc.table.Visible
		cost := q.costs.cost(covering) * per
		total := q.root.TotalCost - p.charge
		if c.matched >= minCovered && (total+cost)*minGain <= total+p.cost {
			p.include, p.cost = include, cost
		}
	}
	n, err := q.rows(ctx, sc, sc.conditions)
	if err != nil {
		return nil, err
	}
	p.why = fmt.Sprintf("The plan reads %s (%s rows, %s pages) by %s for an estimated %s rows; the index finds %s rows",
		sc.table.label(), number(sc.tuples), number(sc.table.Pages), sc.node.NodeType, number(max(n, 0)), number(c.matched))
	return p, nil
}

// lookup describes a search in the chosen index that finds n rows.
func (sc *scan) lookup(c *choice, n float64) lookup {
	return lookup{tuples: sc.tuples, pages: sc.table.Pages, matched: n, indexed: c.indexed, width: sc.width(c.columns())}
}

// width returns the average width of columns.
func (sc *scan) width(names []string) float64 {
	const unknown = 8
	total := 0.0
	for _, name := range names {
		if column := sc.table.column(name); column != nil && column.Width > 0 {
			total += column.Width
		} else {
			total += unknown
		}
	}
	return total
}

// exists reports whether an index of the table serves the chosen keys.
func (q *inquiry) exists(t *table, c *choice) bool {
	if c.classes {
		return slices.ContainsFunc(t.Indexes, func(x index) bool {
			return x.isUsable() && len(x.Keys) >= len(c.keys) && x.Keys[len(c.keys)-1].Class == c.keys[len(c.keys)-1].Class &&
				x.Keys[len(c.keys)-1].Column == c.keys[len(c.keys)-1].Column
		})
	}
	if t.isCovered(c.columns()) {
		return true
	}
	// An existing partial index that the planner did not choose may have any
	// predicate: one with the same columns counts as the proposed one.
	return len(c.where) > 0 && slices.ContainsFunc(t.Indexes, func(x index) bool {
		return x.isUsable() && x.Predicate != "" && len(x.Keys) >= len(c.keys) &&
			slices.EqualFunc(x.Keys[:len(c.keys)], c.keys, func(a, b indexKey) bool { return a.Column == b.Column })
	})
}

// A covering index is proposed only for many rows and few narrow columns.
const (
	minCovered      = 1000
	maxIncluded     = 3
	maxIncludeBytes = 40
	minVisible      = 0.9
)

// cover returns the columns that the scan reads besides the keys, if an index
// that includes them could answer the scan by itself.
func (sc *scan) cover(c *choice) []string {
	if sc.table.Visible < minVisible {
		return nil
	}
	var include []string
	need := func(name string) bool {
		if sc.table.column(name) == nil {
			return false // a system column
		}
		if !slices.Contains(c.columns(), name) && !slices.Contains(include, name) {
			include = append(include, name)
		}
		return true
	}
	texts := slices.Clone(sc.node.Output)
	for _, one := range sc.conditions {
		texts = append(texts, one.text)
	}
	for _, text := range texts {
		all := pieces(text)
		if len(all) == 0 || slices.ContainsFunc(all, func(p piece) bool { return p.text == "*" }) {
			return nil
		}
		for _, name := range columnsIn(all, sc.node.Alias) {
			if !need(name) {
				return nil
			}
		}
	}
	if len(include) > maxIncluded || sc.width(include) > maxIncludeBytes {
		return nil
	}
	return include
}
