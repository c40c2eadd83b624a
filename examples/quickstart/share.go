package main

import (
	"context"
	"errors"
	"time"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/querycache"
	"github.com/headrace/headrace/querycache/rediscache"

	"github.com/headrace/headrace/examples/shared/redisbox"
)

// What both caches read.
const (
	sharedCities = 200
	sharedPages  = 5
	sharedTTL    = time.Minute
)

// A member has what each process of a fleet has: a handle, a tier and a cache.
type member struct {
	pg    *db.DB
	tier  *rediscache.Tier
	cache *querycache.Cache
	reads *querycache.ReadThrough
}

// join opens the handle, the tier and the cache of a process.
func (d *demo) join(ctx context.Context) (m *member, err error) {
	m = new(member)
	defer func() {
		if err != nil {
			m.close()
		}
	}()
	if m.pg, err = db.Open(ctx, d.connString, nil); err != nil {
		return nil, err
	}
	opts, err := redisbox.Options(d.redis.Address, d.redis.Prefix)
	if err != nil {
		return nil, err
	}
	if m.tier, err = rediscache.New(ctx, opts); err != nil {
		return nil, err
	}
	m.cache, err = querycache.New(&querycache.Options{
		Tiers:       []querycache.Tier{m.tier},
		TierTimeout: 10 * time.Second, // the default is 10 ms, but the claims hold on a busy machine, too
	})
	if err != nil {
		return nil, err
	}
	if _, err = m.cache.Follow(m.pg); err != nil { // until the cache is closed
		return nil, err
	}
	m.reads, err = m.cache.ReadThrough(m.pg, querycache.Policy{TTL: sharedTTL})
	return m, err
}

func (m *member) close() {
	if m.cache != nil {
		m.cache.Close()
	}
	if m.tier != nil {
		m.tier.Close()
	}
	if m.pg != nil {
		m.pg.Close()
	}
}

// share makes the same reads through two caches, as two processes would do, and
// writes through one of their handles.
func (d *demo) share(ctx context.Context) error {
	first, err := d.join(ctx)
	if err != nil {
		return err
	}
	defer first.close()
	second, err := d.join(ctx)
	if err != nil {
		return err
	}
	defer second.close()

	d.facts.Redis = &RedisFacts{Address: d.redis.Name(), Reads: sharedCities + sharedPages}
	if err := d.shareReads(ctx, first, second); err != nil {
		return err
	}
	return d.shareChanges(ctx, first, second)
}

// shareReads makes the same reads through the first cache, which loads them,
// and through the second.
func (d *demo) shareReads(ctx context.Context, first, second *member) error {
	rows, err := someCities.All(ctx, d.pg, sharedCities)
	if err != nil {
		return err
	}
	if _, _, err := readAll(ctx, first.reads, rows); err != nil {
		return err
	}
	f := d.facts.Redis
	if _, err := await(ctx, func() bool { return first.cache.Stats().Tiers[0].Sets >= uint64(f.Reads) }); err != nil {
		return err
	}
	if f.CityRedisUs, f.PageRedisMs, err = readAll(ctx, second.reads, rows); err != nil {
		return err
	}
	f.Served = int(second.cache.Stats().Lookups[querycache.HitTier])
	if f.CityServerUs, f.PageServerMs, err = readAll(ctx, second.pg, rows); err != nil {
		return err
	}
	d.say("after %d reads of the first cache, Redis (%s) served %d of the same reads of the second", f.Reads, f.Address, f.Served)
	d.say("a city by key from the server: %.0f us, from Redis: %.0f us", f.CityServerUs, f.CityRedisUs)
	d.say("a page by OFFSET from the server: %.1f ms, from Redis: %.2f ms", f.PageServerMs, f.PageRedisMs)
	return nil
}

// readAll reads the cities one by one, which is cheap, and pages by OFFSET,
// which is expensive. It returns the median times.
func readAll(ctx context.Context, q db.Querier, rows []City) (cityUs, pageMs float64, err error) {
	city := func(i int) error {
		_, err := cityByID.One(ctx, q, rows[i].ID)
		return err
	}
	page := func(i int) error {
		_, err := cityOffset.All(ctx, q, pageSize, (middlePage+i)*pageSize)
		return err
	}
	cityTime, err := medianOf(len(rows), city)
	if err != nil {
		return 0, 0, err
	}
	pageTime, err := medianOf(sharedPages, page)
	return microseconds(cityTime), milliseconds(pageTime), err
}

// shareChanges writes through the first handle. The second cache has the old
// row in memory, whose TTL is a minute, and learns of each commit from Redis.
func (d *demo) shareChanges(ctx context.Context, first, second *member) error {
	f := d.facts.Redis
	var delays []time.Duration
	for range rounds {
		delay, seen, err := changeSeen(ctx, first, second)
		if err != nil {
			return err
		}
		if seen {
			f.ChangesSeen++
		}
		delays = append(delays, delay)
	}
	f.Changes, f.ChangeMs = rounds, milliseconds(median(delays))
	d.say("of %d changes through the first handle, the memory of the second cache saw %d, each %.2f ms after the commit (TTL: %v)",
		f.Changes, f.ChangesSeen, f.ChangeMs, sharedTTL)
	return nil
}

// changeSeen changes a city, and returns the time from the commit until the
// second cache returns the new row.
func changeSeen(ctx context.Context, first, second *member) (delay time.Duration, seen bool, err error) {
	before, err := cityByID.One(ctx, second.reads, berlin)
	if err != nil {
		return 0, false, err
	}
	if _, err := first.pg.Exec(ctx, `UPDATE cities SET population = population + 1 WHERE id = $1`, berlin); err != nil {
		return 0, false, err
	}
	committed := time.Now()
	var failed error
	seen, err = await(ctx, func() bool {
		after, err := cityByID.One(ctx, second.reads, berlin)
		failed = err
		return err != nil || after.Population == before.Population+1
	})
	return time.Since(committed), seen, errors.Join(err, failed)
}

// await polls a condition for half of the TTL, and reports whether it holds.
func await(ctx context.Context, condition func() bool) (bool, error) {
	for begin := time.Now(); time.Since(begin) < sharedTTL/2; {
		if condition() {
			return true, nil
		}
		if err := sleep(ctx, 100*time.Microsecond); err != nil {
			return false, err
		}
	}
	return false, nil
}
