//go:build mutants

package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/integration/consistency"
	"github.com/headrace/headrace/integration/pgserver"
	"github.com/headrace/headrace/querycache"
)

// What a broken rule has to be noticed in.
const (
	mostReads = 200_000
	mostTime  = 5 * time.Minute // for a machine on which so many reads take longer
)

// breakEach breaks each rule of the library in turn.
func breakEach(ctx context.Context, server *pgserver.Server, o options) error {
	var errs []error
	rules, noticed := 0, 0
	for _, library := range []struct {
		name   string
		rules  []string
		breaks func(string)
	}{{"db", db.Rules(), db.Break}, {"querycache", querycache.Rules(), querycache.Break}} {
		for _, rule := range library.rules {
			if o.only != "" && o.only != rule {
				continue
			}
			rules++
			library.breaks(rule)
			reads, err := notice(ctx, server, o)
			library.breaks("")
			if err != nil {
				return fmt.Errorf("%s: %w", rule, err)
			}
			fmt.Printf("broken: %-10s %-24s noticed in %d of %d runs", library.name, rule, len(reads), o.runs)
			if len(reads) > 0 {
				fmt.Printf(", after %d reads (median), %d at most", reads[len(reads)/2], reads[len(reads)-1])
			}
			fmt.Println()
			if len(reads) < o.runs {
				errs = append(errs, fmt.Errorf("broken and not always noticed: %s", rule))
				continue
			}
			noticed++
		}
	}
	fmt.Printf("%d of %d broken rules noticed in each of %d runs of at most %d reads\n", noticed, rules, o.runs, mostReads)
	return errors.Join(errs...)
}

// notice returns how many reads each run took that noticed.
func notice(ctx context.Context, server *pgserver.Server, o options) (reads []int64, err error) {
	for i := range o.runs {
		report, err := consistency.Run(ctx, server, consistency.Options{
			Seed: o.Seed + uint64(i), Duration: mostTime, Reads: mostReads, Enough: 1,
		})
		if err != nil {
			return nil, err
		}
		if report.Wrong() > 0 {
			reads = append(reads, report.Reads)
		}
	}
	slices.Sort(reads)
	return reads, nil
}
