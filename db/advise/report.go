package advise

import (
	"cmp"
	"context"
	"slices"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/internal/cacheapi"
	"github.com/headrace/headrace/internal/sqltext"
)

// A subject is a statement to report on.
type subject struct {
	text    *sqltext.Statement
	args    []any
	rebuilt bool                // text was made from the fingerprint's
	stats   *db.StatementStats  // nil if it was not called
	all     []db.StatementStats // of all statements of the handle
}

// ofStats returns the subject of all[i].
func ofStats(pg *db.DB, all []db.StatementStats, i int) subject {
	st := subject{stats: &all[i], all: all}
	if sql, ok := cacheapi.HandleOf(pg).Sample(all[i].Fingerprint, all[i].Name); ok {
		st.text = sqltext.Analyze(sql)
		return st
	}
	st.rebuilt = true
	sql, err := sqltext.Placeholders(all[i].Text)
	if err != nil {
		sql = all[i].Text
	}
	st.text = sqltext.Analyze(sql)
	return st
}

// find returns the figures of the statement, summed over its names, nil if it
// was not called.
func (st *subject) find() *db.StatementStats {
	var found *db.StatementStats
	for _, one := range st.all {
		switch {
		case one.Fingerprint != st.text.Fingerprint:
		case found == nil:
			found = &one
		default:
			found.Calls, found.Rows, found.Total = found.Calls+one.Calls, found.Rows+one.Rows, found.Total+one.Total
		}
	}
	return found
}

// isGeneric reports whether the arguments are unknown.
func (st *subject) isGeneric() bool { return st.text.MaxParam > 0 && len(st.args) == 0 }

// isControl reports whether a text begins or ends a transaction, or the like.
func isControl(text string) bool {
	switch sqltext.Analyze(text).Kind {
	case sqltext.Begin, sqltext.Commit, sqltext.Rollback, sqltext.Savepoint, sqltext.RollbackTo, sqltext.Release,
		sqltext.Set, sqltext.Show, sqltext.Reset, sqltext.Empty:
		return true
	}
	return false
}

// noPlan returns why a statement has no plan, or "".
func noPlan(text *sqltext.Statement) string {
	switch {
	case !text.Lexed():
		return "the text cannot be read"
	case text.Count > 1:
		return "the text consists of several statements"
	}
	switch text.Kind {
	case sqltext.Select, sqltext.Values, sqltext.TableQuery, sqltext.Insert, sqltext.Update, sqltext.Delete, sqltext.Merge:
		return ""
	}
	return "a statement of this kind has no plan: " + text.Kind.String()
}

func (s *session) report(ctx context.Context, st subject) (*Report, error) {
	r := &Report{Name: st.text.Name, Text: st.text.FingerprintText(), Fingerprint: st.text.Fingerprint, Rebuilt: st.rebuilt, Generic: st.isGeneric()}
	if st.stats != nil { // a rebuilt text has none of its own
		r.Name, r.Text, r.Fingerprint = st.stats.Name, st.stats.Text, st.stats.Fingerprint
	}
	if r.Problem = noPlan(st.text); r.Problem == "" {
		root, err := s.plan(ctx, st)
		if problem, ok := problemOf(err); ok {
			r.Problem = problem
		} else if err != nil {
			return nil, err
		}
		if root != nil {
			err := s.planned(ctx, st, r, root)
			if problem, ok := problemOf(err); ok {
				r.Problem = "the advice is incomplete: " + problem
			} else if err != nil {
				return nil, err
			}
		}
	}
	r.Advice = append(r.Advice, statsAdvice(st)...)
	slices.SortStableFunc(r.Advice, func(a, b Advice) int { return cmp.Compare(b.gain(), a.gain()) })
	return r, nil
}

// gain returns the share of the statement's cost that the advice saves.
func (a *Advice) gain() float64 {
	if a.CostBefore > 0 {
		return 1 - a.CostAfter/a.CostBefore
	}
	return a.HitRatio
}

// plan returns the estimated plan of the statement.
func (s *session) plan(ctx context.Context, st subject) (root *plan, err error) {
	err = s.inTx(ctx, func() error {
		root, err = s.planInTx(ctx, st)
		return err
	})
	return root, err
}

func (s *session) planInTx(ctx context.Context, st subject) (*plan, error) {
	if st.isGeneric() {
		return s.generic(ctx, st.text.Text, st.text.MaxParam)
	}
	return s.custom(ctx, st.text.Text, st.args, "")
}

// planned completes the report of a statement that has a plan.
func (s *session) planned(ctx context.Context, st subject, r *Report, root *plan) error {
	if s.opts.Analyze {
		measured, why, err := s.measure(ctx, st)
		if err != nil {
			return err
		}
		r.NotMeasured = why
		if measured != nil {
			root = measured
		}
	}
	r.Plan = root.node()
	q, err := newInquiry(ctx, s, root)
	if err != nil {
		return err
	}
	if st.isGeneric() && st.stats != nil && st.stats.Calls > 0 {
		q.returns = float64(st.stats.Rows) / float64(st.stats.Calls)
	}
	defer func() { r.Advice = q.advice }()
	if err := q.findIndexes(ctx); err != nil {
		return err
	}
	after, tried, why, err := q.try(ctx, st)
	if err != nil {
		return err
	}
	r.NotTried = why
	q.adviseProposals(after, tried)
	for _, more := range []func(context.Context, subject) error{q.foreignKeys, q.genericPlan, q.rowEstimates, q.offset, q.unread, q.caching} {
		if err := more(ctx, st); err != nil {
			return err
		}
	}
	return nil
}

// measure runs the statement, and returns its plan with measurements, or why
// there is none.
func (s *session) measure(ctx context.Context, st subject) (measured *plan, why string, err error) {
	switch {
	case st.text.Kind != sqltext.Select && st.text.Kind != sqltext.Values && st.text.Kind != sqltext.TableQuery,
		st.text.ReadOnly == sqltext.No, len(st.text.Writes) > 0:
		return nil, "only queries that change nothing are run", nil
	case st.isGeneric():
		return nil, "the arguments are not known", nil
	}
	calm, err := s.noFunctionIs(ctx, st.text.Calls, "v")
	switch {
	case err != nil:
		return nil, "", err
	case !calm:
		return nil, "the statement calls a volatile function, which may have an effect", nil
	}
	err = s.inTx(ctx, func() error {
		measured, err = s.custom(ctx, st.text.Text, st.args, analyzeOptions)
		return err
	})
	if problem, ok := problemOf(err); ok {
		return nil, problem, nil
	}
	return measured, "", err
}
