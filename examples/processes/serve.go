package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"time"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/examples/shared/redisbox"
	"github.com/headrace/headrace/querycache"
	"github.com/headrace/headrace/querycache/rediscache"
)

// The environment variables that make this program one of the processes.
const (
	envDatabase = "PROCESSES_DATABASE"
	envRedis    = "PROCESSES_REDIS"
	envPrefix   = "PROCESSES_PREFIX"
)

// ttl is longer than the example runs: what a process sees of the writes of the
// others it sees because of Redis.
const ttl = 10 * time.Minute

// serveIfAsked serves requests and exits, if the environment asks for it. It
// ends with its standard input, also after Ctrl-C.
func serveIfAsked() {
	connString := os.Getenv(envDatabase)
	if connString == "" {
		return
	}
	signal.Ignore(os.Interrupt)
	if err := serve(context.Background(), connString, os.Getenv(envRedis), os.Getenv(envPrefix), os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "processes:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// A server serves reads from a cache with a tier, as each process of a fleet
// does.
type server struct {
	pg    *db.DB
	cache *querycache.Cache
	reads *querycache.ReadThrough
}

// serve opens what a process needs, and serves requests until in ends.
func serve(ctx context.Context, connString, redis, prefix string, in io.Reader, out io.Writer) error {
	pg, err := db.Open(ctx, connString, nil)
	if err != nil {
		return err
	}
	defer pg.Close()
	opts, err := redisbox.Options(redis, prefix)
	if err != nil {
		return err
	}
	tier, err := rediscache.New(ctx, opts)
	if err != nil {
		return err
	}
	defer tier.Close()
	cache, err := querycache.New(&querycache.Options{
		Tiers:       []querycache.Tier{tier},
		TierTimeout: 10 * time.Second, // the default is 10 ms, but the claims hold on a busy machine, too
	})
	if err != nil {
		return err
	}
	defer cache.Close()
	if _, err := cache.Follow(pg); err != nil { // until the cache is closed
		return err
	}
	reads, err := cache.ReadThrough(pg, querycache.Policy{TTL: ttl})
	if err != nil {
		return err
	}
	return (&server{pg, cache, reads}).serve(ctx, in, out)
}

func (s *server) serve(ctx context.Context, in io.Reader, out io.Writer) error {
	requests, replies := json.NewDecoder(in), json.NewEncoder(out)
	for {
		var q request
		if err := requests.Decode(&q); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		r, err := s.do(ctx, &q)
		if err != nil {
			r.Error = fmt.Sprintf("%s: %v", q.Do, err)
		}
		if err := replies.Encode(r); err != nil {
			return err
		}
	}
}

func (s *server) do(ctx context.Context, q *request) (reply, error) {
	switch q.Do {
	case "read":
		return s.read(ctx, q.Countries, q.Await)
	case "write":
		return s.write(ctx, q.Country)
	case "watch":
		return s.watch(ctx, q.Country, q.Until)
	case "count":
		return s.count(), nil
	}
	return reply{}, errors.New("unknown request")
}

// read reads countries, and may wait until Redis has what was loaded.
func (s *server) read(ctx context.Context, names []string, await bool) (r reply, err error) {
	before := s.cache.Stats()
	times := make([]time.Duration, len(names))
	for i, name := range names {
		begin := time.Now()
		t, err := country.One(ctx, s.reads, name)
		if err != nil {
			return r, err
		}
		times[i], r.Population = time.Since(begin), t.Population
	}
	after := s.cache.Stats()
	r.Memory = int(after.Lookups[querycache.Hit] - before.Lookups[querycache.Hit])
	r.Redis = int(after.Lookups[querycache.HitTier] - before.Lookups[querycache.HitTier])
	r.Server = len(names) - r.Memory - r.Redis
	slices.Sort(times)
	r.Median = times[len(times)/2]

	if await {
		stored := before.Tiers[0].Sets + uint64(r.Server)
		_ = poll(30*time.Second, func() bool { // the claims tell
			tier := s.cache.Stats().Tiers[0]
			return tier.Sets >= stored || tier.Down || tier.Pending > 0
		})
	}
	return r, nil
}

// write changes a country through the followed handle, and reads it.
func (s *server) write(ctx context.Context, name string) (r reply, err error) {
	if _, err := s.pg.Exec(ctx, grow, name); err != nil {
		return r, err
	}
	committed := time.Now()
	r, err = s.read(ctx, []string{name}, false)
	r.At = committed
	return r, err
}

// watch reads a country until it has the population.
func (s *server) watch(ctx context.Context, name string, population int64) (r reply, err error) {
	var failed error
	r.Seen = poll(time.Minute, func() bool {
		r.At = time.Now()
		t, err := country.One(ctx, s.reads, name)
		r.Population, failed = t.Population, err
		return err != nil || t.Population == population
	})
	return r, failed
}

// count returns what the cache has counted about its tier.
func (s *server) count() reply {
	t := s.cache.Stats().Tiers[0]
	return reply{
		Hits: t.Hits, Misses: t.Misses, Passed: t.Passed, TierTime: t.Median,
		InUse: !t.Down && t.Pending == 0, LastError: t.LastError,
	}
}

// poll waits for a condition, and reports whether it holds in time.
func poll(patience time.Duration, condition func() bool) bool {
	tick := time.NewTicker(100 * time.Microsecond)
	defer tick.Stop()
	for begin := time.Now(); time.Since(begin) < patience; <-tick.C {
		if condition() {
			return true
		}
	}
	return false
}
