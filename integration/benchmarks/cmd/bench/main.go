// Command bench measures headrace beside its peers on a PostgreSQL that it
// starts, or on that of DATABASE_URL.
//
//	go run ./integration/benchmarks/cmd/bench [-only reads|cached|writes] [-work REGEXP] [-short] [-json] [-readme FILE]
//
// It prints a table; with -json one object a line:
//
//	{"work":"read/10000x12/replay","subject":"headrace","metric":"cpu-ns/row","value":452}
//
// The works, of which -work chooses by their names:
//
//	reads   read/1, read/100x10, read/100x12, read/10000x12, read/wide, each also as /replay;
//	        read/100x12/cold/replay, read/10000x12/cold/replay; queryrow/overhead; read/stream1M;
//	        page/1 and page/10000 (half-way through), each /unique, /nullable and /mixed,
//	        and the same behind /flights
//	cached  gc/1M; hitratio/zipf, /scan, /oltp2000, /oltp10000;
//	        cached/hot, /cold, /server-key, /server-page50, /sqlc, /parallel
//	writes  copy/narrow, /wide, /nulls, /indexed, /busy; csv/narrow; insert/1000, /100x7; upsert/1M;
//	        load/bad-rows, /flights, /memory
//
// Those with a program or a file of others are left out where it is missing:
// hitratio/oltp*, page/*/flights and load/flights want files of ../shared/data, copy/busy wants
// pgbench; so are the subjects redis-json, psql and timescaledb-parallel-copy.
// In copy/*, stream is bytes that were encoded before, and floor a COPY that the
// server makes of the same bytes in a file on its own disk, for which the role
// has to be a superuser. There ratio is the median of the rounds' client CPU to
// that of stream, with the bounds of its 95 % confidence interval.
//
// With -short each subject runs three times in place of seven, and for less time
// each. Reads are of tables of 100,000 rows in place of 1,000,000; cached works
// have 10,000 rows in place of 100,000, and hitratio, gc and cached/parallel a
// twentieth of their requests and entries; writes write 50,000 rows in place of
// 1,000,000, a quarter of either in copy/wide, and 200,000 of the 3,000,000
// flights, and load/memory ends at 100 MB in place of 1 GB. Names stay the
// same, but for page/10000, which is page/1000 then.
//
// All subjects of a work are open at once and take turns, in an order shuffled
// each round; figures are medians of rounds. Absolute figures belong to the
// machine: compare those of one run. Works that end in /replay read recorded
// wire bytes and show the client alone; so does queryrow/overhead, whose ratio
// is the median of 30 pairs, with the bounds of its 95 % confidence interval.
//
// In read/*, headrace-append and pgx-scan-append read into a slice of the
// caller's, which is the same each time.
//
// Not every library has part in every work. sqlc and ent are missing in
// read/stream1M: they return slices, and a million rows at once are another
// work. ent is missing in read/wide: it has no arrays without types of the
// program's own, whose Scan methods would be what is measured. sqlc is missing
// in copy/indexed and copy/busy: its code names the table, and does the same as
// in copy/narrow.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"regexp"
	"time"

	"github.com/headrace/headrace/integration/benchmarks/internal/measure"
	"github.com/headrace/headrace/integration/pgserver"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil && !errors.Is(err, flag.ErrHelp) {
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
	readme  string
	measure measure.Options
}

func parse(args []string) (options, error) {
	var o options
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.StringVar(&o.only, "only", "", "one part of the benchmarks: reads, cached or writes")
	work := flags.String("work", "", "regular expression for the works to run: copy/narrow, load/flights and so on (see go doc)")
	flags.BoolVar(&o.short, "short", false, "fewer rounds, and tables of a tenth of the rows or less (see go doc)")
	flags.BoolVar(&o.json, "json", false, "print one JSON object a line")
	flags.StringVar(&o.readme, "readme", "", "a file whose section of numbers to replace, such as README.md")
	seed := flags.Uint64("seed", 1, "of the order of subjects")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if flags.NArg() > 0 {
		return o, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	if _, ok := groups[o.only]; !ok && o.only != "" {
		return o, fmt.Errorf("-only %s: want reads, cached or writes", o.only)
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

func run(ctx context.Context, args []string) (err error) {
	o, err := parse(args)
	if err != nil {
		return err
	}
	server, err := pgserver.Start(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.Close()) }()

	results, err := measureAll(ctx, server, o)
	if err == nil && o.readme != "" {
		err = writeReadme(o.readme, server, results)
	}
	if err != nil || o.json { // JSON is printed as it comes
		return err
	}
	return measure.WriteTable(os.Stdout, results)
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

// runWorks measures those works that were asked for.
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
