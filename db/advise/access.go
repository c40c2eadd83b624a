package advise

import (
	"context"
	"fmt"
	"slices"

	"github.com/headrace/headrace/internal/sqltext"
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
	if include, ok := sc.cover(&c); ok && !c.guesses() {
		covering := sc.lookup(&c, c.matched)
		covering.width, covering.visible = covering.width+sc.width(include), sc.table.Visible
		cost := q.costs.cost(covering) * per
		total := q.root.TotalCost - p.charge
		if len(include) == 0 || c.matched >= minCovered && (total+cost)*minGain <= total+p.cost {
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

// guesses reports whether the number of rows that the index finds is a guess of
// the planner, because a range ends at an unknown value.
func (c *choice) guesses() bool {
	return slices.ContainsFunc(c.used, func(u condition) bool {
		return u.op == ordered && slices.ContainsFunc(pieces(u.value), func(p piece) bool { return p.kind == sqltext.Param })
	})
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

// cover returns the columns that the statement reads besides the keys. ok is
// false if an index that includes them could not answer the scan by itself, or
// should not.
func (sc *scan) cover(c *choice) (include []string, ok bool) {
	if sc.table.Visible < minVisible {
		return nil, false
	}
	for _, text := range sc.reads() {
		names, ok := sc.columnsRead(pieces(text))
		if !ok {
			return nil, false
		}
		for _, name := range names {
			if !slices.Contains(c.columns(), name) && !slices.Contains(include, name) {
				include = append(include, name)
			}
		}
	}
	return include, len(include) <= maxIncluded && sc.width(include) <= maxIncludeBytes
}

// columnsRead returns the columns of the table that an expression names. EXPLAIN
// leaves out the alias in some expressions on a single table, so that any word
// may be one. ok is false if the expression reads what no index has.
func (sc *scan) columnsRead(all []piece) (names []string, ok bool) {
	for i, p := range all {
		isPart := i > 0 && all[i-1].text == "."
		switch {
		case p.text == "*" && isPart, systemColumns[p.name]:
			return nil, false
		case isPart && (i < 2 || all[i-2].name != sc.node.Alias):
			continue // of another table
		case sc.table.column(p.name) != nil:
			names = append(names, p.name)
		}
	}
	return names, true
}

var systemColumns = map[string]bool{"ctid": true, "xmin": true, "xmax": true, "cmin": true, "cmax": true, "tableoid": true}

// reads returns the expressions that the statement computes from the rows of
// the scan. A scan may return columns that the node above it does not read.
func (sc *scan) reads() []string {
	var texts []string
	for _, c := range sc.conditions {
		texts = append(texts, c.text)
	}
	up := sc.node.parent
	if up == nil || len(up.Output) == 0 {
		return append(texts, sc.node.Output...)
	}
	texts = append(texts, up.Output...)
	texts = append(texts, up.SortKey...)
	texts = append(texts, up.GroupKey...)
	return append(texts, up.Filter, up.HashCond, up.MergeCond, up.JoinFilter)
}
