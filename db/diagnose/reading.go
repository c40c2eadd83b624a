package diagnose

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/querycache"
)

// A reading holds what a Monitor reads at the end of a window. Its counts are
// since the handle was opened. Two readings are kept, each of at most 2,049
// statements and 256 loops.
type reading struct {
	at         time.Time
	process    processReading
	pool       Pool // with counts since the pool was opened
	waits      db.Waits
	statements map[statementKey]db.StatementStats
	caches     map[string]querycache.Stats
	loops      map[loopKey]db.Loop
	notes      []string
}

// A statementKey identifies the figures of a statement.
type statementKey struct {
	fingerprint uint64
	name        string
}

// read reads everything that a window is made of.
func read(pg *db.DB, caches map[string]*querycache.Cache) *reading {
	stats := pg.Stats()
	out := &reading{
		at: time.Now(), process: readProcess(), waits: stats.Waits,
		statements: make(map[statementKey]db.StatementStats, len(stats.Statements)),
		caches:     make(map[string]querycache.Stats, len(caches)),
		loops:      loopsOf(pg.Spans().Loops),
	}
	if p := stats.Pool; p != nil {
		out.pool = Pool{
			Max: int(p.MaxConns()), Open: int(p.TotalConns()), InUse: int(p.AcquiredConns()), Idle: int(p.IdleConns()),
			Opening: int(p.ConstructingConns()), Waiting: int(stats.Waits.Waiting),
			Acquired: p.AcquireCount(), AcquireTime: p.AcquireDuration(), Opened: p.NewConnsCount(), Canceled: p.CanceledAcquireCount(),
		}
	}
	for i := range stats.Statements {
		s := &stats.Statements[i]
		out.statements[statementKey{s.Fingerprint, s.Name}] = *s
	}
	for _, name := range slices.Sorted(maps.Keys(caches)) {
		cache := caches[name]
		if cache == nil {
			out.notes = append(out.notes, fmt.Sprintf("cache %q is nil", name))
			continue
		}
		out.caches[name] = cache.Stats()
	}
	return out
}

// maxStatements is the number of statements that a window lists.
const maxStatements = 50

// since returns the window between two readings. Statements for which listed
// returns true are listed in any case.
func (r *reading) since(earlier *reading, listed func(*StatementWindow) bool) Window {
	elapsed := max(r.at.Sub(earlier.at), 0) // by the monotonic clock
	w := Window{
		Began: r.at.Add(-elapsed), Ended: r.at,
		Runtime: r.process.since(&earlier.process, elapsed),
		Pool:    r.pool.since(earlier.pool),
		Wait:    max(r.waits.Total-earlier.waits.Total, 0),
		WaitP99: r.waits.Times.Sub(earlier.waits.Times).Quantile(0.99),
		Lag:     -1,
		Notes:   slices.Clone(r.notes),
	}
	w.addStatements(r.statements, earlier.statements, listed)
	w.loops = loopsSince(r.loops, earlier.loops)
	for _, name := range slices.Sorted(maps.Keys(r.caches)) {
		now, before := r.caches[name], earlier.caches[name]
		w.Caches = append(w.Caches, cacheWindow(name, now, before))
		w.Tiers = append(w.Tiers, tierWindows(name, now.Tiers, before.Tiers)...)
	}
	return w
}

// addStatements adds what was counted between two readings.
func (w *Window) addStatements(now, earlier map[statementKey]db.StatementStats, listed func(*StatementWindow) bool) {
	var times db.Histogram
	all := make([]StatementWindow, 0, min(len(now), 2*maxStatements))
	for key, s := range now {
		one, spent := statementWindow(s, earlier[key])
		if one.Calls <= 0 {
			continue
		}
		times = times.Add(spent)
		w.Calls += one.Calls
		w.Errors += one.Errors
		w.Rows += one.Rows
		w.Bytes += one.Bytes
		w.Total += one.Total
		w.Network += one.Network
		if one.Network > 0 {
			w.Client += one.Total - one.Network
			w.trips += one.Calls
		}
		all = append(all, one)
	}
	w.P50, w.P95, w.P99 = times.Quantile(0.50), times.Quantile(0.95), times.Quantile(0.99)
	slices.SortFunc(all, func(a, b StatementWindow) int {
		return cmp.Or(cmp.Compare(b.Total, a.Total), cmp.Compare(a.Fingerprint, b.Fingerprint), cmp.Compare(a.Name, b.Name))
	})
	top := all[:min(len(all), maxStatements)]
	w.Statements = slices.Clone(top) // without the others
	for i := len(top); i < len(all); i++ {
		if listed(&all[i]) {
			w.Statements = append(w.Statements, all[i])
		}
	}
}

// statementWindow returns what was counted between two readings, and the times
// of these calls.
func statementWindow(s, earlier db.StatementStats) (StatementWindow, db.Histogram) {
	times := s.Times.Sub(earlier.Times)
	total := max(s.Total-earlier.Total, 0)
	return StatementWindow{
		Fingerprint: s.Fingerprint, Name: s.Name, Text: s.Text,
		Calls:   s.Calls - earlier.Calls,
		Errors:  max(errorsOf(s)-errorsOf(earlier), 0),
		Rows:    max(s.Rows-earlier.Rows, 0),
		Bytes:   max(s.Bytes-earlier.Bytes, 0),
		Total:   total,
		Wait:    max(s.Wait-earlier.Wait, 0),
		Network: min(max(s.Network-earlier.Network, 0), total),
		P50:     times.Quantile(0.50), P99: times.Quantile(0.99),
	}, times
}

func errorsOf(s db.StatementStats) (n int64) {
	for _, count := range s.Errors {
		n += count
	}
	return n
}

// since returns the figures of a pool between two readings.
func (p Pool) since(earlier Pool) Pool {
	p.Acquired = max(p.Acquired-earlier.Acquired, 0)
	p.AcquireTime = max(p.AcquireTime-earlier.AcquireTime, 0)
	p.Opened = max(p.Opened-earlier.Opened, 0)
	p.Canceled = max(p.Canceled-earlier.Canceled, 0)
	return p
}

// cacheWindow returns what was counted between two readings of a cache.
func cacheWindow(name string, s, earlier querycache.Stats) CacheWindow {
	out := CacheWindow{
		Name: name, Entries: s.Entries, Bytes: s.Bytes, Budget: s.Budget,
		Evictions: int64(minus(s.Evicted, earlier.Evicted)),
	}
	for reason, count := range s.Lookups {
		n := int64(minus(count, earlier.Lookups[reason]))
		out.Lookups += n
		switch {
		case reason.Answered():
			out.Answered += n
		case reason >= querycache.RefusedPolicy:
			out.Refused += n
		case reason == querycache.MissCold || reason == querycache.MissFirstRead:
			out.Cold += n
		case reason == querycache.MissExpired:
			out.Expired += n
		case reason == querycache.MissInvalidated || reason == querycache.MissLoadInvalidated:
			out.Invalidated += n
		case reason == querycache.MissEvicted:
			out.Evicted += n
		case reason == querycache.MissTooBig:
			out.TooBig += n
		}
	}
	return out
}

// tierWindows returns what was counted between two readings of the tiers of a
// cache.
func tierWindows(cache string, tiers, earlier []querycache.TierStats) (out []TierWindow) {
	for i, t := range tiers {
		var before querycache.TierStats
		if i < len(earlier) {
			before = earlier[i]
		}
		out = append(out, TierWindow{
			Cache: cache, Name: t.Name, Down: t.Down, Pending: t.Pending, LastError: t.LastError,
			Hits: int64(minus(t.Hits, before.Hits)), Misses: int64(minus(t.Misses, before.Misses)),
			Passed: int64(minus(t.Passed, before.Passed)), Errors: int64(minus(t.Errors, before.Errors)),
		})
	}
	return out
}
