package diagnose

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/headrace/headrace/db"
)

// A picture is what findings are drawn from: the last windows, the connections in
// use, and the server's activity.
type picture struct {
	opts    *Options
	all     []Window // that are kept
	windows []Window // the last of them, at most horizon
	elapsed time.Duration

	calls, trips                 int64
	total, wait, network, client time.Duration     // see waited
	spent                        time.Duration     // total and wait
	cpu                          float64           // mean; -1 if unknown
	gc                           float64           // CPU time of the collector, divided by that of the process; mean by CPU time
	statements                   []StatementWindow // those that windows list, in descending order of Total; P99 is the greatest

	loops    map[loopKey]*db.Loop // of spans that ended during the windows
	held     []db.HeldConnection
	activity activity
}

// picture gathers what findings are drawn from.
func (m *Monitor) picture(ctx context.Context) *picture {
	p := &picture{opts: &m.opts, all: m.Windows(), held: m.source.held(m.opts.HeldFor)}
	p.activity = m.server.activity(ctx, m.opts.Interval, m.opts.HeldFor)
	p.windows = p.all[max(len(p.all)-horizon, 0):]
	p.sum()
	return p
}

// sum adds the windows up.
func (p *picture) sum() {
	statements := make(map[statementKey]*StatementWindow)
	p.loops = make(map[loopKey]*db.Loop)
	var cpu, gc, measured float64
	for i := range p.windows {
		w := &p.windows[i]
		p.elapsed += w.elapsed()
		p.calls += w.Calls
		p.trips += w.trips
		p.total += w.Total
		p.wait += w.waited()
		p.network += w.Network
		p.client += w.Client
		if used := w.Runtime.CPU; used >= 0 {
			cpu += used * w.elapsed().Seconds()
			gc += used * w.elapsed().Seconds() * w.Runtime.GCCPU
			measured += w.elapsed().Seconds()
		}
		addLoops(p.loops, w.loops)
		for j := range w.Statements {
			addStatement(statements, &w.Statements[j])
		}
	}
	p.spent = p.total + p.wait
	p.cpu = -1
	if measured > 0 {
		p.cpu = cpu / measured
	}
	if cpu > 0 {
		p.gc = gc / cpu
	}
	for _, s := range statements {
		p.statements = append(p.statements, *s)
	}
	slices.SortFunc(p.statements, func(a, b StatementWindow) int {
		return cmp.Or(cmp.Compare(b.Total, a.Total), cmp.Compare(a.Fingerprint, b.Fingerprint), cmp.Compare(a.Name, b.Name))
	})
}

func addStatement(to map[statementKey]*StatementWindow, s *StatementWindow) {
	key := statementKey{s.Fingerprint, s.Name}
	sum := to[key]
	if sum == nil {
		sum = &StatementWindow{Fingerprint: s.Fingerprint, Name: s.Name, Text: s.Text}
		to[key] = sum
	}
	sum.Calls += s.Calls
	sum.Errors += s.Errors
	sum.Rows += s.Rows
	sum.Bytes += s.Bytes
	sum.Total += s.Total
	sum.Wait += s.Wait
	sum.Network += s.Network
	sum.P50, sum.P99 = max(sum.P50, s.P50), max(sum.P99, s.P99)
}

// load returns how many callers had an operation of the given total time under
// way on average.
func (p *picture) load(spent time.Duration) float64 {
	if p.elapsed <= 0 {
		return 0
	}
	return spent.Seconds() / p.elapsed.Seconds()
}

// in reports how many of the windows have a property.
func (p *picture) in(has func(*Window) bool) (n int) {
	for i := range p.windows {
		if has(&p.windows[i]) {
			n++
		}
	}
	return n
}

// serverTime returns an estimate of the time that the server worked on a
// statement. The time of statements of batches counts as its time.
func (p *picture) serverTime(s *StatementWindow) time.Duration {
	if s.Network == 0 {
		return s.Total
	}
	return max(s.Network-time.Duration(s.Calls)*p.roundTrip(), 0)
}

// fewCalls are too few for a percentile of their time to mean much.
const fewCalls = 10

// roundTrip returns the time of a round trip: the shortest of the pings, or
// less if half of the calls of a statement took less, as where the process was
// busy while it pinged.
func (p *picture) roundTrip() time.Duration {
	trip := p.activity.roundTrip
	for i := range p.windows {
		for _, s := range p.windows[i].Statements {
			if s.Calls >= fewCalls && s.Network > 0 {
				trip = min(trip, s.P50)
			}
		}
	}
	return trip
}

// roundTrips returns an estimate of the time that statements spent on the way.
func (p *picture) roundTrips() time.Duration {
	return min(time.Duration(p.trips)*p.roundTrip(), p.network)
}

// label returns a statement's name, or its text.
func label(name, text string) string {
	if name != "" {
		return name
	}
	return shorten(text)
}

const longestLabel = 80

// shorten returns the beginning of a text, for titles.
func shorten(text string) string {
	runes := 0
	for i := range text {
		if runes++; runes > longestLabel {
			return text[:i] + "…"
		}
	}
	return text
}
