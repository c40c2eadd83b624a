package cached

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redis/rueidis"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/migrations"
	"github.com/headrace/headrace/querycache"
	"github.com/headrace/headrace/querycache/rediscache"
	"github.com/headrace/headrace/querycache/tablecache"
)

// A tier is a way to open a further tier.
type tier struct {
	subject string
	open    func(ctx context.Context) (querycache.Tier, func(), error)
}

// redisTier is a tier on the Redis at address.
func redisTier(subject, address string) tier {
	return tier{subject, func(ctx context.Context) (querycache.Tier, func(), error) {
		t, err := rediscache.New(ctx, rediscache.Options{Client: rueidis.ClientOption{InitAddress: []string{address}}})
		if err != nil {
			return nil, nil, err
		}
		return t, t.Close, nil
	}}
}

// tableTier is a tier in tables of the database that is read.
func tableTier(subject, connString string) tier {
	return tier{subject, func(ctx context.Context) (querycache.Tier, func(), error) {
		pg, err := openDB(ctx, connString)
		if err != nil {
			return nil, nil, err
		}
		defer pg.Close()
		if err := migrations.Install(ctx, pg.Pool()); err != nil {
			return nil, nil, err
		}
		t, err := tablecache.New(ctx, connString, nil)
		if err != nil {
			return nil, nil, err
		}
		return t, t.Close, nil
	}}
}

// noTier has no further tier.
var noTier = tier{"no-tier", func(context.Context) (querycache.Tier, func(), error) { return nil, func() {}, nil }}

// tiered is a cached handle with a further tier.
type tiered struct {
	pg    *db.DB
	cache *querycache.Cache
	reads *querycache.ReadThrough
	close func()
}

const (
	littleMemory = 64 << 10 // the least that Options.MaxBytes allows
	muchMemory   = 64 << 20
)

// openTiered opens a cached handle over a tier. Its timeout is such that a busy
// machine does not take a tier down; 0 is the default.
func openTiered(ctx context.Context, connString string, t tier, memory int64, timeout time.Duration) (_ *tiered, err error) {
	h := new(tiered)
	if h.pg, err = openDB(ctx, connString); err != nil {
		return nil, err
	}
	h.close = h.pg.Close
	defer func() {
		if err != nil {
			h.close()
		}
	}()
	store, closeTier, err := t.open(ctx)
	if err != nil {
		return nil, err
	}
	h.close = func() { closeTier(); h.pg.Close() }
	options := querycache.Options{MaxBytes: memory, TierTimeout: timeout}
	if store != nil {
		options.Tiers = []querycache.Tier{store}
	}
	if h.cache, err = querycache.New(&options); err != nil {
		return nil, err
	}
	h.close = func() { h.cache.Close(); closeTier(); h.pg.Close() }
	if _, err = h.cache.Follow(h.pg); err != nil {
		return nil, err
	}
	h.reads, err = h.cache.ReadThrough(h.pg, querycache.Policy{TTL: ttl, Shared: true})
	return h, err
}

const patient = 5 * time.Second

var errNotServed = errors.New("not all reads were served by the tier")

// awaitSets waits until the tier has so many values.
func (h *tiered) awaitSets(ctx context.Context, n int) error {
	for until := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
		s := h.cache.Stats().Tiers[0]
		switch {
		case s.Sets >= uint64(n):
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case time.Now().After(until):
			return fmt.Errorf("the tier has %d values, want %d: %s", s.Sets, n, s.LastError)
		}
	}
}

// proveTierHits returns an error unless all reads since the fill were served by
// the tier, and not by memory.
func (h *tiered) proveTierHits(fills int) error {
	s := h.cache.Stats()
	if t := s.Tiers[0]; t.Misses != uint64(fills) || t.Passed > 0 || t.Errors > 0 || s.Lookups[querycache.Hit] > 0 {
		return fmt.Errorf("%w: %v, %+v", errNotServed, s.Lookups, t)
	}
	return nil
}
