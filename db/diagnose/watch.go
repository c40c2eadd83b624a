package diagnose

import (
	"slices"
	"time"
)

// A watch follows a threshold from window to window.
type watch struct {
	threshold Threshold

	beyond   int       // windows in a row beyond the threshold
	since    time.Time // the beginning of the first of them
	crossed  bool
	within   int // windows in a row within Clear, while crossed
	value    Value
	at       time.Time // the end of the latest window
	reported bool      // whether this crossing was reported
	last     time.Time // when a crossing was last reported
	missed   int       // crossings since then that were not reported
}

// reportEvery is the shortest time between two reports of one threshold.
const reportEvery = time.Minute

// observe takes a window into account, and returns at most one warning.
func (t *watch) observe(w *Window) (Warning, bool) {
	n, known := t.threshold.valueIn(w)
	t.at = w.Ended
	switch known {
	case unmeasured:
	case absent:
		t.value = Value{}
		t.beyond = 0
		t.within++
	case measured:
		t.count(n, w)
	}
	switch {
	case !t.crossed && t.beyond >= t.threshold.For:
		t.crossed, t.reported, t.within = true, false, 0
		t.missed++
	case t.crossed && t.within >= t.threshold.For:
		t.crossed, t.beyond = false, 0
		if t.reported {
			over := t.warning()
			over.Over = true
			return over, true
		}
	}
	recent := !t.last.IsZero() && w.Ended.Sub(t.last) < reportEvery
	if !t.crossed || t.reported || t.within > 0 || recent {
		return Warning{}, false
	}
	t.missed-- // this one is reported
	out := t.warning()
	t.reported, t.last, t.missed = true, w.Ended, 0
	return out, true
}

// count counts a window in which the metric has a value.
func (t *watch) count(n float64, w *Window) {
	t.value = Value{t.threshold.unit(), n}
	switch {
	case !t.threshold.beyond(n):
		t.beyond = 0
	case t.beyond == 0 && !t.crossed:
		t.since = w.Began
		fallthrough
	default:
		t.beyond++
	}
	if t.threshold.clears(n) {
		t.within++
	} else {
		t.within = 0
	}
}

func (t *watch) warning() Warning {
	return Warning{Threshold: t.threshold, Value: t.value, Since: t.since, At: t.at, Missed: t.missed}
}

// The states of a value in a window.
type known int

const (
	measured   known = iota
	absent           // as the percentile of no statements
	unmeasured       // it may be anything
)

func (t Threshold) unit() unit { return max(t.Above.of, t.Below.of) }

// valueIn returns the metric's value in a window.
func (t Threshold) valueIn(w *Window) (float64, known) {
	r := &w.Runtime
	switch t.Metric {
	case P99:
		return some(w.P99.Seconds(), w.Calls > 0)
	case StatementP99:
		return t.statementIn(w)
	case ErrorRate:
		return some(part(w.Errors, w.Calls), w.Calls > 0)
	case PoolWait:
		return some(w.WaitP99.Seconds(), w.WaitP99 > 0)
	case HitRatio:
		return t.hitRatioIn(w)
	case ReplicaLag:
		if w.Lag < 0 {
			return 0, unmeasured
		}
		return w.Lag.Seconds(), measured
	case Heap:
		if t.unit() == ratio {
			return some(part(r.HeapLive, r.MemoryLimit), r.MemoryLimit > 0)
		}
		return float64(r.HeapLive), measured
	case GCShare:
		return r.GCCPU, measured
	case SchedLatency:
		return r.SchedLatencyP99.Seconds(), measured
	case CPU:
		if r.CPU < 0 {
			return 0, unmeasured
		}
		return r.CPU, measured
	}
	return 0, unmeasured
}

func some(n float64, is bool) (float64, known) {
	if is {
		return n, measured
	}
	return 0, absent
}

// statementIn returns the greatest P99 of the statements with the name.
func (t Threshold) statementIn(w *Window) (float64, known) {
	n, is := time.Duration(0), false
	for i := range w.Statements {
		if s := &w.Statements[i]; t.names(s) {
			n, is = max(n, s.P99), true
		}
	}
	return some(n.Seconds(), is)
}

// names reports whether the threshold is about a statement.
func (t Threshold) names(s *StatementWindow) bool {
	return t.Metric == StatementP99 && (t.Statement == s.Name || t.Statement == s.Text)
}

func (t Threshold) hitRatioIn(w *Window) (float64, known) {
	var all CacheWindow
	for _, c := range w.Caches {
		if t.Cache == "" || t.Cache == c.Name {
			all.Answered += c.Answered
			all.Lookups += c.Lookups
			all.Refused += c.Refused
		}
	}
	return some(all.HitRatio(), all.Lookups > all.Refused)
}

// watches follow all thresholds.
type watches []watch

func newWatches(thresholds []Threshold) watches {
	out := make(watches, len(thresholds))
	for i, t := range thresholds {
		out[i].threshold = t
	}
	return out
}

// listed reports whether a threshold names a statement.
func (ws watches) listed(s *StatementWindow) bool {
	return slices.ContainsFunc(ws, func(t watch) bool { return t.threshold.names(s) })
}

// crossed returns a warning for each threshold that is crossed.
func (ws watches) crossed() []Warning {
	var out []Warning
	for i := range ws {
		if ws[i].crossed {
			out = append(out, ws[i].warning())
		}
	}
	return out
}
