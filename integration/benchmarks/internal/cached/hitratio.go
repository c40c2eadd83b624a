package cached

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"

	"github.com/Yiling-J/theine-go"
	"github.com/dgraph-io/ristretto/v2"
	"github.com/hashicorp/golang-lru/arc/v2"
	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/maypok86/otter/v2"

	"github.com/headrace/headrace/integration/benchmarks/internal/measure"
	"github.com/headrace/headrace/querycache"
)

// RatioWorks returns the works that measure the share of requests that hit.
// Works on the trace of a real database are left out if its file is missing.
func RatioWorks(oltp string, short bool) []measure.Work {
	divisor := 1
	if short {
		divisor = 20
	}
	works := []measure.Work{
		ratioWork("zipf", zipfEntries/divisor, func() (trace, error) { return zipfTrace(zipfRequests, divisor, false), nil }),
		ratioWork("scan", zipfEntries/divisor, func() (trace, error) { return zipfTrace(scanRequests, divisor, true), nil }),
	}
	if _, err := os.Stat(oltp); err != nil {
		return works
	}
	for _, entries := range []int{2000, 10_000} {
		works = append(works, ratioWork(fmt.Sprintf("oltp%d", entries), entries, func() (trace, error) {
			t, err := readTrace(oltp)
			if short {
				t.keys = t.keys[:len(t.keys)/divisor]
			}
			return t, err
		}))
	}
	return works
}

func ratioWork(name string, entries int, load func() (trace, error)) measure.Work {
	w := measure.Work{Name: "hitratio/" + name}
	var t trace
	var most float64
	ready := sync.OnceValue(func() (err error) {
		if t, err = load(); err == nil {
			most = t.belady(entries)
		}
		return err
	})
	w.Subjects = []measure.Subject{{Name: "belady", Extra: func(context.Context) (map[string]float64, error) {
		err := ready()
		return map[string]float64{measure.HitRatio: most}, err
	}}}
	for _, p := range pagers {
		w.Subjects = append(w.Subjects, measure.Subject{Name: p.name, Extra: func(ctx context.Context) (map[string]float64, error) {
			if err := ready(); err != nil {
				return nil, err
			}
			c, err := p.open(ctx, entries)
			if err != nil {
				return nil, err
			}
			defer c.close()
			ratio, err := t.ratio(func(_ int, key uint32) (bool, error) { return c.ask(uint64(key)) })
			return map[string]float64{measure.HitRatio: ratio, measure.OfBelady: ratio / most}, err
		}})
	}
	return w
}

// pager is a cache whose values equal their keys.
type pager struct {
	ask   func(key uint64) (hit bool, err error)
	close func()
}

// pagers are the caches whose ratios are compared. Those that decide later on
// other goroutines are waited for, so that the ratio is that of their policy.
var pagers = []struct {
	name string
	open func(ctx context.Context, entries int) (pager, error)
}{
	{"headrace", headracePager},
	{"otter", otterPager},
	{"ristretto", ristrettoPager},
	{"theine", theinePager},
	{"golang-lru", func(_ context.Context, entries int) (pager, error) {
		c, err := lru.New[uint64, uint64](entries)
		return asking(c.Get, func(k, v uint64) { c.Add(k, v) }, func() {}), err
	}},
	{"golang-lru-2q", func(_ context.Context, entries int) (pager, error) {
		c, err := lru.New2Q[uint64, uint64](entries)
		return asking(c.Get, c.Add, func() {}), err
	}},
	{"golang-lru-arc", func(_ context.Context, entries int) (pager, error) {
		c, err := arc.NewARC[uint64, uint64](entries)
		return asking(c.Get, c.Add, func() {}), err
	}},
}

var errWrongValue = errors.New("the value is another key's")

func asking(get func(uint64) (uint64, bool), set func(k, v uint64), closeFn func()) pager {
	return pager{func(key uint64) (bool, error) {
		value, ok := get(key)
		switch {
		case !ok:
			set(key, key)
		case value != key:
			return true, errWrongValue
		}
		return ok, nil
	}, closeFn}
}

func otterPager(_ context.Context, entries int) (pager, error) {
	c, err := otter.New(&otter.Options[uint64, uint64]{MaximumSize: entries, Executor: func(fn func()) { fn() }})
	if err != nil {
		return pager{}, err
	}
	return asking(c.GetIfPresent, func(k, v uint64) { c.Set(k, v) }, func() { c.StopAllGoroutines() }), nil
}

func ristrettoPager(_ context.Context, entries int) (pager, error) {
	c, err := ristretto.NewCache(&ristretto.Config[uint64, uint64]{
		NumCounters: int64(entries) * 10, MaxCost: int64(entries), BufferItems: 64, IgnoreInternalCost: true,
	})
	if err != nil {
		return pager{}, err
	}
	return asking(c.Get, func(k, v uint64) { c.Set(k, v, 1); c.Wait() }, c.Close), nil
}

func theinePager(_ context.Context, entries int) (pager, error) {
	c, err := theine.NewBuilder[uint64, uint64](int64(entries)).Build()
	if err != nil {
		return pager{}, err
	}
	return asking(c.Get, func(k, v uint64) { c.Set(k, v, 1); c.Wait() }, c.Close), nil
}

func headracePager(ctx context.Context, entries int) (pager, error) {
	budget, err := budgetFor(ctx, entries)
	if err != nil {
		return pager{}, err
	}
	p, _, err := openAside(ctx, budget)
	return p, err
}

// openAside is an Aside on a cache.
func openAside(ctx context.Context, budget int64) (pager, *querycache.Cache, error) {
	cache, err := querycache.New(&querycache.Options{MaxBytes: budget})
	if err != nil {
		return pager{}, nil, err
	}
	missed := false
	aside, err := querycache.NewAside(cache, querycache.AsideOptions[uint64, uint64]{
		Policy: querycache.Policy{TTL: -1},
		Load: func(_ context.Context, key uint64) (uint64, error) {
			missed = true
			return key, nil
		},
	})
	if err != nil {
		cache.Close()
		return pager{}, nil, err
	}
	return pager{func(key uint64) (bool, error) {
		missed = false
		value, err := aside.Get(ctx, key)
		if err == nil && value != key {
			err = errWrongValue
		}
		return !missed, err
	}, cache.Close}, cache, nil
}

// budgetFor finds the greatest MaxBytes into which no more than so many entries
// fit. It fills caches to find it, because shards round the size of entries.
func budgetFor(ctx context.Context, entries int) (int64, error) {
	low, high := int64(64<<10), int64(entries)<<10
	for high-low > max(int64(entries)/10, 64) {
		middle := (low + high) / 2
		n, err := fits(ctx, middle, entries)
		if err != nil {
			return 0, err
		}
		if n > entries {
			high = middle
		} else if low = middle; n == entries {
			break
		}
	}
	return low, nil
}

// fits returns how many entries a cache holds after more were added.
func fits(ctx context.Context, budget int64, entries int) (int, error) {
	p, cache, err := openAside(ctx, budget)
	if err != nil {
		return 0, err
	}
	defer p.close()
	for key := range uint64(entries) * 2 {
		if _, err := p.ask(key); err != nil {
			return 0, err
		}
	}
	return cache.Stats().Entries, nil
}
