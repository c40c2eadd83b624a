package diagnose

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/headrace/headrace/db"
)

// healthy returns the windows of a program without any problem: three
// statements that take half a millisecond, a thousand times per window.
func healthy(n int) []Window {
	began := time.Now().Add(-time.Duration(n) * defaultInterval)
	out := make([]Window, n)
	for i := range out {
		w := &out[i]
		w.Began = began.Add(time.Duration(i) * defaultInterval)
		w.Ended = w.Began.Add(defaultInterval)
		w.Lag = -1
		w.Runtime = Runtime{CPU: 0.3, GCCPU: 0.02, GCCycles: 2, HeapLive: 50 << 20, MemoryLimit: 1 << 30, MaxProcs: 4, Goroutines: 40, SchedLatencyP99: 100 * time.Microsecond}
		w.Pool = Pool{Max: 8, Open: 4, InUse: 1, Idle: 3, Acquired: 3000, AcquireTime: 3 * time.Millisecond}
		w.Wait = 3 * time.Millisecond
		w.Caches = []CacheWindow{{Name: "main", Lookups: 1000, Answered: 900, Cold: 100, Bytes: 1 << 20, Budget: 64 << 20}}
		w.Tiers = []TierWindow{{Cache: "main", Name: "redis", Hits: 50, Misses: 100}, {Cache: "main", Name: "table", Misses: 100}}
		for j, text := range []string{"select a from t where id = ?", "update t set a = ? where id = ?", "select b from u where id = ? limit ?"} {
			w.Statements = append(w.Statements, StatementWindow{
				Fingerprint: uint64(j + 1), Text: text, Calls: 1000, Rows: 1000, Bytes: 100_000,
				Total: 500 * time.Millisecond, Network: 450 * time.Millisecond, P50: 500 * time.Microsecond, P99: time.Millisecond,
			})
		}
		w.resum()
	}
	return out
}

// resum sets the sums of a window from its statements.
func (w *Window) resum() {
	w.Calls, w.Rows, w.Bytes, w.Total, w.Network, w.Client, w.trips = 0, 0, 0, 0, 0, 0, 0
	for _, s := range w.Statements {
		w.Calls += s.Calls
		w.Rows += s.Rows
		w.Bytes += s.Bytes
		w.Total += s.Total
		w.Network += s.Network
		if s.Network > 0 {
			w.Client += s.Total - s.Network
			w.trips += s.Calls
		}
	}
}

// pictureOf returns what findings are drawn from.
func pictureOf(windows []Window) *picture {
	opts := (*Options)(nil).withDefaults()
	p := &picture{opts: &opts, all: windows, windows: windows[max(len(windows)-horizon, 0):], activity: activity{roundTrip: 50 * time.Microsecond}}
	p.sum()
	return p
}

func kinds(findings []Finding) (out []Kind) {
	for _, f := range findings {
		out = append(out, f.Kind)
	}
	return out
}

// Each situation is found, and nothing else.
func TestFindings(t *testing.T) {
	each := func(change func(w *Window)) func(*picture) {
		return func(p *picture) {
			for i := range p.all {
				change(&p.all[i])
				p.all[i].resum()
			}
		}
	}
	grow := func(by uint64) func(p *picture) {
		return func(p *picture) {
			for i := range p.all {
				p.all[i].Runtime.HeapLive += uint64(i) * by
			}
		}
	}
	for _, c := range []struct {
		name       string
		change     func(*picture)
		want       []Kind
		bottleneck Resource
		evidence   []string // of the first finding
	}{
		{"healthy", func(*picture) {}, nil, ByNothing, nil},
		{"pool", func(p *picture) {
			for i := range p.all {
				w := &p.all[i]
				w.Wait, w.WaitP99, w.Pool.InUse, w.Pool.Waiting = 15*time.Second, 90*time.Millisecond, 8, 3
			}
		}, []Kind{PoolSaturated}, ByPool, []string{"All 8 connections were in use at the end of 12 of 12 windows", "3.0 callers waited", "90ms", "Connections are held while no statement runs"}},
		{"pool with waits for new connections", func(p *picture) {
			for i := range p.all {
				p.all[i].Wait = 15 * time.Second
			}
		}, nil, ByNothing, nil},
		{"pool that serves nobody", func(p *picture) {
			for i := range p.all {
				w := &p.all[i]
				*w = Window{Began: w.Began, Ended: w.Ended, Runtime: w.Runtime, Pool: Pool{Max: 8, InUse: 8, Waiting: 20}}
			}
		}, []Kind{PoolSaturated}, ByPool, []string{"On average 20.0 callers waited"}},
		{"statement", each(func(w *Window) { w.Statements[1].Total, w.Statements[1].Network = 9*time.Second, 9*time.Second }),
			[]Kind{StatementDominant}, ByDatabase, []string{"update t set a = ?", "12000 calls, 9ms each"}},
		{"statement that is short", each(func(w *Window) {
			w.Statements[1].Total, w.Statements[1].Network, w.Statements[1].Calls = 9*time.Second, 9*time.Second, 10_000
		}), nil, ByDatabase, nil},
		{"statement without load", each(func(w *Window) {
			w.Statements = []StatementWindow{{Fingerprint: 1, Text: "select ?", Calls: 2, Total: 200 * time.Millisecond, Network: 200 * time.Millisecond}}
			w.Calls, w.Pool, w.Wait = 2, Pool{}, 0
		}), nil, ByNothing, nil},
		{"large results", each(func(w *Window) { w.Statements[0].Rows = 6_000_000 }), []Kind{ResultsLarge}, ByNothing, []string{"6000 rows"}},
		{"large results, rarely", each(func(w *Window) {
			w.Statements[0].Rows, w.Statements[0].Calls = 60_000, 10
			w.Statements[0].Total, w.Statements[0].Network = 40*time.Millisecond, 40*time.Millisecond
		}), nil, ByNothing, nil},
		{"large rows", each(func(w *Window) { w.Statements[2].Bytes = 2000 << 20 }), []Kind{ResultsLarge}, ByNothing, []string{"2.1 MB"}},
		{"no limit", each(func(w *Window) { w.Statements[0].Rows = 2_000_000 }), []Kind{ResultsLarge}, ByNothing, []string{"no LIMIT", "MaxRows"}},
		{"limit", each(func(w *Window) { w.Statements[2].Rows = 2_000_000 }), nil, ByNothing, nil},
		{"large update", each(func(w *Window) { w.Statements[1].Rows = 9_000_000 }), nil, ByNothing, nil},
		{"cold cache", each(func(w *Window) { w.Caches[0].Answered, w.Caches[0].Cold = 100, 900 }), []Kind{CacheIneffective}, ByNothing, []string{"not repeated"}},
		{"small cache", each(func(w *Window) { w.Caches[0].Answered, w.Caches[0].Evicted, w.Caches[0].Evictions = 100, 900, 900 }), []Kind{CacheIneffective}, ByNothing, []string{"10800 evicted", "Options.MaxBytes"}},
		{"small cache with cold misses", each(func(w *Window) { w.Caches[0].Answered, w.Caches[0].Cold, w.Caches[0].Evictions = 100, 900, 900 }), []Kind{CacheIneffective}, ByNothing, []string{"Options.MaxBytes"}},
		{"invalidated cache", each(func(w *Window) { w.Caches[0].Answered, w.Caches[0].Invalidated = 100, 800 }), []Kind{CacheIneffective}, ByNothing, []string{"written too often"}},
		{"expired cache", each(func(w *Window) { w.Caches[0].Answered, w.Caches[0].Expired = 100, 800 }), []Kind{CacheIneffective}, ByNothing, []string{"Policy.TTL"}},
		{"refusing cache", each(func(w *Window) { w.Caches[0].Answered, w.Caches[0].Refused = 100, 800 }), []Kind{CacheIneffective}, ByNothing, []string{"Explain"}},
		{"cache that refuses a few lookups", each(func(w *Window) { w.Caches[0] = CacheWindow{Name: "main", Lookups: 8, Refused: 8} }), nil, ByNothing, nil},
		{"cache that was filled", func(p *picture) {
			for i := range 8 {
				p.windows[i].Caches[0] = CacheWindow{Name: "main", Lookups: 1000, Cold: 1000}
			}
		}, nil, ByNothing, nil},
		{"cache that is not used", each(func(w *Window) { w.Caches[0] = CacheWindow{Name: "main", Lookups: 8, Cold: 8} }), nil, ByNothing, nil},
		{"tier that is down", func(p *picture) {
			for i := 9; i < 12; i++ {
				p.windows[i].Tiers[0] = TierWindow{Cache: "main", Name: "redis", Passed: 1000, Errors: 2, Down: true, Pending: 7, LastError: "get: connection refused"}
			}
		}, []Kind{TierPassedOver}, ByNothing, []string{
			`Tier "redis" of cache "main" is passed over`, "It is down, with 7 raises pending, and was passed over at the end of 3 of 12 windows",
			"3000 reads passed it over, 1350 used it, and 6 errors occurred", "get: connection refused", "Options.TierTimeout",
		}},
		{"tier with pending raises", func(p *picture) { p.windows[10].Tiers[1].Pending, p.windows[11].Tiers[1].Pending = 1, 1 },
			[]Kind{TierPassedOver}, ByNothing, []string{`Tier "table"`, "It is in use, with 1 raise pending", "2 of 12 windows"}},
		{"tier that was down at the end of a window", func(p *picture) { p.windows[11].Tiers[0].Down = true }, nil, ByNothing, nil},
		{"tier that was down", func(p *picture) { p.windows[9].Tiers[0].Down, p.windows[10].Tiers[0].Down = true, true }, nil, ByNothing, nil},
		{"tiers that were down in turn", func(p *picture) { p.windows[10].Tiers[0].Down, p.windows[11].Tiers[1].Down = true, true }, nil, ByNothing, nil},
		{"cache that is new", func(p *picture) { p.windows[10].Tiers, p.windows[11].Tiers[0].Down = nil, true }, nil, ByNothing, nil},
		{"cpu", each(func(w *Window) { w.Runtime.CPU = 0.95 }), []Kind{ProcessBusy}, ByCPU, []string{"CPU 95 % of GOMAXPROCS 4"}},
		{"scheduler", each(func(w *Window) { w.Runtime.SchedLatencyP99 = 20 * time.Millisecond }), []Kind{ProcessBusy}, ByCPU, []string{"12 of 12 windows", "20ms"}},
		{"scheduler in some windows", func(p *picture) {
			for i := range 5 {
				p.windows[2*i].Runtime.SchedLatencyP99 = 20 * time.Millisecond
			}
		}, nil, ByNothing, nil},
		{"scheduler once", func(p *picture) { p.windows[3].Runtime.SchedLatencyP99 = time.Second }, nil, ByNothing, nil},
		{"garbage", each(func(w *Window) { w.Runtime.GCCPU = 0.25 }), []Kind{MemoryShort}, ByGarbage, []string{"25 %", "24 collections"}},
		{"garbage of an idle process", each(func(w *Window) { w.Runtime.GCCPU, w.Runtime.CPU = 0.25, 0.01 }), nil, ByNothing, nil},
		{"memory limit", each(func(w *Window) { w.Runtime.HeapLive = 900 << 20 }), []Kind{MemoryShort}, ByMemory, []string{"GOMEMLIMIT"}},
		{"heap grows", grow(1 << 20), []Kind{MemoryGrowing}, ByNothing, []string{"10m0s"}},
		{"heap grows slowly", grow(1 << 10), nil, ByNothing, nil},
		{"heap grows and shrinks", func(p *picture) {
			for i := range p.all {
				p.all[i].Runtime.HeapLive += uint64(i%50) * 4 << 20
			}
		}, nil, ByNothing, nil},
		{"heap grows, shrinks and grows", func(p *picture) {
			for i := range p.all {
				if i != 60 {
					p.all[i].Runtime.HeapLive += uint64(i) * 2 << 20
				}
			}
		}, nil, ByNothing, nil},
		{"heap grows with the cache", func(p *picture) {
			for i := range p.all {
				p.all[i].Runtime.HeapLive += uint64(i) << 20
				p.all[i].Caches[0].Bytes += int64(i) << 20
			}
		}, nil, ByNothing, nil},
		{"goroutines grow", func(p *picture) {
			for i := range p.all {
				p.all[i].Runtime.Goroutines += 50 * i
			}
		}, []Kind{MemoryGrowing}, ByNothing, []string{"goroutine"}},
		{"round trips of one machine", func(p *picture) {
			p.activity.roundTrip = 200 * time.Microsecond
			each(func(w *Window) {
				for i := range w.Statements {
					s := &w.Statements[i]
					s.Calls, s.Rows, s.Total, s.Network = 15*s.Calls, 15*s.Rows, 5*s.Total, 5*s.Network
				}
			})(p)
		}, nil, ByNothing, nil},
		{"network", func(p *picture) {
			p.activity.roundTrip = 400 * time.Microsecond
			each(func(w *Window) { // two at a time
				for i := range w.Statements {
					s := &w.Statements[i]
					s.Calls, s.Rows, s.Total, s.Network = 7*s.Calls, 7*s.Rows, 7*s.Total, 7*s.Network
				}
			})(p)
		}, []Kind{NetworkBound}, ByNetwork, []string{"A round trip takes 400µs", "252000 statements took 500µs each"}},
		{"locks", func(p *picture) {
			p.activity = activity{active: 4, waiting: 3, longest: 4 * time.Second, tables: "items", blockers: 1, sleeping: 1}
		}, []Kind{LockWaits}, ByLocks, []string{"3 sessions wait", "4s", "items", "1 session blocks", "idle in a transaction"}},
		{"transactions", func(p *picture) {
			p.activity = activity{longTx: 1, longestTx: time.Minute, idleInTx: 2, longestIdle: 50 * time.Second, preparedXact: 1}
		}, []Kind{LockWaits}, ByNothing, []string{"1 transaction is open for more than 30s, the oldest for 1m0s", "2 sessions are idle in a transaction for more than 10s, the longest for 50s", "1 older transaction is prepared"}},
		{"server down", func(p *picture) { p.activity = activity{err: errors.New("refused")} }, []Kind{Incomplete}, ByNothing, []string{"refused"}},
		{"no rights", func(p *picture) { p.activity = activity{hidden: 3} }, []Kind{Incomplete}, ByNothing, []string{"3 sessions", "pg_read_all_stats"}},
		{"error with a value", func(p *picture) {
			p.activity = activity{err: &pgconn.PgError{Code: "22P02", Message: `invalid input syntax for type integer: "canary"`}}
		}, []Kind{Incomplete}, ByNothing, []string{"SQLSTATE 22P02"}},
		{"leaks", func(p *picture) {
			stack := []db.Frame{{Function: "main.leak", File: "main.go", Line: 7}}
			p.held = []db.HeldConnection{
				{For: time.Minute, InTx: true, Statement: "Last", Stack: stack}, {For: 50 * time.Second, InTx: true, Statement: "Last", Stack: stack},
				{For: 45 * time.Second, Running: true}, {For: 40 * time.Second},
			}
		}, []Kind{ConnectionLeaked, ConnectionLeaked, ConnectionLeaked}, ByNothing, []string{"2 connections are not returned for 1m0s", "a transaction is open", "main.leak, line 7", "Last", "InTx"}},
	} {
		p := pictureOf(healthy(120))
		c.change(p)
		p = &picture{opts: p.opts, all: p.all, windows: p.windows, activity: p.activity, held: p.held}
		p.sum()
		found := p.findings()
		if got := kinds(found); !slices.Equal(got, c.want) {
			t.Errorf("%s: found %q, want %q\n%+v", c.name, got, c.want, found)
			continue
		}
		if got := p.bottleneck(); got.Resource != c.bottleneck || got.Evidence == "" || got.Resource == ByDatabase && got.Statement == "" {
			t.Errorf("%s: the bottleneck is %+v, want %q", c.name, got, c.bottleneck)
		}
		for _, f := range found {
			if f.Title == "" || f.Evidence == "" || f.Do == "" || f.Share < 0 || f.Share > 1 {
				t.Errorf("%s: incomplete: %+v", c.name, f)
			}
			if text := f.Title + f.Evidence + f.Do; strings.Contains(text, "canary") || strings.Contains(text, "%!") {
				t.Errorf("%s: %s", c.name, text)
			}
		}
		for _, want := range c.evidence {
			if text := found[0].Title + " " + found[0].Evidence + " " + found[0].Do; !strings.Contains(text, want) {
				t.Errorf("%s: %q lacks %q", c.name, text, want)
			}
		}
	}
}

// growing returns windows in which the heap grows.
func growing(n int) []Window {
	out := healthy(n)
	for i := range out {
		out[i].Runtime.HeapLive += uint64(i) * 2 << 20
	}
	return out
}

// What is missing is no finding, and no panic.
func TestFindingsOfNothing(t *testing.T) {
	if p := pictureOf(growing(growthWindows - 1)); len(p.findings()) > 0 {
		t.Error("59 windows are enough to find a heap that grows")
	}
	if p := pictureOf(growing(growthWindows)); len(p.findings()) != 1 {
		t.Error("60 windows are not enough to find a heap that grows")
	}
	for _, windows := range [][]Window{nil, make([]Window, 1), make([]Window, 12), make([]Window, 100)} {
		p := pictureOf(windows)
		if got := p.findings(); len(got) != 0 {
			t.Errorf("found %+v in %d empty windows", got, len(windows))
		}
		if got := p.bottleneck(); got.Resource != ByNothing {
			t.Errorf("the bottleneck of %d empty windows is %+v", len(windows), got)
		}
	}
	p := pictureOf(healthy(12))
	for i := range p.all { // a clock that stands still or goes back
		p.all[i].Ended = p.all[i].Began.Add(-time.Duration(i))
	}
	p.findings()
	p.bottleneck()
}

// Loops are those of spans that ended during the windows.
func TestLoops(t *testing.T) {
	stack := []db.Frame{{Function: "main.handle", File: "main.go", Line: 12}}
	loop := db.Loop{Fingerprint: 1, Text: "select a from t where id = ?", Stack: stack, Span: "orders", Spans: 1, Calls: 100, AllCalls: 100, Time: 2 * time.Second}
	same := db.Loop{Fingerprint: 2, Name: "Price", Text: "select p from t where id = ?", Identical: true, Span: "prices", Spans: 1, Calls: 15, AllCalls: 20, Time: time.Second}
	write, locks, rare, fewOfMany := same, same, same, same
	write.Text = "update t set a = ?"
	locks.Text = "select a from t where id = ? for update"
	rare.Calls, rare.AllCalls = 8, 9
	fewOfMany.Calls, fewOfMany.AllCalls = 10, 100

	for _, c := range []struct {
		name  string
		loops []db.Loop
		want  []Kind
	}{
		{"none", nil, nil},
		{"loop", []db.Loop{loop}, []Kind{StatementRepeated}},
		{"identical", []db.Loop{same, loop}, []Kind{StatementRepeated, ReadsIdentical}},
		{"identical writes", []db.Loop{write}, nil},
		{"identical locking reads", []db.Loop{locks}, nil},
		{"identical, rarely", []db.Loop{rare}, nil},
		{"identical, few of many", []db.Loop{fewOfMany}, nil},
	} {
		windows := healthy(12)
		windows[3].loops = c.loops
		p := pictureOf(windows)
		found := p.findings()
		if got := kinds(found); !slices.Equal(got, c.want) {
			t.Errorf("%s: found %q, want %q", c.name, got, c.want)
		}
		for _, f := range found {
			if f.Kind == StatementRepeated && (f.Stack[0] != stack[0] || !strings.Contains(f.Evidence, "main.handle, line 12") || f.Share <= 0.1) {
				t.Errorf("%s: %+v", c.name, f)
			}
		}
	}

	windows := healthy(12)
	windows[3].loops, windows[7].loops = []db.Loop{loop, same}, []db.Loop{loop}
	if got := pictureOf(windows).findings()[0]; !strings.Contains(got.Evidence, "200 calls with different arguments in 2 spans") || !strings.Contains(got.Evidence, "took 4s") {
		t.Errorf("two windows with a loop: %q", got.Evidence)
	}
}

// A window has what was added to the loops since the one before.
func TestLoopsOfWindows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := new(fake)
		loop := db.Loop{Fingerprint: 1, Span: "orders", Spans: 5, Calls: 100, AllCalls: 100, Time: 2 * time.Second}
		f.loops.Store(&[]db.Loop{loop}) // before the Monitor
		m := f.start(t, nil)
		defer m.Close()
		time.Sleep(5*time.Second + 1)
		later := loop
		later.Spans, later.Calls, later.AllCalls, later.Time = 7, 130, 140, 3*time.Second
		f.loops.Store(&[]db.Loop{later})
		time.Sleep(10 * time.Second)
		windows := m.Windows()
		if len(windows) != 3 || len(windows[0].loops) != 0 || len(windows[1].loops) != 1 || len(windows[2].loops) != 0 {
			t.Fatalf("%d windows: %+v", len(windows), windows)
		}
		if got := windows[1].loops[0]; got.Spans != 2 || got.Calls != 30 || got.AllCalls != 40 || got.Time != time.Second {
			t.Errorf("the window has %+v", got)
		}
	})
}

// Findings are sorted by the time that is lost.
func TestFindingsAreSorted(t *testing.T) {
	p := pictureOf(healthy(12))
	for i := range p.all {
		p.all[i].Statements[1].Total, p.all[i].Statements[1].Network = 9*time.Second, 9*time.Second
		p.all[i].Statements[0].Rows = 9_000_000
		p.all[i].Statements[0].Total = time.Second
		p.all[i].Wait, p.all[i].Pool.InUse = 2*time.Second, 8
		p.all[i].resum()
	}
	p = pictureOf(p.all)
	p.activity.hidden = 1
	found := p.findings()
	if got := kinds(found); !slices.Equal(got, []Kind{StatementDominant, PoolSaturated, ResultsLarge, Incomplete}) {
		t.Fatalf("found %q", got)
	}
	if found[0].Share < 0.6 || found[1].Share > 0.2 || found[3].Share != 0 {
		t.Errorf("shares %v, %v, %v, %v", found[0].Share, found[1].Share, found[2].Share, found[3].Share)
	}
}
