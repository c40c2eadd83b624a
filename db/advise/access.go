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
	if len(c.keys) == 0 {
		return nil, nil
	}
	if exists, err := q.exists(ctx, sc, &c, sc.conditions); exists || err != nil {
		return nil, err
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

// exists reports whether an index of the table finds about as few rows as the
// chosen one. The plan may ignore it because of settings, or because it makes
// little difference.
func (q *inquiry) exists(ctx context.Context, sc *scan, c *choice, all []condition) (bool, error) {
	for i := range sc.table.Indexes {
		x := &sc.table.Indexes[i]
		if !x.isUsable() {
			continue
		}
		used, ok := x.serves(sc.table, all)
		if !ok {
			continue
		}
		n, err := q.rows(ctx, sc, used)
		if err != nil {
			return false, err
		}
		if n >= 0 && n <= max(fewRows, minGain*c.matched) {
			return true, nil
		}
	}
	return false, nil
}

// serves returns the conditions by which the index finds rows. ok is false if
// there is none.
func (x *index) serves(t *table, all []condition) (used []condition, ok bool) {
	for _, c := range all {
		if x.Predicate != "" && (x.Predicate == c.predicate() || x.Predicate == "("+c.predicate()+")") {
			used = append(used, c)
		}
	}
	if x.Predicate != "" && len(used) == 0 {
		return nil, false
	}
	for _, key := range x.Keys {
		n, isPoint := len(used), false
		for _, c := range all {
			column := t.column(c.column)
			if column == nil || c.column != key.Column || c.wrapped != "" || !column.castIsFree(c.cast) {
				continue
			}
			isPrefix := c.op == like && isRange(c) && (!column.Collated || !key.Default)
			switch {
			case c.op == equal, c.op == anyOf && !c.foreign, c.op == isNull:
				used, isPoint = append(used, c), true
			case c.op == ordered && !c.foreign, isPrefix:
				used = append(used, c)
			}
		}
		if len(used) == n || !isPoint {
			break
		}
	}
	return used, len(used) > 0
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

// columnsRead returns the columns of the table that an expression names.
// EXPLAIN leaves out the alias in some expressions on a single table, so that
// any word may be one. ok is false if the expression reads what no index has.
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
