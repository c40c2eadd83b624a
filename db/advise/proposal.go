package advise

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
)

// A proposal is an index that would make a part of the plan cheaper.
type proposal struct {
	kind    Kind
	scan    *scan
	choice  choice
	include []string
	charge  float64 // of the part that is replaced
	cost    float64 // of what replaces it
	why     string  // what the plan does now
}

func (p *proposal) saves() float64 { return p.charge - p.cost }

// minGain is the factor by which an index has to reduce the cost, of the
// statement and of the part of the plan that it serves.
const minGain = 2

// findIndexes looks for indexes, and for what keeps indexes from being used, in
// all tables of the plan.
func (q *inquiry) findIndexes(ctx context.Context) error {
	scans, err := q.scans(ctx)
	if err != nil {
		return err
	}
	for _, sc := range scans {
		var all []proposal
		for _, find := range []func(context.Context, *scan) (*proposal, error){q.forScan, q.forOrder, q.forJoin} {
			p, err := find(ctx, sc)
			if err != nil {
				return err
			}
			if p != nil && p.cost*minGain <= p.charge {
				all = append(all, *p)
			}
		}
		if len(all) > 0 {
			q.propose(best(q.root.TotalCost, all))
		}
		if err := q.conditionAdvice(ctx, sc); err != nil {
			return err
		}
	}
	q.keepUseful()
	return nil
}

// best returns the proposal that leaves the least cost. One with more columns
// has to be clearly better.
func best(total float64, all []proposal) proposal {
	const clearly = 1.3
	slices.SortStableFunc(all, func(a, b proposal) int { return cmp.Compare(len(a.choice.keys), len(b.choice.keys)) })
	chosen := all[0]
	for _, p := range all[1:] {
		if (total-p.saves())*clearly < total-chosen.saves() {
			chosen = p
		}
	}
	return chosen
}

// propose adds a proposal, or merges it with one of the same index for another
// part of the plan.
func (q *inquiry) propose(p proposal) {
	for i := range q.proposals {
		if known := &q.proposals[i]; known.definition() == p.definition() {
			known.charge, known.cost = known.charge+p.charge, known.cost+p.cost
			return
		}
	}
	q.proposals = append(q.proposals, p)
}

// keepUseful drops proposals that contribute little, and all of them if
// together they do not reduce the cost enough.
func (q *inquiry) keepUseful() {
	const least = 0.1
	q.proposals = slices.DeleteFunc(q.proposals, func(p proposal) bool { return p.saves() < least*q.root.TotalCost })
	slices.SortStableFunc(q.proposals, func(a, b proposal) int { return cmp.Compare(b.saves(), a.saves()) })
	if q.after()*minGain > q.root.TotalCost {
		q.proposals = nil
	}
}

// after estimates the cost of the statement with all proposed indexes.
func (q *inquiry) after() float64 {
	after, least := q.root.TotalCost, 0.0
	for _, p := range q.proposals {
		after -= p.saves()
		least += p.cost
	}
	return max(after, least)
}

func (q *inquiry) adviseProposals(after float64, tried bool) {
	for i := range q.proposals {
		p := &q.proposals[i]
		how := "estimated, not tried"
		if tried {
			how = "tried with hypopg"
		}
		together := ""
		if len(q.proposals) > 1 {
			together = fmt.Sprintf(" with all %d proposed indexes", len(q.proposals))
		}
		q.advice = append(q.advice, Advice{
			Kind: p.kind, Table: p.scan.table.label(), Title: p.title(),
			Evidence: fmt.Sprintf("%s. Cost of the statement: %s now, %s%s (%s).",
				p.why, number(q.root.TotalCost), number(after), together, how),
			Do: p.do(), SQL: p.definition(),
			CostBefore: q.root.TotalCost, CostAfter: after, Tried: tried,
		})
	}
}

func (p *proposal) title() string {
	switch p.kind {
	case MissingSortIndex:
		return "No index returns the rows of " + p.scan.table.label() + " in the required order"
	case MissingJoinIndex:
		return "No index finds the rows of " + p.scan.table.label() + " that belong to a row of the other side"
	}
	return "No index finds the rows of " + p.scan.table.label() + " that the conditions select"
}

func (p *proposal) do() string {
	do := "Create the index. Each write to the table then maintains it too."
	if p.scan.table.Root != "" {
		do += " On a partitioned table CREATE INDEX locks out writes: create it ON ONLY the parent, then CONCURRENTLY on each partition, and attach those."
	}
	if redundant := p.redundant(); redundant != "" {
		do += " It also serves what " + redundant + " serves."
	}
	return do
}

// redundant returns the name of an existing index that the proposed one
// replaces, or "".
func (p *proposal) redundant() string {
	if len(p.choice.where) > 0 {
		return ""
	}
	for _, x := range p.scan.table.Indexes {
		if !x.isUsable() || x.Constraint || x.Unique || x.Predicate != "" || len(x.Keys) >= len(p.choice.keys) || len(x.Include) > 0 {
			continue
		}
		same := func(i int) bool { return x.Keys[i].Column == p.choice.keys[i].Column && x.Keys[i].Default }
		covered := true
		for i := range x.Keys {
			covered = covered && same(i)
		}
		if covered {
			return x.Name
		}
	}
	return ""
}

// definition returns the statement that creates the index.
func (p *proposal) definition() string {
	keys := make([]string, len(p.choice.keys))
	for i, key := range p.choice.keys {
		keys[i] = key.definition()
	}
	sql := "CREATE INDEX CONCURRENTLY ON "
	if p.scan.table.Root != "" {
		sql = "CREATE INDEX ON "
	}
	sql += p.scan.table.label() + " (" + strings.Join(keys, ", ") + ")"
	if len(p.include) > 0 {
		sql += " INCLUDE (" + quotedAll(p.include) + ")"
	}
	var where []string
	for _, c := range p.choice.where {
		where = append(where, c.predicate())
	}
	if len(where) > 0 {
		sql += " WHERE " + strings.Join(where, " AND ")
	}
	return sql
}

func (k indexKey) definition() string {
	sql := quoted(k.Column)
	if k.Class != "" {
		sql += " " + k.Class
	}
	if k.Descending {
		sql += " DESC"
	}
	if k.NullsFirst != k.Descending { // not the default
		if k.NullsFirst {
			return sql + " NULLS FIRST"
		}
		return sql + " NULLS LAST"
	}
	return sql
}

// predicate returns a condition that has no constants as the predicate of an
// index.
func (c condition) predicate() string {
	switch c.op {
	case isNull:
		return quoted(c.column) + " IS NULL"
	case isNotNull:
		return quoted(c.column) + " IS NOT NULL"
	case isFalse:
		return "NOT " + quoted(c.column)
	}
	return quoted(c.column)
}
