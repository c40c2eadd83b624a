package cached

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/rueidis"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/integration/benchmarks/internal/measure"
	"github.com/headrace/headrace/integration/benchmarks/internal/shop"
	"github.com/headrace/headrace/migrations"
	"github.com/headrace/headrace/querycache"
	"github.com/headrace/headrace/querycache/rediscache"
	"github.com/headrace/headrace/querycache/tablecache"
)

// tierKeys is the number of results that are read in turn: many more than
// memory holds, so that nearly all reads are served from the tier.
const tierKeys = 3000

// littleMemory bounds the memory of caches whose tier is measured.
const littleMemory = 1 << 20

// tierTimeout does not pass on a busy machine.
const tierTimeout = 5 * time.Second

var (
	ordersFrom = db.MustCompile[shop.Order12]("SELECT " + columns + " FROM orders WHERE id > $1 ORDER BY id LIMIT 50")
	// ordersOf computes something about each row that takes the server longer.
	ordersOf = db.MustCompile[shop.Order12]("SELECT " + columns + ` FROM orders o WHERE id > $1
		AND (SELECT count(*) FROM orders WHERE customer_id = o.customer_id AND quantity >= o.quantity AND id % 1000 < 1000) > 0 ORDER BY id LIMIT 50`)
)

// tierWorks returns the works of further tiers.
func tierWorks(d Database) []measure.Work {
	page := measure.Seen{Rows: 50}
	works := []measure.Work{
		{Name: "tier/redis", Expect: page, Subjects: []measure.Subject{
			tierPages("headrace", d, ordersFrom, redisTier(d)), pagesOfServer(d, ordersFrom), redisPages(d),
		}},
		{Name: "tier/redis/row", Expect: measure.Seen{Rows: 1}, Subjects: []measure.Subject{
			tierRows("headrace", d, redisTier(d)), rowsOfServer(d),
		}},
		{Name: "tier/redis-dead", Expect: page, Baseline: "headrace-no-tier", Rounds: 30, Subjects: []measure.Subject{
			tierPages("headrace", d, ordersFrom, deadTier), tierPages("headrace-no-tier", d, ordersFrom, nil),
		}},
		{Name: "tier/table", Expect: page, Subjects: []measure.Subject{
			tierPages("headrace", d, ordersFrom, tableTier(d)), pagesOfServer(d, ordersFrom),
		}},
		{Name: "tier/notify", Subjects: []measure.Subject{notified(d), pinged(d)}},
	}
	return works
}

// An openTier returns a tier.
type openTier func(ctx context.Context) (querycache.Tier, func(), error)

func redisTier(d Database) openTier {
	return func(ctx context.Context) (querycache.Tier, func(), error) {
		tier, err := rediscache.New(ctx, rediscache.Options{Client: rueidis.ClientOption{InitAddress: []string{d.Redis}}})
		if err != nil {
			return nil, nil, err
		}
		return tier, tier.Close, nil
	}
}

func tableTier(d Database) openTier {
	return func(ctx context.Context) (querycache.Tier, func(), error) {
		pg, err := openDB(ctx, d.ConnString)
		if err != nil {
			return nil, nil, err
		}
		defer pg.Close()
		if err := migrations.Install(ctx, pg.Pool()); err != nil {
			return nil, nil, err
		}
		tier, err := tablecache.New(ctx, d.ConnString, nil)
		if err != nil {
			return nil, nil, err
		}
		return tier, tier.Close, nil
	}
}

// deadTier is a tier whose server is not there.
func deadTier(ctx context.Context) (querycache.Tier, func(), error) {
	port, err := freePort(ctx)
	if err != nil {
		return nil, nil, err
	}
	address := "127.0.0.1:" + strconv.Itoa(port)
	tier, err := rediscache.New(ctx, rediscache.Options{Client: rueidis.ClientOption{InitAddress: []string{address}}})
	if err != nil {
		return nil, nil, err
	}
	return tier, tier.Close, nil
}

// openTiered returns a cached handle with little memory and a tier, if there is
// one.
func openTiered(ctx context.Context, d Database, open openTier, onLookup func(context.Context, querycache.Lookup)) (cache *querycache.Cache, reads *querycache.ReadThrough, pg *db.DB, closeAll func(), err error) {
	closeAll = func() {}
	opts := &querycache.Options{MaxBytes: littleMemory, TierTimeout: tierTimeout, OnLookup: onLookup}
	if open != nil {
		tier, closeTier, err := open(ctx)
		if err != nil {
			return nil, nil, nil, nil, err
		}
		opts.Tiers, closeAll = []querycache.Tier{tier}, closeTier
	}
	if pg, err = openDB(ctx, d.ConnString); err != nil {
		closeAll()
		return nil, nil, nil, nil, err
	}
	closeAll = chain(pg.Close, closeAll)
	if cache, err = querycache.New(opts); err == nil {
		closeAll = chain(cache.Close, closeAll)
		if _, err = cache.Follow(pg); err == nil {
			reads, err = cache.ReadThrough(pg, querycache.Policy{TTL: ttl})
		}
	}
	if err != nil {
		closeAll()
		return nil, nil, nil, nil, err
	}
	return cache, reads, pg, closeAll, nil
}

func chain(first, then func()) func() { return func() { first(); then() } }

// tierPages reads pages of 50 through a cache whose memory holds few of them.
func tierPages(name string, d Database, stmt *db.Stmt[shop.Order12], open openTier) measure.Subject {
	return measure.Subject{Name: name, Open: func(ctx context.Context) (measure.Op, func(), error) {
		cache, reads, _, closeAll, err := openTiered(ctx, d, open, nil)
		if err != nil {
			return nil, nil, err
		}
		op := pagesOf(reads, stmt)
		for range tierKeys {
			if _, err := op(ctx); err != nil {
				closeAll()
				return nil, nil, err
			}
		}
		return op, chain(func() { complain(name, cache) }, closeAll), nil
	}}
}

// complain reports a tier that has served few reads.
func complain(name string, cache *querycache.Cache) {
	for _, s := range cache.Stats().Tiers {
		if all := s.Hits + s.Misses + s.Passed; !s.Down && s.Hits*10 < (all-min(all, tierKeys))*9 {
			fmt.Printf("%s: only %d of %d reads were served by tier %s: %s\n", name, s.Hits, all, s.Name, s.LastError)
		}
	}
}

func pagesOf(q db.Querier, stmt *db.Stmt[shop.Order12]) measure.Op {
	next := 0
	return func(ctx context.Context) (measure.Seen, error) {
		next = (next + 1) % tierKeys
		rows, err := stmt.All(ctx, q, next)
		return measure.Seen{Rows: len(rows)}, err
	}
}

func pagesOfServer(d Database, stmt *db.Stmt[shop.Order12]) measure.Subject {
	return measure.Subject{Name: "server", Open: func(ctx context.Context) (measure.Op, func(), error) {
		pg, err := openDB(ctx, d.ConnString)
		if err != nil {
			return nil, nil, err
		}
		return pagesOf(pg, stmt), pg.Close, nil
	}}
}

// redisPages reads the pages as JSON by go-redis.
func redisPages(d Database) measure.Subject {
	key := func(n int) string { return "page:" + strconv.Itoa(n) }
	return measure.Subject{Name: "redis-json", Open: func(ctx context.Context) (measure.Op, func(), error) {
		pg, err := openDB(ctx, d.ConnString)
		if err != nil {
			return nil, nil, err
		}
		defer pg.Close()
		client := redis.NewClient(&redis.Options{Addr: d.Redis})
		closeClient := func() { _ = client.Close() }
		for n := range tierKeys {
			rows, err := ordersFrom.All(ctx, pg, n)
			text, jsonErr := json.Marshal(rows)
			if err := errors.Join(err, jsonErr, client.Set(ctx, key(n), text, ttl).Err()); err != nil {
				closeClient()
				return nil, nil, err
			}
		}
		next := 0
		return func(ctx context.Context) (measure.Seen, error) {
			next = (next + 1) % tierKeys
			text, err := client.Get(ctx, key(next)).Bytes()
			if err != nil {
				return measure.Seen{}, err
			}
			var rows []shop.Order12
			err = json.Unmarshal(text, &rows)
			return measure.Seen{Rows: len(rows)}, err
		}, closeClient, nil
	}}
}

func tierRows(name string, d Database, open openTier) measure.Subject {
	return measure.Subject{Name: name, Open: func(ctx context.Context) (measure.Op, func(), error) {
		const keys = 10 * tierKeys // which memory does not hold
		_, reads, _, closeAll, err := openTiered(ctx, d, open, nil)
		if err != nil {
			return nil, nil, err
		}
		op := rowsOf(reads, min(keys, d.Orders))
		for range min(keys, d.Orders) {
			if _, err := op(ctx); err != nil {
				closeAll()
				return nil, nil, err
			}
		}
		return op, closeAll, nil
	}}
}

func rowsOf(q db.Querier, keys int) measure.Op {
	next := 0
	return func(ctx context.Context) (measure.Seen, error) {
		next = (next + 1) % keys
		_, err := orderByID.One(ctx, q, int64(next)+1)
		return measure.Seen{Rows: 1}, err
	}
}

func rowsOfServer(d Database) measure.Subject {
	return measure.Subject{Name: "server", Open: func(ctx context.Context) (measure.Op, func(), error) {
		pg, err := openDB(ctx, d.ConnString)
		if err != nil {
			return nil, nil, err
		}
		return rowsOf(pg, d.Orders), pg.Close, nil
	}}
}

// The times of a work that has no operation of its own.
const (
	median = "median-ns"
	p99    = "p99-ns"
)

// notifications is the number of writes that are timed.
const notifications = 1000

// notified measures the time from the end of a commit in one cache until a read
// of another, with connections of its own, begins that its memory does not
// serve.
func notified(d Database) measure.Subject {
	return measure.Subject{Name: "headrace", Extra: func(ctx context.Context) (map[string]float64, error) {
		_, _, writer, closeWriter, err := openTiered(ctx, d, redisTier(d), nil)
		if err != nil {
			return nil, err
		}
		defer closeWriter()
		var missed time.Time
		_, reads, _, closeReader, err := openTiered(ctx, d, redisTier(d), func(_ context.Context, l querycache.Lookup) {
			if l.Reason != querycache.Hit {
				missed = time.Now().Add(-l.Took)
			}
		})
		if err != nil {
			return nil, err
		}
		defer closeReader()
		var times []time.Duration
		for range notifications {
			for range 2 { // the second read is served from memory
				if _, err := orderByID.One(ctx, reads, int64(1)); err != nil {
					return nil, err
				}
			}
			if _, err := writer.Exec(ctx, "UPDATE orders SET quantity = quantity WHERE id = 1"); err != nil {
				return nil, err
			}
			begun := time.Now()
			for missed = (time.Time{}); missed.IsZero(); {
				if _, err := orderByID.One(ctx, reads, int64(1)); err != nil {
					return nil, err
				}
			}
			times = append(times, missed.Sub(begun))
		}
		return quantiles(times), nil
	}}
}

// pinged measures a PING by the client that the tier uses.
func pinged(d Database) measure.Subject {
	return measure.Subject{Name: "redis-ping", Extra: func(ctx context.Context) (map[string]float64, error) {
		client, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{d.Redis}})
		if err != nil {
			return nil, err
		}
		defer client.Close()
		var times []time.Duration
		for range notifications {
			begun := time.Now()
			if err := client.Do(ctx, client.B().Ping().Build()).Error(); err != nil {
				return nil, err
			}
			times = append(times, time.Since(begun))
		}
		return quantiles(times), nil
	}}
}

func quantiles(times []time.Duration) map[string]float64 {
	slices.Sort(times)
	return map[string]float64{median: float64(times[len(times)/2]), p99: float64(times[len(times)*99/100])}
}
