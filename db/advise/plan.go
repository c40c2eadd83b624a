package advise

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/headrace/headrace/internal/sqltext"
)

// A Node is a node of a plan. Constants in its expressions are replaced.
type Node struct {
	Type      string // "Seq Scan", "Hash Join", ...
	Join      string // "Inner", "Left", ...; "" for nodes that do not join
	Relation  string // schema.table, or ""
	Alias     string // of the relation in the statement
	Index     string // or ""
	Condition string // what the index, or the join, is searched by
	Filter    string // what rows are tested by afterwards
	Order     string // sort keys

	Rows        float64 // estimated, each time the node runs
	Cost        float64 // estimated, to the last row
	StartupCost float64 // estimated, to the first row

	// Measured; zero without Options.Analyze.
	Measured   bool
	ActualRows float64       // each time the node ran, on average
	Loops      float64       // how often it ran
	Time       time.Duration // in total, including its children
	Buffers    int64         // pages read from memory or from disk, including its children

	Children []*Node
}

// A plan is a node as EXPLAIN (FORMAT JSON) reports it. Its expressions contain
// constants.
type plan struct {
	NodeType     string   `json:"Node Type"`
	Relationship string   `json:"Parent Relationship"`
	SubplanName  string   `json:"Subplan Name"`
	JoinType     string   `json:"Join Type"`
	Strategy     string   `json:"Strategy"` // of an Aggregate
	Schema       string   `json:"Schema"`
	Relation     string   `json:"Relation Name"`
	Alias        string   `json:"Alias"`
	Index        string   `json:"Index Name"`
	StartupCost  float64  `json:"Startup Cost"`
	TotalCost    float64  `json:"Total Cost"`
	Rows         float64  `json:"Plan Rows"`
	ActualTime   float64  `json:"Actual Total Time"` // milliseconds
	ActualRows   float64  `json:"Actual Rows"`
	Loops        *float64 `json:"Actual Loops"`
	Output       []string `json:"Output"`
	Filter       string   `json:"Filter"`
	IndexCond    string   `json:"Index Cond"`
	RecheckCond  string   `json:"Recheck Cond"`
	HashCond     string   `json:"Hash Cond"`
	MergeCond    string   `json:"Merge Cond"`
	JoinFilter   string   `json:"Join Filter"`
	SortKey      []string `json:"Sort Key"`
	GroupKey     []string `json:"Group Key"`
	Hit          int64    `json:"Shared Hit Blocks"`
	Read         int64    `json:"Shared Read Blocks"`
	Plans        []*plan  `json:"Plans"`

	parent *plan
}

func decodePlan(text []byte) (*plan, error) {
	var explained []struct{ Plan *plan }
	if err := json.Unmarshal(text, &explained); err != nil || len(explained) != 1 || explained[0].Plan == nil {
		return nil, fmt.Errorf("read a plan: unexpected form of EXPLAIN's result")
	}
	root := explained[0].Plan
	root.link()
	return root, nil
}

func (p *plan) link() {
	for _, child := range p.Plans {
		child.parent = p
		child.link()
	}
}

// walk calls fn for each node, parents first.
func (p *plan) walk(fn func(*plan)) {
	fn(p)
	for _, child := range p.Plans {
		child.walk(fn)
	}
}

// signature describes the form of a plan, without numbers.
func (p *plan) signature() string {
	var out strings.Builder
	p.walk(func(n *plan) {
		fmt.Fprintf(&out, "%s %s %s %s (%d)\n", n.NodeType, n.JoinType, n.Alias, n.Index, len(n.Plans))
	})
	return out.String()
}

// buffers returns the pages that a measured plan read, from memory or disk.
func (p *plan) buffers() int64 { return p.Hit + p.Read }

// isScan reports whether the node reads a table.
func (p *plan) isScan() bool {
	switch p.NodeType {
	case "Seq Scan", "Index Scan", "Index Only Scan", "Bitmap Heap Scan":
		return p.Relation != ""
	}
	return false
}

// passes reports whether the node hands on the rows of one child.
func (p *plan) passes() bool {
	switch p.NodeType {
	case "Hash", "Sort", "Incremental Sort", "Materialize", "Memoize", "Gather", "Gather Merge":
		return len(p.Plans) == 1
	}
	return false
}

// times estimates how often the node runs.
func (p *plan) times() float64 {
	times := 1.0
	for n := p; n.parent != nil; n = n.parent {
		up := n.parent
		switch {
		case n.Relationship == "InitPlan":
			return times
		case n.Relationship == "SubPlan":
			times *= max(up.Rows*up.share(), 1)
		case up.NodeType == "Nested Loop" && n.Relationship == "Inner" && n.NodeType != "Materialize" && n.NodeType != "Memoize":
			times *= max(up.Plans[0].Rows*up.share(), 1)
		}
	}
	return times
}

// share returns the share of the node's rows that is read: a LIMIT above it may
// stop it early.
func (p *plan) share() float64 {
	share := 1.0
	for n := p; n.parent != nil && !n.parent.isBlocking(); n = n.parent {
		if n.parent.NodeType == "Limit" && n.TotalCost > n.StartupCost {
			share *= min(1, max(0, (n.parent.TotalCost-n.StartupCost)/(n.TotalCost-n.StartupCost)))
		}
	}
	return share
}

// isBlocking reports whether the node reads its input to the end before it
// returns a row.
func (p *plan) isBlocking() bool {
	switch p.NodeType {
	case "Sort", "Hash":
		return true
	case "Aggregate":
		return p.Strategy != "Sorted"
	}
	return false
}

// charge returns the part of the statement's cost that the node causes, without
// the subqueries in its expressions.
func (p *plan) charge() float64 {
	total := p.TotalCost
	for _, child := range p.Plans {
		if child.Relationship == "SubPlan" {
			total -= child.TotalCost * max(p.Rows, 1)
		}
	}
	cost := p.StartupCost + max(0, total-p.StartupCost)*p.share()
	return min(cost*p.times(), p.root().TotalCost)
}

func (p *plan) root() *plan {
	for p.parent != nil {
		p = p.parent
	}
	return p
}

// node returns the tree to show.
func (p *plan) node() *Node {
	n := &Node{
		Type: p.NodeType, Join: p.JoinType, Alias: p.Alias, Index: p.Index,
		Condition: redact(firstOf(p.IndexCond, p.RecheckCond, p.HashCond, p.MergeCond, p.JoinFilter)),
		Filter:    redact(p.Filter), Order: redactList(p.SortKey),
		Rows: p.Rows, Cost: p.TotalCost, StartupCost: p.StartupCost,
	}
	if p.Relation != "" {
		n.Relation = qualified(p.Schema, p.Relation)
	}
	if p.Loops != nil {
		n.Measured, n.ActualRows, n.Loops, n.Buffers = true, p.ActualRows, *p.Loops, p.buffers()
		n.Time = time.Duration(p.ActualTime * *p.Loops * float64(time.Millisecond))
	}
	for _, child := range p.Plans {
		n.Children = append(n.Children, child.node())
	}
	return n
}

func firstOf(texts ...string) string {
	for _, text := range texts {
		if text != "" {
			return text
		}
	}
	return ""
}

// redact replaces the constants of an expression that EXPLAIN returned.
func redact(expression string) string {
	if expression == "" {
		return ""
	}
	text, ok := strings.CutPrefix(sqltext.Analyze("SELECT "+expression).FingerprintText(), "select ")
	if !ok {
		return "?"
	}
	return text
}

func redactList(expressions []string) string {
	shown := make([]string, len(expressions))
	for i, one := range expressions {
		shown[i] = redact(one)
	}
	return strings.Join(shown, ", ")
}
