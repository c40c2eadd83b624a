package advise

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// A generic plan counts as a trap if the custom plan is better by this factor.
const trapFactor = 5

// minTrapCost is the cost from which on a generic plan counts as a trap.
const minTrapCost = 100

// genericPlan compares the plan for the given arguments with the one for
// unknown arguments.
func (q *inquiry) genericPlan(ctx context.Context, st subject) error {
	if st.text.MaxParam == 0 || st.isGeneric() {
		return nil
	}
	var generic *plan
	err := q.inTx(ctx, func() (err error) {
		generic, err = q.generic(ctx, st.text.Text, st.text.MaxParam)
		return err
	})
	if err != nil {
		return refusalsOnly(err)
	}
	if generic.signature() == q.root.signature() {
		return nil
	}
	a := Advice{Kind: GenericPlan, CostBefore: generic.TotalCost, CostAfter: q.root.TotalCost,
		Title: "The generic plan is far worse for these arguments than the plan made for them"}
	if q.root.Loops != nil {
		measured, err := q.measuredGeneric(ctx, st)
		if err != nil {
			return refusalsOnly(err)
		}
		if measured == nil || measured.buffers() < trapFactor*max(q.root.buffers(), 1) || measured.buffers() < minPages {
			return nil
		}
		a.Evidence = fmt.Sprintf("Measured: the generic plan read %d pages in %v, the plan for the arguments %d pages in %v. ",
			measured.buffers(), milliseconds(measured), q.root.buffers(), milliseconds(q.root))
	} else if generic.TotalCost < minTrapCost || generic.TotalCost < trapFactor*q.root.TotalCost || !losesIndex(q.root, generic) {
		return nil
	}
	a.Evidence += fmt.Sprintf("Cost: %s for the generic plan, %s for these arguments. The server switches a prepared statement to the generic plan when that does not cost more than the plans for its first five argument lists did on average.",
		number(generic.TotalCost), number(q.root.TotalCost))
	a.Do = "Set plan_cache_mode to force_custom_plan: for the role or the database, or in the transaction by SET LOCAL. For one statement, pass pgx.QueryExecModeExec before its arguments, so that it is planned anew at each call."
	a.SQL = "SET LOCAL plan_cache_mode = force_custom_plan"
	q.advice = append(q.advice, a)
	return nil
}

// losesIndex reports whether the generic plan reads a whole table that the plan
// for the arguments searches by an index. Where both search, the costs differ
// because the generic plan expects an average number of rows, and not because
// it does more for these arguments.
func losesIndex(custom, generic *plan) bool {
	whole := make(map[string]bool)
	generic.walk(func(n *plan) { whole[n.Alias] = whole[n.Alias] || n.NodeType == "Seq Scan" })
	found := false
	custom.walk(func(n *plan) { found = found || n.isScan() && n.NodeType != "Seq Scan" && whole[n.Alias] })
	return found
}

// refusalsOnly returns err unless the server rejected a statement.
func refusalsOnly(err error) error {
	if isRefusal(err) {
		return nil
	}
	return err
}

func milliseconds(p *plan) time.Duration {
	return time.Duration(p.ActualTime * float64(time.Millisecond)).Round(time.Microsecond)
}

// measuredGeneric runs the statement with its generic plan; nil if an argument
// cannot be passed that way.
func (q *inquiry) measuredGeneric(ctx context.Context, st subject) (measured *plan, err error) {
	err = q.inTx(ctx, func() error {
		values, ok := q.literals(ctx, st.text.Text, st.args)
		if !ok {
			return nil
		}
		measured, err = q.genericWith(ctx, st.text.Text, values, analyzeOptions)
		return err
	})
	return measured, err
}

// Row estimates are reported if they are off by a factor, where it matters.
const (
	estimateFactor = 10
	minMisjudged   = 1000
)

// rowEstimates compares estimated and measured rows of scans.
func (q *inquiry) rowEstimates(_ context.Context, _ subject) error {
	if q.root.Loops == nil {
		return nil
	}
	var seen []string
	q.root.walk(func(n *plan) {
		t := q.tables[[2]string{n.Schema, n.Relation}]
		if t == nil || !n.isScan() || *n.Loops == 0 || slices.Contains(seen, t.label()) {
			return
		}
		actual := max(n.ActualRows, 1)
		low := actual/max(n.Rows, 1) >= estimateFactor
		high := max(n.Rows, 1)/actual >= estimateFactor && n.runsToEnd()
		if !low && !high || math.Max(actual, n.Rows)**n.Loops < minMisjudged {
			return
		}
		seen = append(seen, t.label())
		a := Advice{Kind: RowEstimate, Table: t.label(), Title: "The planner misjudges how many rows of " + t.label() + " the conditions select"}
		a.Evidence = fmt.Sprintf("%s with %s: %s rows expected, %s found. %d rows were changed since the last ANALYZE.",
			n.NodeType, redact(firstOf(n.Filter, n.IndexCond, n.RecheckCond)), number(n.Rows), number(n.ActualRows), t.Changed)
		a.Do, a.SQL = "Run ANALYZE.", "ANALYZE "+qualified(t.Schema, t.Name)
		if columns := n.comparedColumns(t); len(columns) > 1 {
			a.Do = "Run ANALYZE. If the estimate stays wrong, the columns depend on each other: create extended statistics, and run ANALYZE again."
			a.SQL += ";\nCREATE STATISTICS " + quoted(statisticsName(t.Name, columns)) + " ON " + quotedAll(columns) + " FROM " + qualified(t.Schema, t.Name)
		}
		q.advice = append(q.advice, a)
	})
	return nil
}

// runsToEnd reports whether all rows of the node were read: nothing above it
// may stop early.
func (p *plan) runsToEnd() bool {
	for n := p; n.parent != nil; n = n.parent {
		up := n.parent
		switch {
		case up.isBlocking():
			return true
		case up.NodeType == "Limit", up.NodeType == "Merge Join", n.Relationship == "SubPlan", n.Relationship == "InitPlan":
			return false
		case up.JoinType == "Semi" || up.JoinType == "Anti":
			return false
		}
	}
	return true
}

// comparedColumns returns the columns of the table in the node's conditions.
func (p *plan) comparedColumns(t *table) []string {
	var out []string
	for _, text := range []string{p.Filter, firstOf(p.IndexCond, p.RecheckCond)} {
		for _, name := range columnsIn(pieces(text), p.Alias) {
			if t.column(name) != nil && !slices.Contains(out, name) {
				out = append(out, name)
			}
		}
	}
	return out[:min(len(out), 8)] // the server allows eight
}

// statisticsName returns a name for extended statistics, which PostgreSQL 15
// requires.
func statisticsName(table string, columns []string) string {
	const longest = 59 // the server cuts names at 63 bytes
	name := table + "_" + strings.Join(columns, "_")
	return strings.ToValidUTF8(name[:min(len(name), longest)], "") + "_dep"
}
