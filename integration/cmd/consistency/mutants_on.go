//go:build mutants

package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/headrace/headrace/integration/consistency"
	"github.com/headrace/headrace/integration/pgserver"
	"github.com/headrace/headrace/internal/rules"
)

// What a broken rule has to be noticed in.
const (
	mostReads = 200_000
	mostTime  = 5 * time.Minute // for a machine on which so many reads take longer
)

// killing are the rules that only a server breaks which starts again, and how often it does.
var killing = map[rules.Rule]time.Duration{rules.LivesEnd: 3 * time.Second, rules.ErrorsTellNone: 3 * time.Second}

// breakEach breaks each rule of the library in turn.
func breakEach(ctx context.Context, server *pgserver.Server, o options) error {
	var errs []error
	tried, noticed := 0, 0
	for _, rule := range rules.All() {
		if o.only != "" && o.only != rule.String() {
			continue
		}
		tried++
		reads, err := notice(ctx, server, o, rule)
		if err != nil {
			return fmt.Errorf("%s: %w", rule, err)
		}
		if len(reads) < o.runs {
			errs = append(errs, fmt.Errorf("broken and not always noticed: %s", rule))
			continue
		}
		noticed++
	}
	if tried == 0 {
		return fmt.Errorf("there is no rule %q: %v", o.only, rules.All())
	}
	fmt.Printf("%d of %d broken rules noticed in each of %d runs of at most %d reads\n", noticed, tried, o.runs, mostReads)
	return errors.Join(errs...)
}

// notice breaks a rule, prints who noticed, and returns how many reads each run took that did.
func notice(ctx context.Context, server *pgserver.Server, o options, rule rules.Rule) (reads []int64, err error) {
	rules.Broken = rule
	defer func() { rules.Broken = rules.None }()
	began, by := time.Now(), ""
	for i := range o.runs {
		report, err := consistency.Run(ctx, server, consistency.Options{
			Seed: o.Seed + uint64(i), Duration: mostTime, Reads: mostReads, Enough: 1, KillEach: killing[rule], EndEach: o.EndEach,
		})
		if err != nil {
			return nil, err
		}
		if report.Wrong() > 0 {
			reads, by = append(reads, report.Reads), report.First[0]
		}
	}
	slices.Sort(reads)
	fmt.Printf("broken: %-24s noticed in %d of %d runs", rule, len(reads), o.runs)
	if len(reads) > 0 {
		fmt.Printf(", after %d reads (median), %d at most, %.1f s a run: %s", reads[len(reads)/2], reads[len(reads)-1],
			time.Since(began).Seconds()/float64(o.runs), by)
	}
	fmt.Println()
	return reads, nil
}
