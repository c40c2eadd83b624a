package rowscan_test

import (
	"runtime"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/headrace/headrace/integration/pgtest"
	"github.com/headrace/headrace/internal/rowscan"
)

// TestStream reads a million rows with only a few in memory at a time.
func TestStream(t *testing.T) {
	type row struct {
		ID   int64
		Name string
	}
	d, err := rowscan.New[row]()
	if err != nil {
		t.Fatal(err)
	}
	const million = 1_000_000
	rows, err := pgtest.Pool(t).Query(t.Context(), "SELECT i AS id, repeat('x', 100) || i AS name FROM generate_series(1, 1000000) i")
	if err != nil {
		t.Fatal(err)
	}
	before := heap()
	var n, largest int64
	for r, err := range d.Each(rows) {
		if err != nil {
			t.Fatal(err)
		}
		if n++; r.ID != n {
			t.Fatalf("row %d has id %d", n, r.ID)
		}
		if n%100_000 == 0 {
			largest = max(largest, heap()-before)
		}
	}
	if n != million {
		t.Errorf("got %d rows, want %d", n, million)
	}
	if largest > 1<<20 {
		t.Errorf("up to %d bytes in use while streaming", largest)
	}
}

func heap() int64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}

// TestConnectionsAreReleased checks that every way out of a read releases its
// connection.
func TestConnectionsAreReleased(t *testing.T) {
	pool := pgtest.Pool(t)
	d, err := rowscan.New[int]()
	if err != nil {
		t.Fatal(err)
	}
	query := func(sql string) pgx.Rows {
		rows, err := pool.Query(t.Context(), sql)
		if err != nil {
			t.Fatal(err)
		}
		return rows
	}
	const many = "SELECT generate_series(1, 10000) AS n"
	for name, read := range map[string]func(){
		"all":             func() { _, _ = d.All(query(many), 0) },
		"too many":        func() { _, _ = d.All(query(many), 10) },
		"one of many":     func() { _, _ = d.One(query(many)) },
		"wrong type":      func() { _, _ = d.All(query("SELECT 'x'::bytea FROM generate_series(1, 100)"), 0) },
		"two columns":     func() { _, _ = d.One(query("SELECT 1, 2")) },
		"no columns":      func() { _, _ = d.One(query("SET search_path = public")) },
		"error of server": func() { _, _ = d.All(query("SELECT 1 / (5 - i) FROM generate_series(1, 9) i"), 0) },
		"loop left": func() {
			for range d.Each(query(many)) {
				break
			}
		},
		"panic in the loop": func() {
			defer func() { _ = recover() }()
			for range d.Each(query(many)) {
				panic("of the reader")
			}
		},
	} {
		if read(); pool.Stat().AcquiredConns() != 0 {
			t.Fatalf("%s: a connection is missing", name)
		}
		if got, err := d.One(query("SELECT 7")); got != 7 || err != nil {
			t.Fatalf("%s: the next read gives %d, %v", name, got, err)
		}
	}
}
