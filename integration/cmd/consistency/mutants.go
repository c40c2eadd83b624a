package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/headrace/headrace/integration/consistency"
	"github.com/headrace/headrace/integration/consistency/mutants"
	"github.com/headrace/headrace/integration/pgserver"
)

// The limits within which a run must detect a broken rule.
const (
	mostReads = 200_000
	mostTime  = 5 * time.Minute // for machines that need longer for so many reads
)

// killing are the rules that only a restart of the server reveals, with the
// interval of restarts.
var killing = map[string]time.Duration{"restart-invalidates": 3 * time.Second, "errors-identify-nothing": 3 * time.Second}

// quickPart is the part of the rules that a quick run breaks, as a divisor. The
// seed selects them.
const quickPart = 3

// slow are the rules whose breach takes many reads to detect.
var slow = map[string]bool{"tier-raised-first": true, "tier-versions-first": true, "tier-age-counts": true, "one-schema": true}

// tiersFor returns the tiers of the caches for a broken rule.
func tiersFor(rule string) []string {
	switch {
	case rule == "tier-raised-first", rule == "tier-versions-first": // others would be notified of the raises of the next caches
		return []string{consistency.Plain}
	case strings.HasPrefix(rule, "tier-upwards-"):
		return []string{consistency.InMemory, consistency.InMemory2}
	case strings.HasPrefix(rule, "tier-"):
		return []string{consistency.InMemory}
	}
	return nil
}

// mutated is "yes" in a build with the mutants.
var mutated string

const command = "./integration/cmd/consistency"

// runMutated builds this program with the mutants, from the root of the
// repository, and runs it with the same arguments.
func runMutated(ctx context.Context) (err error) {
	dir, err := os.MkdirTemp("", "mutants")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	overlay, err := mutants.Overlay(".", dir)
	if err != nil {
		return err
	}
	program := filepath.Join(dir, "consistency")
	build := exec.CommandContext(ctx, "go", "build", "-overlay", overlay, "-ldflags", "-X main.mutated=yes", "-o", program, command)
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build with the mutants: %w\n%s", err, out)
	}
	run := exec.CommandContext(ctx, program, os.Args[1:]...)
	run.Stdout, run.Stderr = os.Stdout, os.Stderr
	run.Cancel = func() error { return run.Process.Signal(os.Interrupt) }
	return run.Run()
}

// breakEach breaks each rule of the library in turn.
func breakEach(ctx context.Context, server *pgserver.Server, o options) error {
	all, err := mutants.All()
	if err != nil {
		return err
	}
	var errs []error
	tried, detected := 0, 0
	for i, m := range all {
		if !strings.HasPrefix(m.Name, o.only) || o.quick && (slow[m.Name] || i%quickPart != int(o.Seed%quickPart)) {
			continue
		}
		tried++
		reads, err := detect(ctx, server, o, m.Name)
		if err != nil {
			return fmt.Errorf("%s: %w", m.Name, err)
		}
		if len(reads) < o.runs {
			errs = append(errs, fmt.Errorf("not detected in every run: %s: %s", m.Name, m.Rule))
			continue
		}
		detected++
	}
	if tried == 0 {
		return fmt.Errorf("there is no rule %q", o.only)
	}
	fmt.Printf("%d of %d broken rules were detected in each of %d runs of at most %d reads\n", detected, tried, o.runs, mostReads)
	return errors.Join(errs...)
}

// detect breaks a rule, prints which rules of the checker detected that, and
// returns the number of reads of each run that did.
func detect(ctx context.Context, server *pgserver.Server, o options, rule string) (reads []int64, err error) {
	mutants.Break(rule)
	defer mutants.Break("")
	began, by := time.Now(), ""
	for i := range o.runs {
		report, err := consistency.Run(ctx, server, consistency.Options{
			Seed: o.Seed + uint64(i), Duration: mostTime, Reads: mostReads, Enough: 1, KillEach: killing[rule], EndEach: o.EndEach,
			Tiers: tiersFor(rule),
		})
		if err != nil {
			return nil, err
		}
		if report.Wrong() > 0 {
			reads, by = append(reads, report.Reads), report.First[0]
		}
	}
	slices.Sort(reads)
	fmt.Printf("broken: %-26s detected in %d of %d runs", rule, len(reads), o.runs)
	if len(reads) > 0 {
		fmt.Printf(", after %d reads (median), %d at most, %.1f s a run: %s", reads[len(reads)/2], reads[len(reads)-1],
			time.Since(began).Seconds()/float64(o.runs), by)
	}
	fmt.Println()
	return reads, nil
}
