package querycache

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/internal/cacheapi"
)

type city struct {
	ID         int
	Name       string
	Country    string
	Population int64
}

var (
	cityByID = db.MustCompile[city]("SELECT id, name, country, population FROM cities WHERE id = $1 AND country = $2")
	cityPage = db.MustCompile[city]("SELECT id, name, country, population FROM cities WHERE id > $1 ORDER BY id LIMIT 50")
)

// filler is a cached handle whose loads return a value of the test's.
type filler struct {
	*ReadThrough
	value any
	size  int64
}

func (f filler) Load(ctx context.Context, r *cacheapi.Read, _ func(context.Context, cacheapi.Querier) (any, int64, error)) (any, bool, error) {
	return f.ReadThrough.Load(ctx, r, func(context.Context, cacheapi.Querier) (any, int64, error) { return f.value, f.size, nil })
}

func (o *offline) fill(id int) {
	ctx := context.Background()
	c := &city{id, "city", "DE", 1}
	if got, err := cityByID.One(ctx, filler{o.reads, c, 40}, id, "DE"); err != nil || got != *c {
		o.Fatal(got, err)
	}
}

func (o *offline) fillPage() {
	page := make([]city, 50)
	for i := range page {
		page[i] = city{i, "city", "DE", int64(i)}
	}
	if _, err := cityPage.All(context.Background(), filler{o.reads, page, 50 * 48}, 7); err != nil {
		o.Fatal(err)
	}
}

func TestTypedHitsAllocate(t *testing.T) {
	ctx := context.Background()
	tiers := &Options{Tiers: []Tier{newScriptTier()}} // of no use to hits
	for _, c := range []struct {
		opts      *Options
		policy    Policy
		one, page float64
	}{
		{nil, Policy{TTL: time.Hour, Shared: true}, 0, 0},
		{nil, Policy{TTL: time.Hour}, 0, 1}, // the page's own slice
		{tiers, Policy{TTL: time.Hour, Shared: true}, 0, 0},
		{tiers, Policy{TTL: time.Hour}, 0, 1},
	} {
		o := newOffline(t, c.opts, c.policy)
		o.fill(1)
		o.fillPage()
		id, country := 1, "DE"
		if n := testing.AllocsPerRun(100, func() {
			if got, err := cityByID.One(ctx, o.reads, id, country); err != nil || got.ID != 1 {
				t.Fatal(got, err)
			}
		}); n > c.one {
			t.Errorf("%+v: %v allocations for a row", c.policy, n)
		}
		if n := testing.AllocsPerRun(100, func() {
			if got, err := cityPage.All(ctx, o.reads, 7); err != nil || len(got) != 50 {
				t.Fatal(len(got), err)
			}
		}); n > c.page {
			t.Errorf("%+v: %v allocations for a page of 50", c.policy, n)
		}
	}
}

// A caller that changes its result does not affect other callers.
func TestCallersGetCopies(t *testing.T) {
	ctx := context.Background()
	o := newOffline(t, nil, Policy{TTL: time.Hour})
	o.fillPage()
	for range 2 {
		got, err := cityPage.All(ctx, o.reads, 7)
		if err != nil || got[0].Name != "city" {
			t.Fatal(got[0], err)
		}
		got[0].Name = "changed"
	}
}

// A hit panics after a caller has changed a shared value.
func TestCheckSharedFindsWhoWrites(t *testing.T) {
	ctx := context.Background()
	for _, write := range []bool{false, true} {
		o := newOffline(t, &Options{CheckShared: true}, Policy{TTL: time.Hour, Shared: true})
		o.fillPage()
		read := func() (page []city, found any) {
			defer func() { found = recover() }()
			page, err := cityPage.All(ctx, o.reads, 7)
			if err != nil {
				t.Error(err)
			}
			return page, nil
		}
		page, found := read()
		if found != nil {
			t.Fatal(found)
		}
		if write {
			page[49].Population++
		}
		if _, found := read(); (found != nil) != write || write && !strings.Contains(found.(string), "from cities") {
			t.Errorf("written %v: found %v", write, found)
		}
	}
}

func TestChecksumsSeeEveryDepth(t *testing.T) {
	type inner struct {
		m map[string]*[]int
		e any
	}
	list := []int{1}
	v := &struct {
		At time.Time
		In inner
		F  float64
		C  complex128
	}{In: inner{m: map[string]*[]int{"a": &list}, e: &list}}
	seen := map[uint64]bool{}
	for _, change := range []func(){
		func() {}, func() { list[0] = 2 }, func() { v.In.m["b"] = nil }, func() { v.At = v.At.Add(1) }, func() { v.F = 1 },
		func() { v.In.e = int8(1) }, func() { v.In.e = int16(1) }, func() { v.C = 1i },
	} {
		change()
		s := checksum(v)
		if seen[s] || s != checksum(v) {
			t.Error("a change is not seen, or where there was none one is")
		}
		seen[s] = true
	}
}

// tags holds its values in memory that only its methods can copy.
type tags struct{ set *map[string]bool }

// Scan implements sql.Scanner.
func (t *tags) Scan(any) error { t.set = &map[string]bool{}; return nil }

// Values that cannot be copied are stored only with Policy.Shared.
func TestTypesThatCannotBeCopied(t *testing.T) {
	ctx := context.Background()
	tagsByID := db.MustCompile[tags]("SELECT tags FROM cities WHERE id = $1")
	for _, c := range []struct {
		shared bool
		want   Reason
	}{{false, RefusedType}, {true, Hit}} {
		o := newOffline(t, nil, Policy{TTL: time.Hour, Shared: c.shared})
		for range 2 {
			if _, err := tagsByID.One(ctx, filler{o.reads, &tags{}, 8}, 1); err != nil && c.shared {
				t.Fatal(err)
			}
		}
		if l := o.cache.Stats().Lookups; l[c.want] == 0 || l[RefusedType] > 0 && c.shared || l[Hit] > 0 && !c.shared {
			t.Errorf("shared %v: lookups %v", c.shared, l)
		}
	}
}

func BenchmarkTyped(b *testing.B) {
	ctx := context.Background()
	for _, n := range []int{64, 200_000} {
		b.Run(fmt.Sprintf("row/%d", n), func(b *testing.B) {
			o := newOffline(b, &Options{MaxBytes: 1 << 30}, Policy{TTL: time.Hour, Shared: true})
			for i := range n {
				o.fill(i)
			}
			i, step := 0, 7919
			for range 2 * n {
				i = (i + step) % n
				cityByID.One(ctx, o.reads, i, "DE")
			}
			b.ReportAllocs()
			b.ResetTimer()
			for b.Loop() {
				i = (i + step) % n
				if _, err := cityByID.One(ctx, o.reads, i, "DE"); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	for _, shared := range []bool{true, false} {
		b.Run(fmt.Sprintf("page/shared=%v", shared), func(b *testing.B) {
			o := newOffline(b, nil, Policy{TTL: time.Hour, Shared: shared})
			o.fillPage()
			b.ReportAllocs()
			for b.Loop() {
				if _, err := cityPage.All(ctx, o.reads, 7); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("parallel", func(b *testing.B) {
		o := newOffline(b, nil, Policy{TTL: time.Hour, Shared: true})
		for i := range 64 {
			o.fill(i)
		}
		b.RunParallel(func(pb *testing.PB) {
			for i := 0; pb.Next(); i++ {
				cityByID.One(ctx, o.reads, i%64, "DE")
			}
		})
	})
}
