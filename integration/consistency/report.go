package consistency

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// A Report is the result of a run.
type Report struct {
	Seed uint64

	Reads  int64 // reads that were checked
	Failed int64 // reads that failed because of a fault
	Hits   int64 // the part of Reads that was served from a cache
	Writes int64
	Lost   int64 // the part of Writes with an unknown outcome
	Faults int64 // connections cut, sessions ended, servers killed and stores disturbed

	Tiers []TierCounts // of all caches

	Checks     [rules]int64 // checks of each rule
	Violations [rules]int64 // violations of each rule

	rules []Rule // that the run checks; nil for all of one process

	First    []string // descriptions of the first violations
	Uncached []string // cacheable values that were never served from a cache
}

// TierCounts are the counts of the reads that reached one kind of further
// tiers.
type TierCounts struct {
	Kind                         string
	Hits, Misses, Passed, Errors uint64
}

// String returns the counts as one line.
func (t TierCounts) String() string {
	return fmt.Sprintf("tier %s: %d hits, %d misses, %d passed over, %d errors", t.Kind, t.Hits, t.Misses, t.Passed, t.Errors)
}

// Wrong returns the number of violations of all rules.
func (r *Report) Wrong() (n int64) {
	for _, count := range r.Violations {
		n += count
	}
	return n
}

const (
	fewReads      = 10_000 // with tiers so many may check nothing that is rare
	leastHits     = 15     // percent of the reads
	leastTierHits = 20     // for the first tier
)

// applies reports whether the run checks a rule.
func (r *Report) applies(rule Rule) bool {
	if r.rules != nil {
		return slices.Contains(r.rules, rule)
	}
	return rule != Explained && (rule != Elsewhere || len(r.Tiers) > 0)
}

// Err returns an error if a rule was violated, or if the run did too little to
// detect violations.
func (r *Report) Err() error {
	var errs []error
	if n := r.Wrong(); n > 0 {
		errs = append(errs, fmt.Errorf("seed %d: %d violations in %d reads: %s", r.Seed, n, r.Reads, strings.Join(r.First, "; ")))
	}
	if r.Reads == 0 || r.Failed*5 > r.Reads || len(r.Tiers) == 0 && (r.Hits*100 < leastHits*r.Reads || r.Writes*100 < r.Reads || r.Lost == 0) {
		errs = append(errs, fmt.Errorf("seed %d: the run did too little: %s", r.Seed, r.sum()))
	}
	if len(r.Tiers) > 0 && r.Tiers[0].Hits < leastTierHits { // a later one is read only while the first one fails
		errs = append(errs, fmt.Errorf("seed %d: too few hits: %s", r.Seed, r.Tiers[0]))
	}
	if len(r.Uncached) > 0 && len(r.Tiers) == 0 {
		errs = append(errs, fmt.Errorf("seed %d: never served from the cache: %s", r.Seed, strings.Join(r.Uncached, ", ")))
	}
	for rule, n := range r.Checks {
		if n == 0 && r.applies(Rule(rule)) && (len(r.Tiers) == 0 || r.Reads > fewReads) {
			errs = append(errs, fmt.Errorf("seed %d: never checked: %s", r.Seed, Rule(rule)))
		}
	}
	return errors.Join(errs...)
}

// String returns one line for each rule and a summary.
func (r *Report) String() string {
	var b strings.Builder
	for rule, n := range r.Checks {
		if !r.applies(Rule(rule)) && n == 0 {
			continue
		}
		fmt.Fprintf(&b, "%-34s %10d checks %6d violations\n", Rule(rule), n, r.Violations[rule])
	}
	for _, t := range r.Tiers {
		fmt.Fprintln(&b, t)
	}
	return b.String() + r.sum()
}

func (r *Report) sum() string {
	of := func(n int64) float64 { return 100 * float64(n) / float64(max(1, r.Reads)) }
	return fmt.Sprintf("%d reads, %.1f %% from the cache, %d failed; %d writes (%.1f %%), %d in doubt; %d faults; %d violations",
		r.Reads, of(r.Hits), r.Failed, r.Writes, of(r.Writes), r.Lost, r.Faults, r.Wrong())
}

// counts are what a run counts. They have no pointers, so that processes can
// share them.
type counts struct {
	reads, failed, hits, writes, lost, faults atomic.Int64

	checks, violations [rules]atomic.Int64
}

// A tally counts the checks of many goroutines.
type tally struct {
	*counts
	out io.Writer // for the descriptions of violations; nil to keep them

	mu    sync.Mutex
	first []string // guarded by mu
}

const mostFirst = 5

// check counts a check. Unless ok, it counts a violation and records its
// description.
func (t *tally) check(rule Rule, ok bool, format string, args ...any) {
	t.checks[rule].Add(1)
	if ok {
		return
	}
	t.violations[rule].Add(1)
	t.describe(rule.String() + ": " + fmt.Sprintf(format, args...))
}

// describe records the description of a violation.
func (t *tally) describe(violation string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case t.out != nil:
		_, _ = fmt.Fprintln(t.out, violation)
	case len(t.first) < mostFirst:
		t.first = append(t.first, violation)
	}
}

func (t *tally) wrong() (n int64) {
	for i := range t.violations {
		n += t.violations[i].Load()
	}
	return n
}

func (t *tally) report(seed uint64) *Report {
	r := &Report{
		Seed: seed, Reads: t.reads.Load(), Failed: t.failed.Load(), Hits: t.hits.Load(), Writes: t.writes.Load(),
		Lost: t.lost.Load(), Faults: t.faults.Load(), First: t.first,
	}
	for i := range r.Checks {
		r.Checks[i], r.Violations[i] = t.checks[i].Load(), t.violations[i].Load()
	}
	return r
}
