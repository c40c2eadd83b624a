package dbprom

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/headrace/headrace/db"
)

// load is a handle's statements under random load.
type load struct {
	random     *rand.Rand
	statements []db.StatementStats
	weights    []int64 // of each statement's calls; they change
}

func (l *load) run() {
	if l.random.IntN(5) == 0 {
		l.statements = append(l.statements, db.StatementStats{Fingerprint: uint64(len(l.statements)), Summary: "SELECT", Errors: map[string]int64{}})
		l.weights = append(l.weights, 1)
	}
	for i := range l.statements {
		if l.random.IntN(10) == 0 {
			l.weights[i] = 1 << l.random.IntN(16)
		}
		s := &l.statements[i]
		errors := map[string]int64{"23": s.Errors["23"] + l.random.Int64N(2)} // Stats returns a new map each time
		s.Rows += l.random.Int64N(l.weights[i])
		s.Total += time.Duration(l.random.Int64N(l.weights[i]))
		s.Bytes, s.Wait, s.Network, s.Errors = s.Bytes+1, s.Wait+1, s.Network+s.Total/2, errors
	}
}

// TestSeriesNeverFall moves statements in and out of the few with series of
// their own.
func TestSeriesNeverFall(t *testing.T) {
	t.Parallel()
	returned := 0
	for seed := range uint64(10) {
		l := &load{random: rand.New(rand.NewPCG(seed, 1))}
		all := newAllSeries(4, defaultBuckets)
		latest := make(map[key]figures) // of each series, also of those that do not exist now
		var before map[key]figures
		for range 200 {
			l.run()
			now := all.split(l.statements)
			if len(now) > 5 {
				t.Fatalf("%d series, want 4 and the shared one", len(now))
			}
			var rows, failed int64
			for k, f := range now {
				old, existed := latest[k]
				if f.rows < old.rows || f.bytes < old.bytes || f.total < old.total || f.wait < old.wait || f.network < old.network || f.errors["23"] < old.errors["23"] {
					t.Fatalf("%v fell from %+v to %+v", k, old, f)
				}
				if _, existing := before[k]; existed && !existing {
					returned++
				}
				latest[k] = f
				rows += f.rows
				failed += f.errors["23"]
			}
			for k, f := range latest { // what series that do not exist now had
				if _, exists := now[k]; !exists {
					rows += f.rows
					failed += f.errors["23"]
				}
			}
			for _, s := range l.statements {
				rows -= s.Rows
				failed -= s.Errors["23"]
			}
			if rows != 0 || failed != 0 {
				t.Fatalf("the series have %d rows and %d errors more than the statements", rows, failed)
			}
			before = now
		}
	}
	if returned == 0 {
		t.Error("no series came back")
	}
}

func TestSeriesAreOfTheSlowest(t *testing.T) {
	t.Parallel()
	statements := make([]db.StatementStats, 6)
	for i := range statements {
		statements[i] = db.StatementStats{Fingerprint: uint64(i + 1), Name: fmt.Sprint("s", i), Total: time.Duration(100 - i)}
	}
	all := newAllSeries(2, nil)
	want := func(names ...string) {
		t.Helper()
		now := all.split(statements)
		if len(now) != len(names)+1 {
			t.Errorf("series %v, want %q", now, names)
		}
		for i := range statements {
			for _, name := range names {
				if _, ok := now[keyOf(&statements[i])]; name == statements[i].Name && !ok {
					t.Errorf("%s has no series", name)
				}
			}
		}
	}
	want("s0", "s1")
	statements[5].Total = 198 // not more than twice the 99 of s1
	want("s0", "s1")
	statements[5].Total = 199
	want("s0", "s5")
	all.most = -1
	all.own = map[key]bool{}
	want()
}

// Statements whose labels are equal, or not UTF-8, have valid series.
func TestSeriesLabels(t *testing.T) {
	t.Parallel()
	now := newAllSeries(10, nil).split([]db.StatementStats{
		{Fingerprint: 7, Name: "SELECT a", Rows: 1},
		{Fingerprint: 7, Summary: "SELECT a", Rows: 2},
		{Fingerprint: 8, Name: "caf\xe9", Rows: 4},
		{Fingerprint: 9, Name: "other", Rows: 8},
		{Summary: "(other statements)", Rows: 16},
	})
	for k, rows := range map[key]int64{
		{"SELECT a", "0000000000000007"}: 3, {"caf\uFFFD", "0000000000000008"}: 4, {"other", "0000000000000009"}: 8, {"other", ""}: 16,
	} {
		if now[k].rows != rows {
			t.Errorf("%v has %d rows, want %d", k, now[k].rows, rows)
		}
	}
	if len(now) != 4 {
		t.Errorf("%d series: %v", len(now), now)
	}
}
