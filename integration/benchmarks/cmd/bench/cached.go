package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/headrace/headrace/integration/benchmarks/internal/cached"
	"github.com/headrace/headrace/integration/benchmarks/internal/measure"
	"github.com/headrace/headrace/integration/benchmarks/internal/reads"
	"github.com/headrace/headrace/integration/pgserver"
)

func runCached(ctx context.Context, server *pgserver.Server, o options) (_ []measure.Result, err error) {
	connString, drop, err := createDatabase(ctx, server)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, drop()) }()
	orders := 100_000
	if o.short {
		orders = 10_000
	}
	fmt.Fprintf(os.Stderr, "filling tables with %d rows\n", orders)
	if err := reads.Fill(ctx, connString, orders); err != nil {
		return nil, err
	}
	return runWorks(ctx, cached.Works(connString, orders), o)
}
