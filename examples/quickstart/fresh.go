package main

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/headrace/headrace/db"
)

// cache reads one page from the server and from memory.
func (d *demo) cache(ctx context.Context) error {
	const hits = 100 // a single hit is too short for the clock
	page := func(q db.Querier, times int) func() error {
		return func() error {
			for range times {
				if _, err := cityPages.Page(ctx, q, largestFirst, "", pageSize); err != nil {
					return err
				}
			}
			return nil
		}
	}
	times, err := medians(page(d.pg, 1), page(d.reads, hits))
	if err != nil {
		return err
	}
	f := &d.facts
	f.UncachedUs, f.CachedUs = microseconds(times[0]), microseconds(times[1])/hits
	f.CacheRatio, f.CacheTarget = f.UncachedUs/f.CachedUs, 20
	d.say("the first page from the server: %.0f us; cached: %.1f us", f.UncachedUs, f.CachedUs)
	d.say("uncached / cached: %.0fx (target: at least %.0fx)", f.CacheRatio, f.CacheTarget)
	return nil
}

const (
	berlin int32 = 2950159
	lima   int32 = 3936456
)

// ownChange writes through the handle. The next cached read sees the change.
func (d *demo) ownChange(ctx context.Context) error {
	before, err := d.untilHit(ctx, berlin)
	if err != nil {
		return err
	}
	if _, err := d.pg.Exec(ctx, `UPDATE cities SET population = population + 1 WHERE id = $1`, berlin); err != nil {
		return err
	}
	after, err := cityByID.One(ctx, d.reads, berlin)
	if err != nil {
		return err
	}
	d.facts.OwnChangeSeen = after.Population == before.Population+1
	d.say("changed %s through the handle: %d, then at once %d", before.Name, before.Population, after.Population)
	return nil
}

// othersChange writes through another connection. Cached reads return the old
// entry until its TTL ends, as the policy allows.
func (d *demo) othersChange(ctx context.Context) error {
	other, err := pgx.Connect(ctx, d.connString)
	if err != nil {
		return err
	}
	defer func() { _ = other.Close(context.WithoutCancel(ctx)) }()

	before, err := d.untilHit(ctx, lima)
	if err != nil {
		return err
	}
	stored := time.Now()
	if _, err := other.Exec(ctx, `UPDATE cities SET population = population + 1 WHERE id = $1`, lima); err != nil {
		return err
	}
	early, err := cityByID.One(ctx, d.reads, lima)
	if err != nil {
		return err
	}
	d.facts.OtherUnseen = early.Population == before.Population
	d.say("changed %s by another connection: the cached read still says %d", before.Name, early.Population)

	// Wait a little longer than the TTL.
	if err := sleep(ctx, time.Until(stored.Add(ttl+ttl/4))); err != nil {
		return err
	}
	late, err := cityByID.One(ctx, d.reads, lima)
	if err != nil {
		return err
	}
	d.facts.TTLSeconds = ttl.Seconds()
	d.facts.OtherSeenAfter = late.Population == before.Population+1
	d.say("after its TTL of %v: %d", ttl, late.Population)
	return nil
}

// untilHit reads a city until it is a hit. After the first write of a kind
// nothing is stored for some milliseconds, until the server has reported its
// effects.
func (d *demo) untilHit(ctx context.Context, id int32) (c City, err error) {
	for range 1000 {
		hits := d.memory.Stats().Answered()
		if c, err = cityByID.One(ctx, d.reads, id); err != nil || d.memory.Stats().Answered() > hits {
			return c, err
		}
		if err := sleep(ctx, 5*time.Millisecond); err != nil {
			return c, err
		}
	}
	return c, fmt.Errorf("city %d is not cached", id)
}

func sleep(ctx context.Context, t time.Duration) error {
	timer := time.NewTimer(t)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

func microseconds(t time.Duration) float64 { return float64(t.Nanoseconds()) / 1000 }
