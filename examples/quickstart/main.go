// Command quickstart shows headrace with real data. It migrates a schema, loads
// the cities of the world, reads them in pages and from a cache, sees changes,
// and upserts. It uses a new database, on the server in DATABASE_URL or on one
// that it starts.
//
//	go run ./examples/quickstart [-json] [-redis ADDRESS]
//
// It checks its claims, and exits with status 1 if one does not hold. With
// -json it prints [Facts] as one object.
//
// With -redis it also shows two caches that share results in the Redis at the
// address (127.0.0.1:6379, or a URL), or, with -redis local, in one that it
// starts. It removes its keys at the end.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/examples/shared/redisbox"
	"github.com/headrace/headrace/examples/shared/sandbox"
	"github.com/headrace/headrace/querycache"
)

func main() {
	asJSON := flag.Bool("json", false, "print the facts as one JSON object")
	redis := flag.String("redis", "", "also share results in the Redis at this `address`; local starts one")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()

	out := io.Writer(os.Stdout)
	if *asJSON {
		out = os.Stderr // standard output has only the object
	}
	facts, err := run(ctx, out, *redis)
	if err != nil {
		stop()
		fmt.Fprintln(os.Stderr, "quickstart:", err)
		os.Exit(1)
	}
	if *asJSON {
		enc := json.NewEncoder(os.Stdout)
		enc.SetIndent("", "  ")
		_ = enc.Encode(facts)
	}
	for _, claim := range facts.Failed {
		fmt.Fprintln(os.Stderr, "quickstart: claim does not hold:", claim)
	}
	if len(facts.Failed) > 0 {
		stop()
		os.Exit(1)
	}
}

// demo is the state that the steps share.
type demo struct {
	connString string
	pg         *db.DB // reads the current state
	memory     *querycache.Cache
	reads      *querycache.ReadThrough // results may be as old as their policies allow
	redis      *redisbox.Box           // nil without -redis
	out        io.Writer
	facts      Facts
}

func (d *demo) say(format string, args ...any) { fmt.Fprintf(d.out, "  "+format+"\n", args...) }

// run runs all steps in a new database. The address of a Redis may be empty.
func run(ctx context.Context, out io.Writer, redis string) (facts Facts, err error) {
	d := &demo{out: out}
	if redis != "" {
		if d.redis, err = redisbox.Open(ctx, "quickstart", redis); err != nil {
			return Facts{}, fmt.Errorf("-redis: %w", err)
		}
		defer func() { err = errors.Join(err, d.redis.Close(context.WithoutCancel(ctx))) }()
	}
	box, err := sandbox.Open(ctx, "quickstart")
	if err != nil {
		return Facts{}, err
	}
	defer func() { err = errors.Join(err, box.Close(context.WithoutCancel(ctx))) }()

	d.connString, d.facts.Server = box.ConnString, box.Server
	return d.run(ctx)
}

func (d *demo) run(ctx context.Context) (Facts, error) {
	pg, err := db.Open(ctx, d.connString, nil)
	if err != nil {
		return Facts{}, err
	}
	defer pg.Close()
	cache, err := querycache.New(nil)
	if err != nil {
		return Facts{}, err
	}
	defer cache.Close()
	stop, err := cache.Follow(pg)
	if err != nil {
		return Facts{}, err
	}
	defer stop()

	reads, err := cache.ReadThrough(pg, policies)
	if err != nil {
		return Facts{}, err
	}

	d.pg, d.memory, d.reads = pg, cache, reads
	if err := d.steps(ctx); err != nil {
		return Facts{}, err
	}
	d.printStats(cache.Stats())
	d.facts.check()
	return d.facts, nil
}

type step struct {
	title string
	do    func(context.Context) error
}

func (d *demo) steps(ctx context.Context) error {
	steps := []step{
		{"Migrate", d.migrate},
		{"Load by COPY", d.load},
		{"Pages", d.walk},
		{"Cache", d.cache},
		{"Own changes", d.ownChange},
		{"Others' changes", d.othersChange},
		{"Upsert", d.upsert},
	}
	if d.redis != nil {
		steps = append(steps, step{"Two caches", d.share})
	}
	for _, step := range steps {
		fmt.Fprintln(d.out, step.title)
		if err := step.do(ctx); err != nil {
			return fmt.Errorf("%s: %w", step.title, err)
		}
	}
	return nil
}
