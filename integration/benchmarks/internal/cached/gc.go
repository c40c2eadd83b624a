package cached

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"time"

	"github.com/Yiling-J/theine-go"
	"github.com/dgraph-io/ristretto/v2"
	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/maypok86/otter/v2"

	"github.com/headrace/headrace/integration/benchmarks/internal/measure"
	"github.com/headrace/headrace/querycache"
)

// small is the value of a small entry.
type small struct {
	id int64
	_  [3]int64
}

// dataBytes is the size of an entry's key and value.
const dataBytes = 8 + 32

// GCWork measures the cost of many small entries for the garbage collector, and
// their memory beyond their data. One cache holds them at a time.
func GCWork(isShort bool) measure.Work {
	entries := 1_000_000
	if isShort {
		entries /= 20
	}
	w := measure.Work{Name: "gc/1M"}
	for _, h := range holders {
		w.Subjects = append(w.Subjects, measure.Subject{Name: h.name, Extra: func(ctx context.Context) (map[string]float64, error) {
			return costOf(ctx, h.open, entries)
		}})
	}
	return w
}

// holder is a cache of small values.
type holder struct {
	get   func(key int64) (*small, bool)
	set   func(key int64, value *small)
	close func()
}

// holders have room for a tenth more than the entries, so that all are held.
var holders = []struct {
	name string
	open func(ctx context.Context, entries int) (holder, error)
}{
	{"headrace", func(ctx context.Context, entries int) (holder, error) {
		cache, err := querycache.New(&querycache.Options{MaxBytes: int64(entries) << 10})
		if err != nil {
			return holder{}, err
		}
		aside, err := querycache.NewAside(cache, querycache.AsideOptions[int64, *small]{
			Policy: querycache.Policy{TTL: ttl, Shared: true},
			Load:   func(context.Context, int64) (*small, error) { return nil, errNotKept },
		})
		if err != nil {
			cache.Close()
			return holder{}, err
		}
		return holder{
			func(key int64) (*small, bool) { v, err := aside.Get(ctx, key); return v, err == nil },
			func(key int64, v *small) { aside.Set(ctx, key, v) },
			cache.Close,
		}, nil
	}},
	{"otter", func(_ context.Context, entries int) (holder, error) {
		c, err := otter.New(&otter.Options[int64, *small]{
			MaximumSize: entries, ExpiryCalculator: otter.ExpiryWriting[int64, *small](ttl),
		})
		if err != nil {
			return holder{}, err
		}
		return holder{c.GetIfPresent, func(k int64, v *small) { c.Set(k, v) }, func() { c.StopAllGoroutines() }}, nil
	}},
	{"ristretto", func(_ context.Context, entries int) (holder, error) {
		c, err := ristretto.NewCache(&ristretto.Config[int64, *small]{
			NumCounters: int64(entries) * 10, MaxCost: int64(entries), BufferItems: 64, IgnoreInternalCost: true,
		})
		if err != nil {
			return holder{}, err
		}
		return holder{c.Get, func(k int64, v *small) { c.SetWithTTL(k, v, 1, ttl); c.Wait() }, c.Close}, nil
	}},
	{"theine", func(_ context.Context, entries int) (holder, error) {
		c, err := theine.NewBuilder[int64, *small](int64(entries)).Build()
		if err != nil {
			return holder{}, err
		}
		return holder{c.Get, func(k int64, v *small) { c.SetWithTTL(k, v, 1, ttl) }, c.Close}, nil
	}},
	{"golang-lru", func(_ context.Context, entries int) (holder, error) {
		c, err := lru.New[int64, *small](entries)
		if err != nil {
			return holder{}, err
		}
		return holder{c.Get, func(k int64, v *small) { c.Add(k, v) }, func() {}}, nil
	}},
	{"sync.Map", func(context.Context, int) (holder, error) {
		m := new(mapOf)
		return holder{m.get, m.set, func() {}}, nil
	}},
}

var errNotKept = errors.New("not kept")

// costOf fills a cache and reports how much it adds to a cycle of the garbage
// collector, and to the heap.
func costOf(ctx context.Context, open func(context.Context, int) (holder, error), entries int) (map[string]float64, error) {
	before, heapBefore := cycles()
	h, err := open(ctx, entries+entries/10)
	if err != nil {
		return nil, err
	}
	defer h.close()
	for key := range int64(entries) {
		h.set(key, &small{id: key})
	}
	after, heapAfter := cycles()
	held := 0
	for key := range int64(entries) {
		v, ok := h.get(key)
		if !ok {
			continue
		}
		if held++; v.id != key {
			return nil, errWrongValue
		}
	}
	if held < entries*99/100 {
		return nil, fmt.Errorf("%d of %d entries are held", held, entries)
	}
	return map[string]float64{
		measure.NsPerOp:       after.wall - before.wall,
		measure.CPUPerOp:      after.cpu - before.cpu,
		measure.BytesPerEntry: (heapAfter-heapBefore)/float64(held) - dataBytes,
	}, nil
}

// cycle is the time of a cycle of the garbage collector, in ns.
type cycle struct{ wall, cpu float64 }

// cycles runs some and returns their median time, their mean CPU time (whose
// clock is too coarse for a single cycle), and the bytes of the heap after
// them.
func cycles() (usual cycle, heap float64) {
	const n = 15
	walls := make([]float64, n)
	for range 2 { // what is no longer needed, and what its finalizers needed
		runtime.GC()
	}
	cpu := measure.CPUTime()
	for i := range walls {
		begin := time.Now()
		runtime.GC()
		walls[i] = float64(time.Since(begin))
	}
	cpu = measure.CPUTime() - cpu
	slices.Sort(walls)
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return cycle{walls[n/2], float64(cpu) / n}, float64(m.HeapAlloc)
}
