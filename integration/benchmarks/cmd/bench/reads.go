package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/headrace/headrace/integration/benchmarks/internal/measure"
	"github.com/headrace/headrace/integration/benchmarks/internal/reads"
	"github.com/headrace/headrace/integration/pgserver"
)

// groups are the groups of works that -only selects by name.
var groups = map[string]func(context.Context, *pgserver.Server, options) ([]measure.Result, error){
	"reads":  runReads,
	"cached": runCached,
	"writes": runWrites,
}

var groupOrder = []string{"reads", "cached", "writes"}

func runReads(ctx context.Context, server *pgserver.Server, o options) (_ []measure.Result, err error) {
	connString, drop, err := createDatabase(ctx, server)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, drop()) }()
	orders := 1_000_000
	if o.short {
		orders = 100_000
	}
	fmt.Fprintf(os.Stderr, "filling tables with %d rows\n", orders)
	if err := reads.Fill(ctx, connString, orders); err != nil {
		return nil, err
	}
	target, err := reads.NewTarget(connString)
	if err != nil {
		return nil, err
	}
	deep := orders / 2 / reads.PageSize // half-way through the table
	pages, err := reads.Pages(ctx, target, deep)
	if err != nil {
		return nil, err
	}
	works := append(reads.Works(target, orders), pages...)
	path, ok := find(flightsFile)
	if !ok {
		fmt.Fprintf(os.Stderr, "no %s: page/*/flights are left out\n", flightsFile)
		return runWorks(ctx, works, o)
	}
	pages, err = flightPages(ctx, connString, target, path, deep, o)
	if err != nil {
		return nil, err
	}
	return runWorks(ctx, append(works, pages...), o)
}

func flightPages(ctx context.Context, connString string, t reads.Target, path string, deep int, o options) ([]measure.Work, error) {
	if !slices.ContainsFunc(reads.FlightPageNames(deep), o.work.MatchString) {
		return nil, nil // the table is not needed
	}
	rows := 3_000_000
	if o.short {
		rows = 200_000
	}
	fmt.Fprintf(os.Stderr, "filling flights with %d rows\n", rows)
	if err := reads.FillFlights(ctx, connString, path, rows); err != nil {
		return nil, err
	}
	return reads.FlightPages(ctx, t, deep)
}

// createDatabase creates a database for this run, on a server that others may
// use.
func createDatabase(ctx context.Context, server *pgserver.Server) (connString string, drop func() error, err error) {
	name := fmt.Sprintf("headrace_bench_%08x", rand.Uint32())
	quoted := pgx.Identifier{name}.Sanitize()
	if err := execute(ctx, server, "CREATE DATABASE "+quoted); err != nil {
		return "", nil, err
	}
	drop = func() error {
		return execute(context.WithoutCancel(ctx), server, "DROP DATABASE "+quoted+" WITH (FORCE)")
	}
	return server.ConnStringFor(name), drop, nil
}

func execute(ctx context.Context, server *pgserver.Server, sql string) error {
	conn, err := pgx.Connect(ctx, server.ConnString())
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, sql)
	return errors.Join(err, conn.Close(context.WithoutCancel(ctx)))
}
