package consistency

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"time"

	"github.com/headrace/headrace/integration/tiertest"
	"github.com/headrace/headrace/querycache"
)

// A store is what the further tiers of all caches of a run share.
type store interface {
	// tier returns a Tier for one more cache.
	tier(ctx context.Context) (querycache.Tier, error)

	// fault disturbs the store for a while. When it returns, the store works.
	fault(ctx context.Context, r *rand.Rand, lossy lossFunc)

	// notifies reports whether its Tiers are notified of raises.
	notifies() bool

	// config tells other processes how to open a Tier.
	config() tierConfig

	// prompt reports whether the Tiers have been notified when a raise ends.
	prompt() bool

	close()
}

// A lossFunc calls begin and end, between which a store may lose raises or
// notifications: those of all caches, or only those of the one with a number
// that is not negative.
type lossFunc func(cache int, begin, end func())

// Kinds of stores, for Options.Tiers.
const (
	InMemory  = "memory" // a store in the process (package tiertest)
	Redis     = "redis"
	Table     = "table"
	InMemory2 = "memory-2"     // another one
	Plain     = "memory-plain" // one without notifications
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

func (w *world) openStore(ctx context.Context, kind string) (store, error) {
	switch kind {
	case InMemory, InMemory2, Plain:
		return &memoryStore{Memory: tiertest.NewMemory(kind), plain: kind == Plain}, nil
	case Table:
		return newTableStore(ctx, w)
	case Redis:
		return newRedisStore(ctx, w)
	}
	return nil, fmt.Errorf("there is no store of that kind")
}

// notifies reports whether the Tiers of a store are notified of raises.
func (w *world) notifies() bool { return slices.ContainsFunc(w.stores, store.notifies) }

// prompt reports whether all Tiers have been notified when a raise ends.
func (w *world) prompt() bool {
	return !slices.ContainsFunc(w.stores, func(s store) bool { return !s.prompt() })
}

// tieredBytes is the budget of a cache with further tiers: it does not hold all
// statements, so that many reads reach the tiers.
const tieredBytes = 1 << 20

// tierTimeout is longer than the default, for a machine that is busy.
const tierTimeout = 50 * time.Millisecond

// cacheOptions returns the options of one more cache.
func (w *world) cacheOptions(ctx context.Context) (*querycache.Options, error) {
	o := &querycache.Options{
		OnLookup: func(ctx context.Context, l querycache.Lookup) {
			if why, ok := ctx.Value(reasonKey{}).(*querycache.Reason); ok {
				*why = l.Reason
			}
		},
	}
	o.TierTimeout = tierTimeout
	for _, s := range w.stores {
		t, err := s.tier(ctx)
		if err != nil {
			return nil, err
		}
		o.Tiers, o.MaxBytes = append(o.Tiers, t), tieredBytes
	}
	return o, nil
}

// addOutsider makes a handle with a cache that follows no handle, and learns of
// writes only by way of its tiers.
func (w *world) addOutsider(ctx context.Context) (err error) {
	if len(w.stores) == 0 {
		return nil
	}
	if w.outsider, err = w.open(ctx, handles, "outsider"); err != nil {
		return err
	}
	return w.addCache(ctx, w.outsider)
}

// A calm tells when all raises of the writers are in the stores, and their
// Tiers have been notified. It is not so while a store loses raises or
// notifications.
type calm struct {
	losses    atomic.Int64 // how often that was so
	disturbed atomic.Int32 // the number of stores for which it is so
}

// begin returns the number to pass to lasted, or -1.
func (c *calm) begin() int64 {
	losses := c.losses.Load()
	if c.disturbed.Load() > 0 {
		return -1
	}
	return losses
}

// lasted reports whether it was calm since begin.
func (c *calm) lasted(begun int64) bool { return begun >= 0 && c.losses.Load() == begun }

// without is a lossFunc for store i, and waits until the caches have recovered.
func (c *checker) without(ctx context.Context, i, only int, begin, end func()) {
	c.calm.disturbed.Add(1)
	defer c.calm.disturbed.Add(-1)
	c.calm.losses.Add(1)
	for range 2 { // a cache handles a loss before it raises anything for the next one
		var raises []uint64
		begin()
		for _, cache := range c.w.caches {
			raises = append(raises, cache.Stats().Tiers[i].Raises)
		}
		end()
		for n, cache := range c.w.caches {
			for !c.over() && (cache.Stats().Tiers[i].Raises == raises[n] && (only < 0 || only == n) || !allRaised(cache)) {
				_, _ = c.w.tiers[n][i].Get(ctx, "none", nil) // connects
				sleep(ctx, time.Millisecond)
			}
		}
	}
	for _, v := range c.values {
		v.raised.Store(max(v.raised.Load(), v.known.Load()))
	}
}

// allRaised reports whether all raises of a cache are in its tiers.
func allRaised(cache *querycache.Cache) bool {
	for _, t := range cache.Stats().Tiers {
		if t.Pending > 0 || t.Down || t.Behind {
			return false
		}
	}
	return true
}

// couldBeStored reports whether the outcome of a read shows that its result could
// be stored. A load that another caller has started may have ended otherwise.
func couldBeStored(read querycache.Reason) bool {
	return read != 0 && read < querycache.MissLoadInvalidated && read != querycache.HitCoalesced
}

// noteRaised records that other processes must see the last write, which began
// at a number of calm, and after which a read had an outcome: what that write
// has changed is not in doubt any more if the result could be stored.
func (w *writer) noteRaised(begun int64, read querycache.Reason) {
	if len(w.w.stores) == 0 || !couldBeStored(read) || w.doubts.Load() > 0 {
		return
	}
	for _, h := range w.w.handles {
		if !allRaised(h.cache) {
			return
		}
	}
	w.v.known.Store(w.last)
	if w.calm.lasted(begun) {
		w.v.raised.Store(w.last)
	}
}

// disturbStores disturbs each store again and again.
func (c *checker) disturbStores() (jobs []func(context.Context)) {
	for i, s := range c.w.stores {
		jobs = append(jobs, func(ctx context.Context) {
			for r := c.random(3000 + i); !c.over(); sleep(ctx, time.Duration(20+r.IntN(100))*time.Millisecond) {
				s.fault(ctx, r, func(cache int, begin, end func()) { c.without(ctx, i, cache, begin, end) })
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
type memoryStore struct {
	*tiertest.Memory
	plain bool // without notifications
	tiers []*tiertest.MemoryTier
}

func (s *memoryStore) tier(context.Context) (querycache.Tier, error) {
	t := s.Tier()
	s.tiers = append(s.tiers, t)
	if s.plain {
		return struct{ querycache.Tier }{t}, nil
	}
	return t, nil
}

func (s *memoryStore) close() {}

func (s *memoryStore) notifies() bool { return !s.plain }

func (*memoryStore) config() tierConfig { return tierConfig{} }

func (s *memoryStore) prompt() bool { return !s.plain }

func (s *memoryStore) fault(ctx context.Context, r *rand.Rand, lossy lossFunc) {
	during := func(f tiertest.MemoryFaults, most time.Duration) {
		s.SetFaults(f)
		sleep(ctx, time.Duration(r.Int64N(int64(most))))
		s.SetFaults(tiertest.MemoryFaults{})
	}
	kind := r.IntN(12)
	if s.plain && (kind == 4 || kind > 9) { // nothing notices that raises were missed, and versions must not go back
		kind = 2
	}
	switch kind {
	case 0:
		during(tiertest.MemoryFaults{Down: true}, 30*time.Millisecond)
	case 1:
		during(tiertest.MemoryFaults{Deaf: true}, 30*time.Millisecond)
	case 2:
		during(tiertest.MemoryFaults{Delay: time.Duration(r.IntN(100)) * time.Millisecond}, 200*time.Millisecond)
	case 3:
		during(tiertest.MemoryFaults{Damaged: 4}, 400*time.Millisecond)
	case 4:
		lossy(handles, func() { // the outsider
			s.tiers[handles].Disconnect()
			sleep(ctx, time.Duration(r.IntN(100))*time.Millisecond)
		}, s.tiers[handles].Reconnect)
	case 5:
		s.Flush()
	case 6:
		s.LoseVersions()
	case 7:
		s.Evict()
	case 8, 9:
		during(tiertest.MemoryFaults{ReadOnly: true}, 200*time.Millisecond)
	default:
		s.Save()
		sleep(ctx, time.Duration(r.IntN(100))*time.Millisecond)
		s.SetFaults(tiertest.MemoryFaults{Delay: 10 * time.Millisecond}) // calls are under way
		lossy(-1, func() {}, s.Restore)
		s.SetFaults(tiertest.MemoryFaults{})
	}
}
