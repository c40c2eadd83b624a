package advise

import (
	"context"
	"errors"
	"strings"
)

// try asks the planner for the cost of the statement with the proposed indexes,
// where Options.Hypothetical is set, and drops proposals that do not pay. why
// says why they were not tried.
func (q *inquiry) try(ctx context.Context, st subject) (after float64, tried bool, why string, err error) {
	after = q.after()
	if !q.opts.Hypothetical || len(q.proposals) == 0 {
		return after, false, "", nil
	}
	for _, p := range q.proposals {
		if len(p.choice.where) > 0 {
			return after, false, "partial indexes are never tried: hypopg may crash the server", nil
		}
	}
	schema := ""
	const query = `SELECT to_json(quote_ident(n.nspname)) FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'hypopg'`
	if err := q.inCatalog(ctx, query, &schema); err != nil {
		return after, false, "", err
	}
	if schema == "" {
		return after, false, "the extension hypopg is not installed in this database", nil
	}
	found, err := q.withHypothetical(ctx, st, schema)
	if problem, ok := problemOf(err); ok {
		return after, false, problem, nil
	}
	if err != nil {
		return after, false, "", err
	}
	if found.TotalCost*minGain > q.root.TotalCost {
		q.proposals = nil
	}
	return found.TotalCost, true, "", nil
}

// withHypothetical returns the plan of the statement with the proposed indexes.
func (q *inquiry) withHypothetical(ctx context.Context, st subject, schema string) (found *plan, err error) {
	err = q.inTx(ctx, func() error {
		if err := q.exec(ctx, ownMark+"SELECT "+schema+".hypopg_reset(); SAVEPOINT headrace_hypopg"); err != nil {
			return err
		}
		found, err = q.planWith(ctx, st, schema)
		if q.conn.IsClosed() {
			return err
		}
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), rollbackTimeout)
		defer cancel()
		return errors.Join(err, q.exec(ctx, ownMark+"ROLLBACK TO headrace_hypopg; SELECT "+schema+".hypopg_reset()"))
	})
	return found, err
}

func (q *inquiry) planWith(ctx context.Context, st subject, schema string) (*plan, error) {
	for _, p := range q.proposals {
		definition := strings.Replace(p.definition(), " CONCURRENTLY", "", 1)
		result := q.conn.ExecParams(ctx, ownMark+"SELECT FROM "+schema+".hypopg_create_index($1)", [][]byte{[]byte(definition)}, nil, nil, nil).Read()
		if result.Err != nil {
			return nil, result.Err
		}
	}
	return q.planInTx(ctx, st)
}
