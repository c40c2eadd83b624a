//go:build !race

package rowscan_test

import (
	"runtime"
	"testing"
	"unsafe"

	"github.com/headrace/headrace/internal/rowscan"
)

// The race detector makes pools drop values at random, so allocations are
// counted without it.

func TestAllocations(t *testing.T) {
	d, err := rowscan.New[order]()
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		rows int
		most float64 // of the whole read, including pgx's
	}{{1, 5}, {100, 10}, {10_000, 100}} {
		conn := connect(t, test.rows)
		read := func() {
			if _, err := d.All(query(t, conn), 0); err != nil {
				t.Fatal(err)
			}
		}
		read() // compiles the plan
		read() // records the size of a result
		if n := testing.AllocsPerRun(20, read); n > test.most {
			t.Errorf("All of %d rows: %v allocations, want at most %v", test.rows, n, test.most)
		}
	}
	conn := connect(t, 1)
	if n := testing.AllocsPerRun(100, func() {
		if _, err := d.One(query(t, conn)); err != nil {
			t.Fatal(err)
		}
	}); n > 4 {
		t.Errorf("One: %v allocations, want at most 4", n)
	}
}

// TestBytesPerRow bounds the memory of a read by the size of its rows and their
// text, plus 5 %.
func TestBytesPerRow(t *testing.T) {
	const n, rounds = 10_000, 20
	d, err := rowscan.New[order]()
	if err != nil {
		t.Fatal(err)
	}
	conn := connect(t, n)
	var text int
	for range 3 {
		rows, err := d.All(query(t, conn), 0)
		if err != nil {
			t.Fatal(err)
		}
		text = 0
		for _, o := range rows {
			text += len(o.Name) + len(o.Email) + len(o.Status) + len(o.Note)
		}
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range rounds {
		if _, err := d.All(query(t, conn), 0); err != nil {
			t.Fatal(err)
		}
	}
	runtime.ReadMemStats(&after)
	data := float64(n*int(unsafe.Sizeof(order{})) + text)
	if got := float64(after.TotalAlloc-before.TotalAlloc) / rounds; got > data*1.05 {
		t.Errorf("%.1f bytes a row, of which %.1f are data", got/n, data/n)
	}
}

// TestRoomIsMadeWhenRowsHaveCome: a small result after large ones does not
// allocate for the rows of those.
func TestRoomIsMadeWhenRowsHaveCome(t *testing.T) {
	const n, few = 10_000, 5
	d, err := rowscan.New[order]()
	if err != nil {
		t.Fatal(err)
	}
	large, small := orders(t, n), orders(t, few)
	var cost uint64
	for range 10 {
		for range 2 {
			if rows, err := d.All(large.Rows(nil), 0); err != nil || len(rows) != n {
				t.Fatal(len(rows), err)
			}
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if rows, err := d.All(small.Rows(nil), 0); err != nil || len(rows) != few {
			t.Fatal(len(rows), err)
		}
		runtime.ReadMemStats(&after)
		cost += (after.TotalAlloc - before.TotalAlloc) / 10
	}
	if most := uint64(n * unsafe.Sizeof(order{}) / 16); cost > most {
		t.Errorf("%d rows after %d: %d bytes, want at most %d", few, n, cost, most)
	}
}

// TestBytesAppended bounds the memory of a read into the caller's slice by the
// text of its rows, plus 5 %.
func TestBytesAppended(t *testing.T) {
	const n, rounds = 10_000, 20
	d, err := rowscan.New[order]()
	if err != nil {
		t.Fatal(err)
	}
	conn := connect(t, n)
	var rows []order
	read := func() {
		if rows, err = d.AppendTo(rows[:0], query(t, conn), 0); err != nil || len(rows) != n {
			t.Fatal(len(rows), err)
		}
	}
	for range 3 {
		read()
	}
	text := 0
	for _, o := range rows {
		text += len(o.Name) + len(o.Email) + len(o.Status) + len(o.Note)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range rounds {
		read()
	}
	runtime.ReadMemStats(&after)
	if got := float64(after.TotalAlloc-before.TotalAlloc) / rounds; got > float64(text)*1.05 {
		t.Errorf("%.1f bytes a row, of which %.1f are text", got/n, float64(text)/n)
	}
}
