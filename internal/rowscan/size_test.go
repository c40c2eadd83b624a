//go:build !race

package rowscan

import (
	"encoding/json"
	"fmt"
	"runtime"
	"strings"
	"testing"
)

// The race detector's allocator rounds sizes differently, so the test runs
// without it.

// TestSize compares the computed size with the heap.
func TestSize(t *testing.T) {
	for name, check := range map[string]func(*testing.T, int){"person": checkSize(newPerson), "wide": checkSize(newWide), "document": checkSize(newDocument)} {
		for _, n := range []int{1, 100, 3000} {
			t.Run(fmt.Sprintf("%s/%d", name, n), func(t *testing.T) { check(t, n) })
		}
	}
}

func newPerson(i int) person {
	nick := strings.Repeat("n", i%50)
	return person{ID: int64(i), FullName: fmt.Sprint("name ", i), Alias: &nick}
}

func newDocument(i int) map[string]any {
	var doc map[string]any
	if err := json.Unmarshal(fmt.Appendf(nil, `{"id":%d,"tags":["a","b"],"user":{"name":"x","age":%d}}`, i, i), &doc); err != nil {
		panic(err)
	}
	return doc
}

func checkSize[T any](row func(int) T) func(*testing.T, int) {
	return func(t *testing.T, n int) {
		d := mustNew[T](t)
		rows := make([]T, n)
		for i := range rows {
			rows[i] = row(i)
		}
		copies := max(3000/n, 2)
		kept := make([][]T, copies)
		before := heap()
		var account int64
		for i := range kept {
			var size int64
			kept[i], size = d.Keep(rows)
			account += size
		}
		measured := heap() - before
		runtime.KeepAlive(kept)
		runtime.KeepAlive(rows)
		if ratio := float64(account) / float64(measured); ratio < 0.9 || ratio > 1.1 {
			t.Errorf("account %d bytes, heap %d: %.2f of it", account, measured, ratio)
		}
	}
}

// heap returns the bytes in use after a collection.
func heap() int64 {
	runtime.GC()
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}
