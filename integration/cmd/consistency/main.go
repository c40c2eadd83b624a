// Command consistency checks by force what caches that follow their handles promise (package integration/consistency):
//
//	consistency [-duration 60s] [-reads N] [-seed N] [-kill 15s] [-end 1s] [-runs 10] [-only rule]
//
// It prints a line for each rule, with how often it was judged and violated, and one that sums up. Run in the root of the
// repository it goes on to break each rule of the library in turn (package integration/consistency/mutants), and prints
// in how many of the runs that was noticed, and after how many reads. It fails if an answer was wrong, if the run saw too
// little to tell, or if a broken rule was not noticed within 200,000 reads.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/headrace/headrace/integration/consistency"
	"github.com/headrace/headrace/integration/pgserver"
)

type options struct {
	consistency.Options

	runs int
	only string
}

func main() {
	var o options
	flag.DurationVar(&o.Duration, "duration", time.Minute, "how long, 0 for as long as -reads takes")
	flag.Int64Var(&o.Reads, "reads", 0, "how many reads, 0 for as many as -duration allows")
	flag.Uint64Var(&o.Seed, "seed", uint64(time.Now().UnixNano()), "of what is random")
	flag.DurationVar(&o.KillEach, "kill", 15*time.Second, "how often the server is killed, 0 for never")
	flag.DurationVar(&o.EndEach, "end", time.Second, "how often sessions of the library's own are ended, about, 0 for never")
	flag.IntVar(&o.runs, "runs", 10, "how many runs each broken rule has to be noticed in, 0 to break none")
	flag.StringVar(&o.only, "only", "", "break this `rule` alone, and check nothing else")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "consistency:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) error {
	if mutated == "" && o.only == "" {
		if err := withServer(ctx, func(server *pgserver.Server) error { return check(ctx, server, o.Options) }); err != nil {
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

func check(ctx context.Context, server *pgserver.Server, o consistency.Options) error {
	report, err := consistency.Run(ctx, server, o)
	if err != nil {
		return err
	}
	fmt.Printf("%s; seed %d\n", report, o.Seed)
	return report.Err()
}
