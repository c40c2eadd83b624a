// Command consistency tests the guarantees of caches that follow their handles
// (package integration/consistency):
//
//	consistency [-duration 60s] [-reads N] [-seed N] [-kill 15s] [-end 1s] [-runs 10] [-only rule] [-quick] [-tiers redis,table] [-fleet]
//
// It runs once without further tiers, and a third of the duration with each
// combination of tiers, in one process or in several that share them. Only the
// combination of -tiers and -fleet runs if -tiers is set.
//
// It prints the checks and violations of each rule, and a summary. In the root
// of the repository it then breaks each rule of the library in turn (package
// integration/consistency/mutants), and prints how many runs detected that, and
// after how many reads. It fails if a rule was violated, if the run did too
// little, or if a broken rule was not detected within 200,000 reads.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/headrace/headrace/integration/consistency"
	"github.com/headrace/headrace/integration/pgserver"
)

type options struct {
	consistency.Options

	runs  int
	only  string
	quick bool
	fleet bool
}

func main() {
	var o options
	flag.DurationVar(&o.Duration, "duration", time.Minute, "`duration` of the run, 0 for no bound")
	flag.Int64Var(&o.Reads, "reads", 0, "`number` of reads, 0 for no bound")
	flag.Uint64Var(&o.Seed, "seed", uint64(time.Now().UnixNano()), "`seed` of random numbers")
	flag.DurationVar(&o.KillEach, "kill", 15*time.Second, "`interval` at which the server is killed, 0 for never")
	flag.DurationVar(&o.EndEach, "end", time.Second, "average `interval` at which the library's own sessions are ended, 0 for never")
	flag.Func("tiers", "`kinds` of further tiers behind the memory of one run: memory, memory-2, memory-plain, redis, table", func(kinds string) error {
		o.Tiers = strings.Split(kinds, ",")
		return nil
	})
	flag.IntVar(&o.runs, "runs", 10, "`number` of runs that must detect each broken rule, 0 to break none")
	flag.StringVar(&o.only, "only", "", "break only this `rule`, or those with names that begin with it, without the run on the unchanged library")
	flag.BoolVar(&o.quick, "quick", false, "break a third of the rules, which the seed selects, and none whose breach takes long to detect")
	flag.BoolVar(&o.fleet, "fleet", false, "with -tiers redis, table or both: run several processes")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if is, err := consistency.Member(ctx); is {
		if err != nil {
			fmt.Fprintln(os.Stderr, "consistency:", err)
			os.Exit(1)
		}
		return
	}
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "consistency:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) error {
	if mutated == "" && o.only == "" {
		if err := withServer(ctx, func(server *pgserver.Server) error { return check(ctx, server, o) }); err != nil {
			return err
		}
	}
	switch {
	case o.runs == 0:
		return nil
	case mutated == "":
		return runMutated(ctx)
	}
	return withServer(ctx, func(server *pgserver.Server) error { return breakEach(ctx, server, o) })
}

func withServer(ctx context.Context, do func(*pgserver.Server) error) (err error) {
	server, err := pgserver.Private(ctx, &pgserver.Options{Settings: consistency.Settings})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.Close()) }()
	return do(server)
}

// A kind is one kind of run: what is behind the memory of the caches, and
// whether several processes share it.
type kind struct {
	tiers []string
	fleet bool
	part  time.Duration // of the duration, as a divisor
}

// kinds are the runs without -tiers.
var kinds = []kind{
	{nil, false, 1},
	{[]string{consistency.InMemory}, false, 3},
	{[]string{consistency.Redis, consistency.Table}, false, 3},
	{[]string{consistency.Redis}, true, 3},
	{[]string{consistency.Redis, consistency.Table}, true, 3},
	{[]string{consistency.Table}, true, 3},
}

func check(ctx context.Context, server *pgserver.Server, o options) error {
	if o.Tiers != nil {
		return checkKind(ctx, server, o, kind{o.Tiers, o.fleet, 1})
	}
	for _, k := range kinds {
		if err := checkKind(ctx, server, o, k); err != nil {
			return err
		}
	}
	return nil
}

func checkKind(ctx context.Context, server *pgserver.Server, o options, k kind) error {
	run := consistency.Run
	if k.fleet {
		run = consistency.RunFleet
	}
	o.Tiers, o.Duration = k.tiers, o.Duration/k.part
	fmt.Printf("tiers %v, several processes: %t\n", k.tiers, k.fleet)
	report, err := run(ctx, server, o.Options)
	if err != nil {
		return err
	}
	fmt.Printf("%s; seed %d\n\n", report, o.Seed)
	return report.Err()
}
