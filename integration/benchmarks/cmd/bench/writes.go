package main

import (
	"context"
	"errors"

	"github.com/headrace/headrace/integration/benchmarks/internal/measure"
	"github.com/headrace/headrace/integration/benchmarks/internal/writes"
	"github.com/headrace/headrace/integration/pgserver"
)

func runWrites(ctx context.Context, server *pgserver.Server, o options) (_ []measure.Result, err error) {
	connString, drop, err := createDatabase(ctx, server)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, drop()) }()
	target, err := writes.NewTarget(connString)
	if err != nil {
		return nil, err
	}
	rows := 1_000_000
	if o.short {
		rows = 50_000
	}
	return runWorks(ctx, writes.Works(target, rows), o)
}
