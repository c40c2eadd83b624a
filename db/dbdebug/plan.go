package dbdebug

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/db/advise"
)

// A planner makes plans, one at a time for all viewers.
type planner struct {
	pg   *db.DB
	busy chan struct{} // holds an element while a plan is made
}

func newPlanner(pg *db.DB) planner { return planner{pg, make(chan struct{}, 1)} }

// planTimeout bounds the wait for a connection, and each statement.
const planTimeout = 5 * time.Second

// A planPage is what the template of a plan shows.
type planPage struct {
	*page
	Statement statement
	Report    *advise.Report
	Problem   string
	Top       float64 // cost of the whole plan
	Analyzed  bool
}

// plan shows the plan of a statement for unknown arguments.
func (h *handler) plan(w http.ResponseWriter, r *http.Request) {
	h.showPlan(w, r, r.URL.Query().Get("key"), nil)
}

// analyze shows the measured plan of a statement.
func (h *handler) analyze(w http.ResponseWriter, r *http.Request) {
	h.showPlan(w, r, r.PostFormValue("key"), &advise.Options{Analyze: true, Timeout: planTimeout})
}

func (h *handler) showPlan(w http.ResponseWriter, r *http.Request, key string, opts *advise.Options) {
	p := &planPage{page: pageOf(&snapshot{Title: h.opts.Title, Actions: h.opts.Actions}, view{Open: key}), Analyzed: opts != nil}
	found, status := false, http.StatusOK
	for _, s := range h.pg.Stats().Statements {
		if keyOf(s.Fingerprint, s.Name) != key {
			continue
		}
		found = true
		p.Statement = statement{Key: key, Name: s.Name, Text: s.Text}
		p.Report, p.Problem, status = h.planner.report(r.Context(), s.Fingerprint, s.Name, opts)
		break
	}
	if !found {
		http.Error(w, "no such statement", http.StatusNotFound)
		return
	}
	if p.Report != nil && p.Report.Plan != nil {
		p.Top = p.Report.Plan.Cost
	}
	name := "planpage"
	if r.Header.Get(partHeader) != "" {
		name = "plan"
	}
	if status != http.StatusOK {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.WriteHeader(status)
	}
	h.render(w, name, p)
}

// report makes a plan, or says why it did not.
func (p *planner) report(ctx context.Context, fingerprint uint64, name string, opts *advise.Options) (report *advise.Report, problem string, status int) {
	select {
	case p.busy <- struct{}{}:
		defer func() { <-p.busy }()
	default:
		return nil, "another plan is being made; try again", http.StatusTooManyRequests
	}
	ctx, cancel := context.WithTimeout(ctx, 2*planTimeout)
	defer cancel()
	report, err := advise.Known(ctx, p.pg, fingerprint, name, opts)
	if err != nil {
		return nil, problemOf(err), http.StatusServiceUnavailable
	}
	return report, "", http.StatusOK
}

// problemOf says why the server made no plan. Of the server's errors it shows
// the code only: their messages may contain constants.
func problemOf(err error) string {
	if pgErr, ok := errors.AsType[*pgconn.PgError](err); ok {
		return "the server refused: SQLSTATE " + pgErr.Code
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return "no answer in time: the server did not answer, or no connection of the pool was free"
	}
	return "the server could not be asked"
}

// A planNode is a node of a plan with its place in the tree.
type planNode struct {
	*advise.Node
	Share float64 // of the whole plan's cost or time
	Off   bool    // the estimate of rows is off by 10 or more
}

// Node returns a node as the template shows it.
func (p *planPage) Node(n *advise.Node) planNode {
	out := planNode{Node: n}
	out.Share = part(n.Cost, p.Top)
	if whole := p.Report.Plan; n.Measured && whole.Time > 0 {
		out.Share = part(n.Time.Seconds(), whole.Time.Seconds())
	}
	if n.Measured && n.Loops > 0 {
		low, high := min(n.Rows, n.ActualRows), max(n.Rows, n.ActualRows)
		out.Off = high >= 10*max(low, 1)
	}
	return out
}

// A planItem is a node with the plan that it is part of, for the template.
type planItem struct {
	Page *planPage
	planNode
}

// Root returns the root of the plan.
func (p *planPage) Root() planItem { return planItem{p, p.Node(p.Report.Plan)} }

// Below returns the children of a node.
func (n planItem) Below() []planItem {
	out := make([]planItem, len(n.Children))
	for i, child := range n.Children {
		out[i] = planItem{n.Page, n.Page.Node(child)}
	}
	return out
}

// Measurable reports whether the statement could be run for its plan.
func (p *planPage) Measurable() bool { return p.Actions && p.Report != nil && !p.Report.Generic }
