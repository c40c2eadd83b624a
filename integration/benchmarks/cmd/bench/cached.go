package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/headrace/headrace/integration/benchmarks/internal/cached"
	"github.com/headrace/headrace/integration/benchmarks/internal/measure"
	"github.com/headrace/headrace/integration/benchmarks/internal/reads"
	"github.com/headrace/headrace/integration/pgserver"
)

// oltpTrace lies beside the repository, where it does at all: it is not ours to
// hand on.
const oltpTrace = "../shared/data/traces/OLTP.lis.zst"

func runCached(ctx context.Context, server *pgserver.Server, o options) ([]measure.Result, error) {
	// The collector's work comes first, while the heap is empty.
	works := []measure.Work{cached.GCWork(o.short)}
	trace, ok := beside(oltpTrace)
	if !ok {
		fmt.Fprintf(os.Stderr, "no %s: hitratio/oltp2000 and hitratio/oltp10000 are left out\n", oltpTrace)
	}
	works = append(works, cached.RatioWorks(trace, o.short)...)
	results, err := runWorks(ctx, works, o)
	if err != nil {
		return nil, err
	}
	more, err := runAnswered(ctx, server, o)
	return append(results, more...), err
}

// runAnswered measures reads of a database, if any of them was asked for.
func runAnswered(ctx context.Context, server *pgserver.Server, o options) (_ []measure.Result, err error) {
	if !slices.ContainsFunc(cached.Works(cached.Database{}), func(w measure.Work) bool { return o.work.MatchString(w.Name) }) {
		return nil, nil
	}
	connString, drop, err := createDatabase(ctx, server)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, drop()) }()
	d := cached.Database{ConnString: connString, Orders: 100_000, Short: o.short}
	if o.short {
		d.Orders = 10_000
	}
	fmt.Fprintf(os.Stderr, "filling tables with %d rows\n", d.Orders)
	if err := reads.Fill(ctx, connString, d.Orders); err != nil {
		return nil, err
	}
	address, stop, err := cached.StartRedis(ctx)
	switch {
	case errors.Is(err, cached.ErrNoRedis):
		fmt.Fprintf(os.Stderr, "%v: redis-json is left out\n", err)
	case err != nil:
		return nil, err
	default:
		defer func() { err = errors.Join(err, stop()) }()
		d.Redis = address
	}
	return runWorks(ctx, cached.Works(d), o)
}

// beside finds a file by its path from the repository's root, if it is there.
func beside(path string) (string, bool) {
	if root, err := repositoryRoot(); err == nil {
		path = filepath.Join(root, path)
	}
	_, err := os.Stat(path)
	return path, err == nil
}

// repositoryRoot is the nearest directory above that has a go.work.
func repositoryRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.work")); err == nil {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("not in the repository")
		}
		dir = parent
	}
}
