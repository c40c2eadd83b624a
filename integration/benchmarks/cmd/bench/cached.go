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
	"github.com/headrace/headrace/integration/redisserver"
)

// oltpTrace is outside the repository, since it is not ours to publish, and may
// be missing.
const oltpTrace = "../shared/data/traces/OLTP.lis.zst"

func runCached(ctx context.Context, server *pgserver.Server, o options) ([]measure.Result, error) {
	// The garbage collector is measured first, while the heap is empty.
	works := []measure.Work{cached.GCWork(o.short)}
	trace, ok := find(oltpTrace)
	if !ok {
		fmt.Fprintf(os.Stderr, "no %s: hitratio/oltp2000 and hitratio/oltp10000 are left out\n", oltpTrace)
	}
	works = append(works, cached.RatioWorks(trace, o.short)...)
	results, err := runWorks(ctx, works, o)
	if err != nil {
		return nil, err
	}
	more, err := runQueries(ctx, server, o)
	return append(results, more...), err
}

// runQueries measures cached reads of a database, if -work selects any.
func runQueries(ctx context.Context, server *pgserver.Server, o options) (_ []measure.Result, err error) {
	some := cached.Database{Redis: "some"}
	all := append(cached.Works(some), cached.TierWorks(some)...)
	if !slices.ContainsFunc(all, func(w measure.Work) bool { return o.work.MatchString(w.Name) }) {
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
	redis, err := redisserver.Start(ctx, nil)
	switch {
	case errors.Is(err, redisserver.ErrNotInstalled):
		fmt.Fprintf(os.Stderr, "%v: works and subjects that need Redis are left out\n", err)
	case err != nil:
		return nil, err
	default:
		defer func() { err = errors.Join(err, redis.Close()) }()
		d.Redis = redis.Addr()
	}
	return runWorks(ctx, append(cached.Works(d), cached.TierWorks(d)...), o)
}

// find returns a path from the repository's root, and reports whether it
// exists.
func find(path string) (string, bool) {
	if root, err := repositoryRoot(); err == nil {
		path = filepath.Join(root, path)
	}
	_, err := os.Stat(path)
	return path, err == nil
}

// repositoryRoot returns the nearest parent directory with a go.work.
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
