package consistency

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/headrace/headrace/integration/tiertest"
	"github.com/headrace/headrace/querycache"
)

// A store is what the further tiers of all caches of a run share.
type store interface {
	// tier returns a Tier for one more cache.
	tier(ctx context.Context) (querycache.Tier, error)

	// fault disturbs the store for a while. When it returns, the store works.
	fault(ctx context.Context, r *rand.Rand)

	close()
}

// Kinds of stores, for Options.Tiers.
const (
	InMemory = "memory" // a store in the process (package tiertest)
)

// openStores opens the stores of a run.
func (w *world) openStores(ctx context.Context) error {
	for _, kind := range w.opts.Tiers {
		s, err := w.openStore(ctx, kind)
		if err != nil {
			return fmt.Errorf("open the store %s: %w", kind, err)
		}
		w.stores = append(w.stores, s)
		w.close = append(w.close, s.close)
	}
	return nil
}

func (w *world) openStore(_ context.Context, kind string) (store, error) {
	if kind == InMemory {
		return memoryStore{tiertest.NewMemory(InMemory)}, nil
	}
	return nil, fmt.Errorf("there is no store of that kind")
}

// tieredBytes is the budget of a cache with further tiers: it does not hold all
// statements, so that many reads reach the tiers.
const tieredBytes = 1 << 20

// cacheOptions returns the options of one more cache.
func (w *world) cacheOptions(ctx context.Context) (*querycache.Options, error) {
	o := &querycache.Options{
		OnLookup: func(ctx context.Context, l querycache.Lookup) {
			if why, ok := ctx.Value(reasonKey{}).(*querycache.Reason); ok {
				*why = l.Reason
			}
		},
	}
	for _, s := range w.stores {
		t, err := s.tier(ctx)
		if err != nil {
			return nil, err
		}
		o.Tiers, o.MaxBytes = append(o.Tiers, t), tieredBytes
	}
	return o, nil
}

// disturbStores disturbs each store again and again.
func (c *checker) disturbStores() (jobs []func(context.Context)) {
	for i, s := range c.w.stores {
		jobs = append(jobs, func(ctx context.Context) {
			for r := c.random(3000 + i); !c.over(); sleep(ctx, time.Duration(50+r.IntN(200))*time.Millisecond) {
				s.fault(ctx, r)
				c.faults.Add(1)
			}
		})
	}
	return jobs
}

// countTiers adds the counts of the tiers of all caches to a report.
func (c *checker) countTiers(r *Report) {
	for i, kind := range c.w.opts.Tiers {
		n := TierCounts{Kind: kind}
		for _, cache := range c.w.caches {
			s := cache.Stats().Tiers[i]
			n.Hits += s.Hits
			n.Misses += s.Misses
			n.Passed += s.Passed
			n.Errors += s.Errors
		}
		r.Tiers = append(r.Tiers, n)
	}
}

// A memoryStore is a store in the process.
type memoryStore struct{ *tiertest.Memory }

func (s memoryStore) tier(context.Context) (querycache.Tier, error) { return s.Tier(), nil }

func (s memoryStore) close() {}

func (s memoryStore) fault(ctx context.Context, r *rand.Rand) {
	during := func(f tiertest.MemoryFaults, most time.Duration) {
		s.SetFaults(f)
		sleep(ctx, time.Duration(r.Int64N(int64(most))))
		s.SetFaults(tiertest.MemoryFaults{})
	}
	switch r.IntN(9) {
	case 0:
		during(tiertest.MemoryFaults{Down: true}, 30*time.Millisecond)
	case 1:
		during(tiertest.MemoryFaults{Deaf: true}, 30*time.Millisecond)
	case 2:
		during(tiertest.MemoryFaults{Delay: time.Duration(r.IntN(20)) * time.Millisecond}, 100*time.Millisecond)
	case 3:
		during(tiertest.MemoryFaults{Damaged: 4}, 400*time.Millisecond)
	case 4:
		during(tiertest.MemoryFaults{Unconnected: true}, 100*time.Millisecond)
	case 5:
		s.Flush()
	case 6:
		s.LoseVersions()
	case 7:
		s.Evict()
	case 8:
		s.Save()
		sleep(ctx, time.Duration(r.IntN(300))*time.Millisecond)
		s.Restore()
	}
}
