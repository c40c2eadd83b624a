package diagnose

import (
	"fmt"
	"math"
	"strconv"
	"time"
)

// A Metric is a figure of a window that a Threshold watches.
type Metric int

// The metrics.
const (
	_            Metric = iota
	P99                 // 99th percentile of the time of all statements; a Duration
	StatementP99        // 99th percentile of the time of Threshold.Statement; a Duration
	ErrorRate           // failed statements, as a Ratio of all
	PoolWait            // 99th percentile of the waits for a connection; a Duration
	HitRatio            // cache lookups that were answered, as a Ratio of all but the refused ones
	ReplicaLag          // as Options.Lag returns it; a Duration
	Heap                // live heap; Bytes, or a Ratio of GOMEMLIMIT
	GCShare             // CPU time of the garbage collector, as a Ratio of that of the process
	SchedLatency        // 99th percentile of the time that goroutines that could run waited for a thread; a Duration
	CPU                 // CPU time of the process, as a Ratio of what GOMAXPROCS allows

	endMetrics // one more than the last
)

var metricNames = [endMetrics]string{
	P99: "p99", StatementP99: "statement p99", ErrorRate: "error rate", PoolWait: "pool wait", HitRatio: "hit ratio",
	ReplicaLag: "replica lag", Heap: "heap", GCShare: "gc share", SchedLatency: "scheduler latency", CPU: "cpu",
}

// String returns the metric's name, such as "pool wait".
func (m Metric) String() string {
	if m <= 0 || m >= endMetrics {
		return "unknown"
	}
	return metricNames[m]
}

// MarshalText returns the metric's name.
func (m Metric) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

func (m Metric) accepts(u unit) bool {
	switch m {
	case ErrorRate, HitRatio, GCShare, CPU:
		return u == ratio
	case Heap:
		return u == ratio || u == size
	}
	return u == duration
}

func (m Metric) units() string {
	switch {
	case m == Heap:
		return "Bytes or a Ratio"
	case m.accepts(ratio):
		return "a Ratio"
	}
	return "a Duration"
}

type unit int8

const (
	duration unit = iota + 1 // in seconds
	ratio                    // 0 to 1
	size                     // in bytes
)

// A Value is the value of a metric: a duration, a ratio or a number of bytes.
// The zero Value is none.
type Value struct {
	of unit
	n  float64
}

// Duration returns the value of a metric that is a duration.
func Duration(d time.Duration) Value { return Value{duration, d.Seconds()} }

// Ratio returns the value of a metric that is a share: 0.25 is 25 %.
func Ratio(r float64) Value { return Value{ratio, r} }

// Bytes returns the value of a metric that is a size.
func Bytes(n uint64) Value { return Value{size, float64(n)} }

// IsZero reports whether v is no value.
func (v Value) IsZero() bool { return v.of == 0 }

// Float returns the number: seconds, a ratio, or bytes.
func (v Value) Float() float64 { return v.n }

// String returns the value with its unit, such as "1.5s", "25 %" or "3.2 MB".
func (v Value) String() string {
	switch v.of {
	case duration:
		return rounded(time.Duration(v.n * float64(time.Second))).String()
	case ratio:
		return percent(v.n)
	case size:
		return byteSize(v.n)
	}
	return "none"
}

// MarshalText returns the value with its unit.
func (v Value) MarshalText() ([]byte, error) { return []byte(v.String()), nil }

// A Threshold is a bound of a metric. A warning is reported once the metric has
// been beyond it for For windows in a row, and a second one once it has been
// within Clear for as many. A metric that has no value in a window, such as the
// percentile of no statements, counts as within; while the lag of a replica is
// unknown, nothing changes.
type Threshold struct {
	Metric    Metric
	Statement string // for StatementP99: the name of the statement, or its fingerprint's text
	Cache     string // for HitRatio: a name in Options.Caches; "" means all caches together

	// Exactly one of Above and Below is set: to a Duration, a Ratio or Bytes,
	// as the metric requires.
	Above, Below Value

	// Clear is the value at which the warning is over. Default: 80 % of Above,
	// or 120 % of Below; for a ratio that this would take beyond 1, halfway
	// between Below and 1.
	Clear Value

	// For is a number of windows in a row. Default 2.
	For int
}

const defaultFor = 2

// String returns the condition, such as "p99 above 200ms".
func (t Threshold) String() string {
	of := ""
	switch {
	case t.Statement != "":
		of = " of " + t.Statement
	case t.Cache != "":
		of = " of cache " + strconv.Quote(t.Cache)
	}
	if t.Above.IsZero() {
		return t.Metric.String() + of + " below " + t.Below.String()
	}
	return t.Metric.String() + of + " above " + t.Above.String()
}

func (t Threshold) withDefaults() Threshold {
	if t.For == 0 {
		t.For = defaultFor
	}
	switch {
	case !t.Clear.IsZero():
	case !t.Above.IsZero():
		t.Clear = Value{t.Above.of, 0.8 * t.Above.n}
	default:
		t.Clear = Value{t.Below.of, 1.2 * t.Below.n}
		if t.Below.of == ratio {
			t.Clear.n = min(t.Clear.n, (t.Below.n+1)/2)
		}
	}
	return t
}

// beyond reports whether a value crosses the threshold.
func (t Threshold) beyond(n float64) bool {
	if t.Above.IsZero() {
		return n < t.Below.n
	}
	return n > t.Above.n
}

// clears reports whether a warning is over at a value.
func (t Threshold) clears(n float64) bool {
	if t.Above.IsZero() {
		return n >= t.Clear.n
	}
	return n <= t.Clear.n
}

// invalid describes the first invalid field, beginning with its name. It
// returns "" if there is none.
func (t Threshold) invalid() string {
	limit := t.Above
	if limit.IsZero() {
		limit = t.Below
	}
	switch {
	case t.Metric <= 0 || t.Metric >= endMetrics:
		return fmt.Sprintf("Metric is %d: want one of the constants", int(t.Metric))
	case t.Metric == StatementP99 && t.Statement == "":
		return "Statement is empty: StatementP99 needs the name of a statement"
	case t.Metric != StatementP99 && t.Statement != "":
		return fmt.Sprintf("Statement is %q: metric %v is about all statements", t.Statement, t.Metric)
	case t.Metric != HitRatio && t.Cache != "":
		return fmt.Sprintf("Cache is %q: metric %v is not about caches", t.Cache, t.Metric)
	case t.Above.IsZero() == t.Below.IsZero():
		return "Above and Below: want exactly one of them"
	case !t.Metric.accepts(limit.of):
		return fmt.Sprintf("Above or Below is %v: metric %v is %s", limit, t.Metric, t.Metric.units())
	case limit.n < 0 || math.IsNaN(limit.n):
		return fmt.Sprintf("Above or Below is %v: want 0 or more", limit)
	case !t.Clear.IsZero() && t.Clear.of != limit.of:
		return fmt.Sprintf("Clear is %v: want the unit of the bound, %v", t.Clear, limit)
	case !t.Clear.IsZero() && t.beyond(t.Clear.n):
		return fmt.Sprintf("Clear is %v, which is beyond the bound %v", t.Clear, limit)
	case t.For < 0:
		return fmt.Sprintf("For is %d: want 0 (the default, %d) or more", t.For, defaultFor)
	}
	return ""
}
