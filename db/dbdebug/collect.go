package dbdebug

import (
	"cmp"
	"context"
	"fmt"
	"hash/crc32"
	"path"
	"strconv"
	"sync"
	"time"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/db/diagnose"
)

// A source is what the page is about, and the latest answers of what may take
// long.
type source struct {
	pg   *db.DB
	opts Options

	health  recent[diagnose.Report]
	monitor recent[monitored]
	panels  []recent[[]PanelRow]
}

// monitored is what a Monitor says by asking the server.
type monitored struct {
	findings   []diagnose.Finding
	bottleneck diagnose.Bottleneck
}

func newSource(pg *db.DB, opts Options) *source {
	s := &source{pg: pg, opts: opts, panels: make([]recent[[]PanelRow], len(opts.Panels))}
	if h := opts.Health; h != nil {
		s.health.what, s.health.ask = "health", h.Ready
	}
	if m := opts.Monitor; m != nil {
		s.monitor.what = "monitor"
		s.monitor.ask = func(ctx context.Context) monitored { return monitored{m.Findings(ctx), m.Bottleneck(ctx)} }
	}
	for i, p := range opts.Panels {
		s.panels[i].what = "panel " + strconv.Quote(p.Name)
		s.panels[i].ask = p.Rows
		if p.Rows == nil {
			s.panels[i].ask = func(context.Context) []PanelRow { return nil }
		}
	}
	return s
}

// heldAfter is the time from which on a connection in use is shown.
const heldAfter = time.Second

// snapshot collects everything. It waits at most as long as recent does.
func (s *source) snapshot(ctx context.Context) *snapshot {
	out := &snapshot{
		Title: s.opts.Title, At: time.Now().UTC(), Actions: s.opts.Actions,
		Missing: []missing{}, Checks: []check{}, Findings: []finding{}, Warnings: []warning{}, // lists in JSON, not null
		Latest: []span{}, Slowest: []span{}, Caches: []cache{}, Panels: []panelView{}, Over: []series{},
	}
	stats := s.pg.Stats()
	var asked sync.WaitGroup
	asked.Go(func() { s.addHealth(ctx, out) })
	asked.Go(func() { s.addMonitored(ctx, out) })
	asked.Go(func() { s.addPanels(ctx, out) })
	asked.Wait()

	out.Statements = statements(stats.Statements)
	out.Summary.addStats(stats)
	out.Pool = poolOf(stats)
	if m := s.opts.Monitor; m != nil {
		out.addWindows(m.Windows())
		out.addWarnings(m.Warnings())
	}
	out.addSpans(s.pg.Spans())
	out.addHeld(s.pg.Held(heldAfter))
	out.addCaches(s.opts.Caches)
	out.addMissing(&s.opts, stats)
	return out
}

// addMissing says what the page lacks.
func (out *snapshot) addMissing(opts *Options, stats db.Stats) {
	add := func(what, how string) { out.Missing = append(out.Missing, missing{what, how}) }
	if opts.Monitor == nil {
		add("No findings, bottleneck, warnings or figures over time", "set Options.Monitor to a diagnose.Monitor")
	}
	if opts.Health == nil {
		add("No health checks", "set Options.Health to a diagnose.Health")
	}
	if len(stats.Statements) == 0 && stats.Waits.Count > 0 {
		add("No statements, although connections were used", "open the handle by db.Open or db.OpenConfig: a handle of db.New cannot see statements")
	}
	if len(out.Latest) == 0 {
		add("No spans", "wrap the program's http.Handler in dbdebug.Middleware, or call db.Profile")
	}
}

// keyOf identifies a statement on the page, by its name and fingerprint.
func keyOf(fingerprint uint64, name string) string {
	if name == "" {
		return fmt.Sprintf("%016x", fingerprint)
	}
	return fmt.Sprintf("%016x-%08x", fingerprint, crc32.ChecksumIEEE([]byte(name)))
}

func statements(all []db.StatementStats) []statement {
	var total time.Duration
	for i := range all {
		total += all[i].Total
	}
	out := make([]statement, len(all))
	for i := range all {
		out[i] = statementOf(&all[i], total)
	}
	return out
}

func statementOf(s *db.StatementStats, total time.Duration) statement {
	out := statement{
		Key: keyOf(s.Fingerprint, s.Name), Fingerprint: fmt.Sprintf("%016x", s.Fingerprint),
		Name: s.Name, Text: s.Text, Calls: s.Calls, Rows: s.Rows, Bytes: s.Bytes, ErrorsBy: s.Errors,
		Total: secondsOf(s.Total), Max: secondsOf(s.Max), Wait: secondsOf(s.Wait), Network: secondsOf(s.Network),
		P50: secondsOf(min(s.P50, s.Max)), P95: secondsOf(min(s.P95, s.Max)), P99: secondsOf(min(s.P99, s.Max)), // the middles of buckets
		Share: part(s.Total.Seconds(), total.Seconds()), Mean: seconds(part(s.Total.Seconds(), float64(s.Calls))),
		Buckets: buckets(s.Times),
	}
	for _, n := range s.Errors {
		out.Errors += n
	}
	return out
}

// part returns a/b, and 0 if b is not positive.
func part(a, b float64) float64 {
	if b <= 0 {
		return 0
	}
	return a / b
}

// buckets returns the histogram by powers of two, without the empty buckets at
// both ends.
func buckets(h db.Histogram) []bucket {
	var out []bucket
	to := time.Microsecond
	for middle, n := range h.Buckets() {
		for middle > to {
			to *= 2
			if len(out) > 0 {
				out = append(out, bucket{To: secondsOf(to)})
			}
		}
		if len(out) == 0 {
			out = append(out, bucket{To: secondsOf(to)})
		}
		out[len(out)-1].Count += n
	}
	return out
}

// addStats fills in what is known without a monitor.
func (out *summary) addStats(stats db.Stats) {
	var all db.Histogram
	for i := range stats.Statements {
		s := &stats.Statements[i]
		all = all.Add(s.Times)
		out.Calls += s.Calls
		for _, n := range s.Errors {
			out.Errors += n
		}
	}
	out.P50, out.P99 = secondsOf(all.Quantile(0.5)), secondsOf(all.Quantile(0.99))
	out.P99Worst, out.WaitP99 = out.P99, secondsOf(stats.Waits.P99)
	out.ErrorRate = part(float64(out.Errors), float64(out.Calls))
	out.InUse, out.Max = int(stats.Pool.AcquiredConns()), int(stats.Pool.MaxConns())
}

func poolOf(stats db.Stats) pool {
	p, w := stats.Pool, stats.Waits
	return pool{
		InUse: p.AcquiredConns(), Idle: p.IdleConns(), Opening: p.ConstructingConns(), Max: p.MaxConns(),
		Waits: w.Count, WaitTotal: secondsOf(w.Total), WaitMax: secondsOf(w.Max),
		WaitP50: secondsOf(w.P50), WaitP95: secondsOf(w.P95), WaitP99: secondsOf(w.P99),
		Opened: p.NewConnsCount(), ClosedIdle: p.MaxIdleDestroyCount(), ClosedAge: p.MaxLifetimeDestroyCount(),
		Canceled: p.CanceledAcquireCount(), LostNames: stats.LostNames,
	}
}

// manyHeld is the number of held connections that are listed.
const manyHeld = 20

func (out *snapshot) addHeld(all []db.HeldConnection) {
	for i, h := range all {
		if i == manyHeld {
			out.Pool.HeldOmitted = len(all) - manyHeld
			return
		}
		one := held{For: secondsOf(h.For), Statement: h.Statement, Stack: stackOf(h.Stack), State: "idle, not returned"}
		switch {
		case h.Running && h.InTx:
			one.State = "running, in a transaction"
		case h.Running:
			one.State = "running"
		case h.InTx:
			one.State = "idle in a transaction"
		}
		out.Held = append(out.Held, one)
	}
}

// stackOf describes frames without the folders of files.
func stackOf(frames []db.Frame) []string {
	out := make([]string, len(frames))
	for i, f := range frames {
		out[i] = fmt.Sprintf("%s (%s:%d)", f.Function, path.Base(f.File), f.Line)
	}
	return out
}

func (out *snapshot) addPanel(name string, rows []PanelRow, problem string) {
	view := panelView{Name: name, Problem: problem}
	for _, r := range rows {
		view.Rows = append(view.Rows, row{r.Name, r.Text, cmp.Compare(r.Share, 0) < 0, min(max(r.Share, 0), 1)})
	}
	out.Panels = append(out.Panels, view)
}

func (s *source) addPanels(ctx context.Context, out *snapshot) {
	var asked sync.WaitGroup
	rows, problems := make([][]PanelRow, len(s.panels)), make([]string, len(s.panels))
	for i := range s.panels {
		asked.Go(func() { rows[i], problems[i] = s.panels[i].get(ctx) })
	}
	asked.Wait()
	for i := range s.panels {
		out.addPanel(s.opts.Panels[i].Name, rows[i], problems[i])
	}
}
