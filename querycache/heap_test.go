//go:build !race

package querycache

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/internal/cacheapi"
	"github.com/headrace/headrace/internal/rowscan/replay"
)

// The race detector's allocator rounds sizes in its own way, so the account is
// compared without it.

func parsed(i int) any {
	var doc any
	if err := json.Unmarshal(fmt.Appendf(nil, `{"id":%d,"tags":["a","b",null],"user":{"name":"x","age":%d}}`, i, i), &doc); err != nil {
		panic(err)
	}
	return doc
}

func countsOf(grown, left int) map[int]int {
	m := map[int]int{}
	for i := range grown {
		m[i] = i
	}
	for i := left; i < grown; i++ {
		delete(m, i)
	}
	return m
}

// A filling fills a cache with values in one form.
type filling func(t *testing.T, c *Cache, n int)

// byAside stores n values of an Aside.
func byAside[V any](load func(i int) V) filling {
	return func(t *testing.T, c *Cache, n int) {
		a := newAside(t, c, AsideOptions[int, V]{Policy: Policy{TTL: time.Hour, Shared: true}, Load: func(_ context.Context, i int) (V, error) { return load(i), nil }})
		for i := range n {
			if _, err := a.Get(t.Context(), i); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func byMemoize(t *testing.T, c *Cache, n int) {
	f, err := Memoize(c, "texts", Policy{TTL: time.Hour}, func(_ context.Context, i int) (string, error) { return strings.Repeat(fmt.Sprint(i), 100)[:50], nil })
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		if _, err := f(t.Context(), i); err != nil {
			t.Fatal(err)
		}
	}
}

// TestHeapIsAccounted compares Stats.Bytes with the live heap.
func TestHeapIsAccounted(t *testing.T) {
	for name, fill := range map[string]filling{
		"numbers": byAside(func(i int) int { return i }), "texts": byAside(func(i int) string { return strings.Repeat("x", i%200) }),
		"rows": byAside(func(i int) city { return city{i, fmt.Sprint("name ", i), "DE", 1} }), "bytes of 33,000": byAside(func(int) []byte { return make([]byte, 33_000) }),
		"pieces of texts": byAside(func(i int) string { return strings.Repeat(fmt.Sprint(i), 1<<14)[:16] }), "maps of numbers": byAside(func(i int) map[int]int { return countsOf(i%200, math.MaxInt) }),
		"emptied maps": byAside(func(int) map[int]int { return countsOf(1000, 0) }), "documents": byAside(parsed), "customers": byAside(func(i int) *customer { return newCustomer(i % 60) }),
		"spare capacity": byAside(func(i int) []int { return make([]int, 1, 100) }), "numerics": byAside(func(i int) pgtype.Numeric { return pgtype.Numeric{Int: big.NewInt(int64(i)), Valid: true} }),
		"Memoize": byMemoize, "typed reads": typedRows, "wire rows": wireAnswers,
	} {
		t.Run(name, func(t *testing.T) {
			warm := newCache(t, &Options{MaxBytes: 1 << 20})
			fill(t, warm, 10) // what is made once for a type
			warm.Close()
			before := heapInUse()
			c := newCache(t, &Options{MaxBytes: 4 << 20})
			fill(t, c, 2000)
			used := heapInUse() - before
			account := c.Stats().Bytes
			runtime.KeepAlive(c)
			if off := math.Abs(float64(used - account)); off > 0.1*float64(account)+64<<10 || account > 4<<20 {
				t.Errorf("%d bytes are in use, %d accounted for: %.2f of it", used, account, float64(used)/float64(account))
			}
			if c.Stats().Entries < 40 {
				t.Errorf("%d entries", c.Stats().Entries)
			}
		})
	}
}

func heapInUse() int64 {
	runtime.GC()
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}

type tagged struct {
	ID   int
	Name string
	Nick *string
	Tags []string
	Doc  any
}

var taggedByID = db.MustCompile[tagged]("SELECT id, name, nick, tags, doc FROM cities WHERE id = $1")

// typedRows stores decoded rows as package db does.
func typedRows(t *testing.T, c *Cache, n int) {
	h := offlineHandle(t, c)
	for i := range n {
		q := replayed{h, tagsAnswer(i)}
		if _, err := taggedByID.All(t.Context(), q, i); err != nil {
			t.Fatal(err)
		}
	}
}

// wireAnswers stores rows as the server sent them.
func wireAnswers(t *testing.T, c *Cache, n int) {
	h := offlineHandle(t, c)
	for i := range n {
		rec := tagsAnswer(i)
		read := cacheapi.NewRead(h.source.handle.Tracker.Text(citySQL), formWire, []any{i})
		if _, _, err := h.Load(t.Context(), read, func(context.Context, cacheapi.Querier) (any, int64, error) {
			return &wireRows{rec, nil}, rec.Size() + wireBytes, nil
		}); err != nil {
			t.Fatal(err)
		}
		read.Release()
	}
}

// tagsAnswer is what a server would send for taggedByID.
func tagsAnswer(i int) *replay.Recording {
	m := pgtype.NewMap()
	fields := []pgconn.FieldDescription{
		{Name: "id", DataTypeOID: pgtype.Int8OID, Format: 1}, {Name: "name", DataTypeOID: pgtype.TextOID, Format: 1}, {Name: "nick", DataTypeOID: pgtype.TextOID, Format: 1},
		{Name: "tags", DataTypeOID: pgtype.TextArrayOID, Format: 1}, {Name: "doc", DataTypeOID: pgtype.JSONBOID, Format: 1},
	}
	values := []any{int64(i), fmt.Sprint("name ", i), "nick", []string{"a", fmt.Sprint(i)}, map[string]any{"a": i, "b": []string{"x"}}}
	rec := replay.NewRecorder(fields, 0)
	var row [][]byte
	for j, v := range values {
		b, err := m.Encode(fields[j].DataTypeOID, 1, v, nil)
		if err != nil {
			panic(err)
		}
		row = append(row, slices.Clip(b))
	}
	for range i % 5 {
		if err := rec.Add(row); err != nil {
			panic(err)
		}
	}
	return rec.Finish(pgconn.NewCommandTag(strings.Clone("SELECT 1")))
}
