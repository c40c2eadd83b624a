package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/headrace/headrace/integration/benchmarks/internal/measure"
	"github.com/headrace/headrace/integration/benchmarks/internal/writes"
	"github.com/headrace/headrace/integration/pgserver"
)

// flightsFile is outside the repository, and may be missing.
const flightsFile = "../shared/data/flights-3m.parquet"

func runWrites(ctx context.Context, server *pgserver.Server, o options) (_ []measure.Result, err error) {
	connString, drop, err := createDatabase(ctx, server)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, drop()) }()
	target, err := writes.NewTarget(ctx, connString)
	if err != nil {
		return nil, err
	}
	if !target.HasFloor() {
		fmt.Fprintln(os.Stderr, "the role is no superuser: floor is left out of copy/*")
	}
	rows := 1_000_000
	if o.short {
		rows = 50_000
	}
	works := writes.Works(target, rows)
	if path, ok := find(flightsFile); ok {
		flights := 3_000_000
		if o.short {
			flights = 200_000
		}
		works = append(works, writes.Flights(target, path, flights))
	} else {
		fmt.Fprintf(os.Stderr, "no %s: load/flights is left out\n", flightsFile)
	}
	results, err := runWorks(ctx, works, o)
	if err != nil || !o.work.MatchString("load/memory") {
		return results, err
	}
	memory, err := measureMemory(ctx, target, o)
	return append(results, memory...), err
}

// measureMemory is not a measure.Work, since it has no rounds.
func measureMemory(ctx context.Context, target writes.Target, o options) ([]measure.Result, error) {
	sizes := []int64{10e6, 100e6, 1e9}
	if o.short {
		sizes = sizes[:2]
	}
	fmt.Fprintln(os.Stderr, "measuring load/memory")
	results, err := writes.LoadMemory(ctx, target, sizes)
	if err == nil && o.json {
		err = measure.WriteJSON(os.Stdout, results)
	}
	return results, err
}
