package diagnose

import (
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/querycache"
)

func none(*StatementWindow) bool { return false }

// A million fingerprints leave the memory of windows bounded.
func TestMemoryIsBounded(t *testing.T) {
	const perReading, readings = 2049, 500
	m := &Monitor{opts: (&Options{Windows: 20}).withDefaults()}
	last := &reading{at: time.Now()}
	for i := range readings {
		next := &reading{at: last.at.Add(5 * time.Second), statements: make(map[statementKey]db.StatementStats, perReading)}
		for j := range perReading {
			n := uint64(i*perReading + j)
			next.statements[statementKey{n, ""}] = db.StatementStats{Fingerprint: n, Text: strings.Repeat("x", 100), Calls: 1, Total: time.Duration(n % 997)}
		}
		m.add(next.since(last, none))
		last = next
	}
	statements := 0
	for _, w := range m.Windows() {
		statements += len(w.Statements)
		if cap(w.Statements) > 2*maxStatements || w.Calls != perReading {
			t.Fatalf("a window of %d statements, room for %d, %d calls", len(w.Statements), cap(w.Statements), w.Calls)
		}
	}
	if len(m.Windows()) != 20 || cap(m.windows) > 64 || statements != 20*maxStatements {
		t.Errorf("%d windows with %d statements", len(m.Windows()), statements)
	}
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	if stats.HeapAlloc > 32<<20 {
		t.Errorf("%d bytes in use", stats.HeapAlloc)
	}
	runtime.KeepAlive(m)
}

func TestSince(t *testing.T) {
	at := time.Now()
	stats := func(n int64) db.StatementStats {
		return db.StatementStats{
			Fingerprint: 1, Name: "A", Text: "select ?", Calls: 10 * n, Rows: 20 * n, Bytes: 30 * n, Total: time.Duration(100 * n), Network: time.Duration(60 * n), Wait: time.Duration(5 * n),
			Errors: map[string]int64{"23": n, "client": 2 * n},
		}
	}
	key := statementKey{1, "A"}
	batch := db.StatementStats{Fingerprint: 2, Text: "select b", Calls: 4, Total: 40}
	first := &reading{at: at, statements: map[statementKey]db.StatementStats{key: stats(1)}, waits: db.Waits{Total: 10},
		pool: Pool{Acquired: 10, AcquireTime: 10, Opened: 1}, caches: map[string]querycache.Stats{"c": {Evicted: 5, Tiers: []querycache.TierStats{{Name: "redis", Hits: 10, Misses: 20, Passed: 30, Errors: 40, Down: true}}, Lookups: map[querycache.Reason]uint64{querycache.Hit: 10}}}}
	second := &reading{at: at.Add(time.Second), statements: map[statementKey]db.StatementStats{key: stats(3), {2, ""}: batch}, waits: db.Waits{Total: 30},
		pool: Pool{Acquired: 15, AcquireTime: 40, Opened: 2, Max: 4, Waiting: 1}, notes: []string{"note"},
		caches: map[string]querycache.Stats{"c": {Evicted: 7, Entries: 3, Tiers: []querycache.TierStats{{Name: "redis", Hits: 11, Misses: 22, Passed: 33, Errors: 44, Pending: 5, LastError: "get: refused"}}, Lookups: map[querycache.Reason]uint64{
			querycache.Hit: 20, querycache.HitTier: 5, querycache.HitStale: 1, querycache.MissCold: 2, querycache.MissExpired: 3, querycache.MissInvalidated: 4, querycache.MissLoadInvalidated: 1,
			querycache.MissEvicted: 6, querycache.MissTooBig: 7, querycache.MissFailed: 8, querycache.RefusedText: 9, querycache.Suspended: 1, querycache.Bypassed: 1,
		}}}}
	w := second.since(first, none)
	if w.Calls != 24 || w.Rows != 40 || w.Bytes != 60 || w.Total != 240 || w.Network != 120 || w.Client != 80 || w.Errors != 6 || w.Wait != 20 || w.trips != 20 || w.Lag != -1 || len(w.Notes) != 1 {
		t.Errorf("the window is %+v", w)
	}
	if s := w.Statements; len(s) != 2 || s[0].Name != "A" || s[0].Calls != 20 || s[0].Errors != 6 || s[0].Wait != 10 || s[1].Text != "select b" {
		t.Errorf("the statements are %+v", s)
	}
	if want := (Pool{Max: 4, Waiting: 1, Acquired: 5, AcquireTime: 30, Opened: 1}); w.Pool != want {
		t.Errorf("the pool is %+v", w.Pool)
	}
	want := CacheWindow{Name: "c", Lookups: 58, Answered: 16, Refused: 11, Cold: 2, Expired: 3, Invalidated: 5, Evicted: 6, TooBig: 7, Evictions: 2, Entries: 3}
	if len(w.Caches) != 1 || w.Caches[0] != want {
		t.Errorf("the cache is %+v, want %+v", w.Caches, want)
	}
	wantTier := TierWindow{Cache: "c", Name: "redis", Hits: 1, Misses: 2, Passed: 3, Errors: 4, Pending: 5, LastError: "get: refused"}
	if len(w.Tiers) != 1 || w.Tiers[0] != wantTier {
		t.Errorf("the tier is %+v, want %+v", w.Tiers, wantTier)
	}

	// Counts that went back, and a clock that did.
	w = first.since(second, none)
	if w.Calls != 0 || w.Total != 0 || w.Wait != 0 || w.elapsed() != 0 || w.Pool.Acquired != 0 || w.Caches[0].Lookups != 0 || w.Tiers[0].Hits != 0 || !w.Tiers[0].Down {
		t.Errorf("going back: %+v", w)
	}

	// Statements that a threshold names are listed whatever they take.
	many := &reading{at: at, statements: make(map[statementKey]db.StatementStats)}
	for i := range uint64(100) {
		many.statements[statementKey{i, ""}] = db.StatementStats{Fingerprint: i, Calls: 1, Total: time.Duration(i + 1)}
	}
	w = many.since(&reading{at: at}, func(s *StatementWindow) bool { return s.Fingerprint == 3 })
	if n := len(w.Statements); n != 51 || w.Statements[0].Fingerprint != 99 || w.Statements[50].Fingerprint != 3 {
		t.Errorf("%d statements, the first %d, the last %d", n, w.Statements[0].Fingerprint, w.Statements[n-1].Fingerprint)
	}
}
