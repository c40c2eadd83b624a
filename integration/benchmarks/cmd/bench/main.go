// Command bench measures headrace beside other libraries, on a PostgreSQL
// server that it starts, or on that of DATABASE_URL.
//
//	go run ./integration/benchmarks/cmd/bench [flags]
//
// It prints a table; with -json one object a line:
//
//	{"work":"read/10000x12/replay","subject":"headrace","metric":"cpu-ns/row","value":452}
//
// # Works
//
// A work is a task that several subjects do. -work chooses works by their
// names, -only by their group:
//
//	reads   read/1, read/100x10, read/100x12, read/10000x12, read/wide, each also as /replay;
//	        read/100x12/cold/replay, read/10000x12/cold/replay; queryrow/overhead; read/stream1M;
//	        page/1 and page/10000 (half-way through), each /unique, /nullable and /mixed,
//	        and the same on flights (page/1/flights/unique)
//	cached  gc/1M; hitratio/zipf, /scan, /oltp2000, /oltp10000;
//	        cached/hot, /cold, /server-key, /server-page50, /sqlc, /parallel;
//	        tier/page50, /key, /aggregate, /memory, /dead-page50, /dead-key, /notify,
//	        /commit, /commit5
//	writes  copy/narrow, /wide, /nulls, /indexed, /busy; csv/narrow; insert/1000, /100x7; upsert/1M;
//	        load/bad-rows, /flights, /memory
//
// BENCHMARKS.md describes each work and each subject.
//
// Works and subjects that need a program or file that is missing are left out.
// hitratio/oltp*, page/*/flights and load/flights need files of ../shared/data;
// copy/busy needs pgbench; what reads from a Redis, tier/memory, tier/dead-* and
// tier/notify need redis-server; the subjects psql and timescaledb-parallel-copy
// need those programs; floor in copy/* needs a superuser.
//
// # Method
//
// All subjects of a work are open at once and take turns, in an order that is
// shuffled each round; figures are medians of the rounds. Absolute figures
// belong to the machine: compare figures of one run. Works that end in /replay
// read recorded bytes and measure the client alone, as does queryrow/overhead.
// Its ratios, and those of copy/* and tier/*, are medians of the rounds' CPU and
// time relative to one subject, with the bounds of their 95 % confidence
// intervals.
//
// With -short each subject runs three times instead of seven, and for less time
// each. Tables have 100,000 rows instead of 1,000,000 for reads and 10,000
// instead of 100,000 for cached reads; hitratio, gc and cached/parallel have a
// twentieth of the requests and entries; writes write 50,000 rows instead of
// 1,000,000, a quarter of either in copy/wide, and 200,000 of the 3,000,000
// flights; load/memory ends at 100 MB instead of 1 GB. Names of works stay the
// same, except that page/10000 is page/1000.
//
// # Pages
//
// -save adds the run to a file of results; it replaces results of the same
// works in that file. -readme renders the numbers of README.md, BENCHMARKS.md
// and results/chart.svg from the file. With -from nothing is measured:
//
//	bench -save integration/benchmarks/results/results.jsonl
//	bench -from integration/benchmarks/results/results.jsonl -readme README.md
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"regexp"
	"time"

	"github.com/headrace/headrace/integration/benchmarks/internal/measure"
	"github.com/headrace/headrace/integration/benchmarks/internal/report"
	"github.com/headrace/headrace/integration/pgserver"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		stop()
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// options are the command line.
type options struct {
	only    string
	work    *regexp.Regexp
	short   bool
	json    bool
	save    string
	from    string
	readme  string
	measure measure.Options
}

func parse(args []string) (options, error) {
	var o options
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.StringVar(&o.only, "only", "", "measure one `group` of works: reads, cached or writes")
	work := flags.String("work", "", "measure the works whose names match a `regexp`, such as copy/narrow")
	flags.BoolVar(&o.short, "short", false, "fewer rounds and less data (see go doc)")
	flags.BoolVar(&o.json, "json", false, "print one JSON object a line")
	flags.StringVar(&o.save, "save", "", "add the results to a `file`, replacing those of the same works")
	flags.StringVar(&o.from, "from", "", "measure nothing: take the results of a `file` that -save wrote")
	flags.StringVar(&o.readme, "readme", "", "render the numbers of this `README.md`, BENCHMARKS.md beside it and the chart; needs -save or -from")
	seed := flags.Uint64("seed", 1, "seed of the order of subjects")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if flags.NArg() > 0 {
		return o, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	if _, ok := groups[o.only]; !ok && o.only != "" {
		return o, fmt.Errorf("-only %s: want reads, cached or writes", o.only)
	}
	switch {
	case o.from != "" && (o.save != "" || o.readme == ""):
		return o, errors.New("-from needs -readme, and excludes -save")
	case o.readme != "" && o.from == "" && o.save == "":
		return o, errors.New("-readme needs -save or -from")
	case o.save != "" && o.short:
		return o, errors.New("-save excludes -short, whose works have less data than their descriptions say")
	}
	var err error
	if o.work, err = regexp.Compile(*work); err != nil {
		return o, fmt.Errorf("-work: %w", err)
	}
	o.measure = measure.Options{Seed: *seed}
	if o.short {
		o.measure.Rounds, o.measure.Slice = 3, 40*time.Millisecond
	}
	return o, nil
}

func run(ctx context.Context, args []string) error {
	o, err := parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return nil
	case err != nil:
		return err
	}
	if o.from == "" {
		if err := measureAndPrint(ctx, o, args); err != nil {
			return err
		}
	}
	if o.readme == "" {
		return nil
	}
	runs, err := report.Load(cmp.Or(o.from, o.save))
	if err != nil {
		return err
	}
	return report.Write(o.readme, runs)
}

func measureAndPrint(ctx context.Context, o options, args []string) (err error) {
	server, err := pgserver.Start(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.Close()) }()

	saved := report.NewRun(server.Version(), args)
	saved.Results, err = measureAll(ctx, server, o)
	if err == nil && o.save != "" {
		err = report.Save(o.save, saved)
	}
	if err != nil || o.json { // JSON is printed as it comes
		return err
	}
	return measure.WriteTable(os.Stdout, saved.Results)
}

func measureAll(ctx context.Context, server *pgserver.Server, o options) ([]measure.Result, error) {
	var all []measure.Result
	for _, name := range groupOrder {
		if o.only != "" && o.only != name {
			continue
		}
		results, err := groups[name](ctx, server, o)
		if err != nil {
			return nil, err
		}
		all = append(all, results...)
	}
	return all, nil
}

// runWorks measures the works that -work selects.
func runWorks(ctx context.Context, works []measure.Work, o options) ([]measure.Result, error) {
	var all []measure.Result
	for _, w := range works {
		if !o.work.MatchString(w.Name) {
			continue
		}
		fmt.Fprintln(os.Stderr, "measuring", w.Name)
		results, err := measure.Run(ctx, w, o.measure)
		if err != nil {
			return nil, err
		}
		if o.json {
			if err := measure.WriteJSON(os.Stdout, results); err != nil {
				return nil, err
			}
		}
		all = append(all, results...)
	}
	return all, nil
}
