package dbdebug

import (
	"context"
	"strings"
	"time"

	"github.com/headrace/headrace/db/diagnose"
)

func (s *source) addHealth(ctx context.Context, out *snapshot) {
	if s.opts.Health == nil {
		out.Summary.Health, out.Summary.HealthText = "not checked", "no health checks are configured"
		return
	}
	report, problem := s.health.get(ctx)
	out.addReport(report, problem)
}

// addReport adds the checks, and the failed ones in words.
func (out *snapshot) addReport(report diagnose.Report, problem string) {
	var wrong []string
	if problem != "" {
		wrong = append(wrong, problem)
	}
	for _, c := range report.Checks {
		state := "ok"
		switch {
		case c.Degraded:
			state = "degraded"
		case !c.OK:
			state = "failed"
		}
		if state != "ok" {
			wrong = append(wrong, c.Name+": "+c.Detail)
		}
		out.Checks = append(out.Checks, check{Name: c.Name, State: state, Detail: c.Detail, Took: secondsOf(c.Took)})
	}
	switch {
	case problem != "" && report.At.IsZero():
		out.Summary.Health = "unknown"
	case !report.OK:
		out.Summary.Health = "not ready"
	case report.Degraded || problem != "":
		out.Summary.Health = "degraded"
	default:
		out.Summary.Health = "ready"
	}
	out.Summary.HealthText = strings.Join(wrong, "; ")
	if len(wrong) == 0 {
		out.Summary.HealthText = "all checks pass"
	}
}

func (s *source) addMonitored(ctx context.Context, out *snapshot) {
	if s.opts.Monitor == nil {
		return
	}
	m, problem := s.monitor.get(ctx)
	out.addFindings(m.findings)
	out.Summary.addBottleneck(m.bottleneck, problem)
}

func (out *snapshot) addFindings(all []diagnose.Finding) {
	for _, f := range all {
		one := finding{
			Kind: string(f.Kind), Title: f.Title, Share: f.Share, Evidence: f.Evidence, Do: f.Do, Stack: stackOf(f.Stack), Of: "of the time",
		}
		if f.Kind == diagnose.ConnectionLeaked {
			one.Of = "of the pool"
		}
		if f.Statement != "" {
			one.Key, one.Statement = keyOf(f.Fingerprint, f.Name), label(f.Name, f.Statement)
		}
		out.Findings = append(out.Findings, one)
	}
}

// label is what a statement is called in few words.
func label(name, text string) string {
	if name != "" {
		return name
	}
	return text
}

var resources = map[diagnose.Resource]string{
	diagnose.ByNothing:  "Nothing",
	diagnose.ByCPU:      "CPU of the program",
	diagnose.ByMemory:   "Memory of the program",
	diagnose.ByGarbage:  "Garbage collection",
	diagnose.ByPool:     "Connections of the pool",
	diagnose.ByNetwork:  "Network round trips",
	diagnose.ByDatabase: "The server's work",
	diagnose.ByLocks:    "Locks of other transactions",
}

func (out *summary) addBottleneck(b diagnose.Bottleneck, problem string) {
	out.Bottleneck, out.BottleneckText = resources[b.Resource], b.Evidence
	if out.Bottleneck == "" {
		out.Bottleneck = string(b.Resource)
	}
	switch {
	case problem == "":
	case out.BottleneckText == "":
		out.BottleneckText = problem
	default:
		out.BottleneckText += "; " + problem
	}
}

func (out *snapshot) addWarnings(all []diagnose.Warning) {
	for _, w := range all {
		out.Warnings = append(out.Warnings, warning{Since: w.Since.UTC(), Text: w.String()})
	}
}

// aMinute is the number of windows that figures of the last minute are made of,
// by their length.
func aMinute(all []diagnose.Window) []diagnose.Window {
	for i := range all {
		if all[len(all)-1].Ended.Sub(all[i].Began) <= time.Minute+time.Second {
			return all[i:]
		}
	}
	return all
}

// addWindows adds the figures over time, and replaces those of the summary by
// recent ones.
func (out *snapshot) addWindows(all []diagnose.Window) {
	if len(all) == 0 {
		return
	}
	first, last := &all[0], &all[len(all)-1]
	out.Windows = windows{Count: len(all), From: first.Began.UTC(), To: last.Ended.UTC()}
	out.Summary.addWindows(aMinute(all))
	out.addLoads(all)
	add := func(name, unit string, value func(w *diagnose.Window) float64) {
		s := series{Name: name, Unit: unit, Values: make([]float64, len(all))}
		for i := range all {
			s.Values[i] = value(&all[i])
		}
		out.Over = append(out.Over, s)
	}
	add("Calls", "per second", func(w *diagnose.Window) float64 { return part(float64(w.Calls), elapsed(w)) })
	add("p99", "seconds", func(w *diagnose.Window) float64 { return w.P99.Seconds() })
	add("Errors", "share", func(w *diagnose.Window) float64 { return part(float64(w.Errors), float64(w.Calls)) })
	add("Connections in use", "count", func(w *diagnose.Window) float64 { return float64(w.Pool.InUse) })
	add("Wait p99", "seconds", func(w *diagnose.Window) float64 { return w.WaitP99.Seconds() })
	add("CPU", "share", func(w *diagnose.Window) float64 { return max(w.Runtime.CPU, 0) })
	add("Live heap", "bytes", func(w *diagnose.Window) float64 { return float64(w.Runtime.HeapLive) })
	add("GC share of CPU", "share", func(w *diagnose.Window) float64 { return w.Runtime.GCCPU })
	add("GC pause, longest", "seconds", func(w *diagnose.Window) float64 { return w.Runtime.GCPauseMax.Seconds() })
	add("Scheduler latency p99", "seconds", func(w *diagnose.Window) float64 { return w.Runtime.SchedLatencyP99.Seconds() })
	add("Goroutines", "count", func(w *diagnose.Window) float64 { return float64(w.Runtime.Goroutines) })
	if last.Lag >= 0 && first.Lag >= 0 {
		add("Replica lag", "seconds", func(w *diagnose.Window) float64 { return w.Lag.Seconds() })
	}
	for _, note := range last.Notes {
		out.Missing = append(out.Missing, missing{What: "Not measured", How: note})
	}
}

func elapsed(w *diagnose.Window) float64 { return w.Ended.Sub(w.Began).Seconds() }

func (out *summary) addWindows(minute []diagnose.Window) {
	last := &minute[len(minute)-1]
	out.Window = secondsOf(last.Ended.Sub(last.Began).Round(10 * time.Millisecond))
	out.Rate = part(float64(last.Calls), elapsed(last))
	out.Idle = last.Calls == 0
	out.P50, out.P99, out.WaitP99, out.P99Worst = secondsOf(last.P50), secondsOf(last.P99), secondsOf(last.WaitP99), 0
	out.Waiting = last.Pool.Waiting
	out.Calls, out.Errors = 0, 0
	for i := range minute {
		out.Calls += minute[i].Calls
		out.Errors += minute[i].Errors
		out.P99Worst = max(out.P99Worst, secondsOf(minute[i].P99))
	}
	out.ErrorRate = part(float64(out.Errors), float64(out.Calls))
}

// addLoads adds to each statement its recent figures. A window has them for the
// statements with the most time only.
func (out *snapshot) addLoads(all []diagnose.Window) {
	at := make(map[string]*statement, len(out.Statements))
	for i := range out.Statements {
		at[out.Statements[i].Key] = &out.Statements[i]
	}
	recentFrom := len(all) - len(aMinute(all))
	took := all[len(all)-1].Ended.Sub(all[recentFrom].Began).Seconds()
	for i := range all {
		for _, w := range all[i].Statements {
			s := at[keyOf(w.Fingerprint, w.Name)]
			if s == nil {
				continue
			}
			if s.LoadOver == nil {
				s.LoadOver = make([]float64, len(all))
			}
			s.LoadOver[i] = part(w.Total.Seconds(), elapsed(&all[i]))
			if i >= recentFrom {
				s.Rate += part(float64(w.Calls), took)
				s.Load += part(w.Total.Seconds(), took)
			}
		}
	}
}
