package advise

import (
	"context"
	"fmt"

	"github.com/headrace/headrace/db"
)

// Known reports on one statement of Stats, as [Top] does: the one with the
// given fingerprint and name. It returns nil if Stats does not list it.
func Known(ctx context.Context, pg *db.DB, fingerprint uint64, name string, opts *Options) (*Report, error) {
	if pg == nil {
		return nil, errNoHandle
	}
	if err := opts.validate(); err != nil {
		return nil, err
	}
	all := pg.Stats().Statements
	for i := range all {
		if all[i].Fingerprint != fingerprint || all[i].Name != name {
			continue
		}
		var report *Report
		err := onSession(ctx, pg, opts.withDefaults(), func(s *session) (err error) {
			report, err = s.report(ctx, ofStats(pg, all, i))
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("advise: known statement: %w", err)
		}
		return report, nil
	}
	return nil, nil
}
