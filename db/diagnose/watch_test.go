package diagnose

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// cpuWindows returns windows of ten seconds with the given CPU shares, in
// percent; -1 is unknown.
func cpuWindows(shares ...int) []Window {
	began := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	out := make([]Window, len(shares))
	for i, share := range shares {
		out[i].Began = began.Add(time.Duration(i) * 10 * time.Second)
		out[i].Ended = out[i].Began.Add(10 * time.Second)
		out[i].Runtime.CPU = max(float64(share)/100, -1)
		if share < 0 {
			out[i].Runtime.CPU = -1
		}
		out[i].Lag = -1
	}
	return out
}

// outcomes returns what a threshold reports in each window: "+" a crossing, "-"
// its end, "." nothing.
func outcomes(threshold Threshold, windows []Window) string {
	t := watch{threshold: threshold.withDefaults()}
	var out strings.Builder
	for i := range windows {
		w, ok := t.observe(&windows[i])
		switch {
		case !ok:
			out.WriteByte('.')
		case w.Over:
			out.WriteByte('-')
		default:
			out.WriteByte('+')
		}
	}
	return out.String()
}

func TestWatch(t *testing.T) {
	above := Threshold{Metric: CPU, Above: Ratio(0.5)}
	for _, c := range []struct {
		name      string
		threshold Threshold
		cpu       []int
		want      string
	}{
		{"never", above, []int{50, 10, 50, 0}, "...."},
		{"one window is not enough", above, []int{60, 10, 60, 10}, "...."},
		{"two in a row", above, []int{10, 60, 60, 60}, "..+."},
		{"over at 80 %", above, []int{60, 60, 40, 40, 40}, ".+.-."},
		{"not over between", above, []int{60, 60, 45, 41, 45, 49}, ".+...."},
		{"one window within is not over", above, []int{60, 60, 10, 60, 10, 60}, ".+...."},
		{"clear", Threshold{Metric: CPU, Above: Ratio(0.5), Clear: Ratio(0.5)}, []int{60, 60, 50, 50}, ".+.-"},
		{"for one", Threshold{Metric: CPU, Above: Ratio(0.5), For: 1}, []int{60, 10}, "+-"},
		{"for three", Threshold{Metric: CPU, Above: Ratio(0.5), For: 3}, []int{60, 60, 40, 60, 60, 60, 0, 0, 0}, ".....+..-"},
		{"below", Threshold{Metric: CPU, Below: Ratio(0.5)}, []int{60, 40, 40, 55, 55, 60, 60}, "..+...-"},
		{"unknown changes nothing", above, []int{60, -1, 60, -1, -1, -1, 10, -1, 10}, "..+.....-"},
		{"flapping is reported once a minute", above, []int{60, 60, 0, 0, 60, 60, 0, 0, 60, 60, 0, 0, 60, 60, 0, 0}, ".+.-.....+.-...."},
		{"still crossed after a minute", above, []int{60, 60, 0, 0, 60, 60, 60, 60, 60, 60}, ".+.-...+.."},
	} {
		if got := outcomes(c.threshold, cpuWindows(c.cpu...)); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

func TestWarning(t *testing.T) {
	w := watch{threshold: Threshold{Metric: CPU, Above: Ratio(0.5)}.withDefaults()}
	var got []string
	for _, window := range cpuWindows(0, 60, 70, 70, 10, 10, 60, 60, 0, 0, 60, 60) {
		if warning, ok := w.observe(&window); ok {
			got = append(got, fmt.Sprintf("%v (%d)", warning, warning.Missed))
		}
	}
	want := []string{"cpu above 50 %: 70 %, for 20s (0)", "cpu above 50 %: over after 50s, now 10 % (0)", "cpu above 50 %: 60 %, for 20s (1)"}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("warnings\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// Each metric has its value, and percentiles of nothing have none.
func TestMetrics(t *testing.T) {
	w := Window{
		Calls: 10, Errors: 5, P99: time.Second, WaitP99: 2 * time.Second, Lag: 3 * time.Second,
		Runtime:    Runtime{CPU: 0.25, GCCPU: 0.5, SchedLatencyP99: 4 * time.Second, HeapLive: 100, MemoryLimit: 200},
		Caches:     []CacheWindow{{Name: "a", Lookups: 20, Refused: 10, Answered: 5}, {Name: "b", Lookups: 10, Answered: 10}},
		Statements: []StatementWindow{{Name: "X", P99: 5 * time.Second}, {Name: "X", P99: 6 * time.Second}, {Text: "select ?", P99: 7 * time.Second}},
	}
	empty := Window{Lag: -1, Runtime: Runtime{CPU: -1}}
	for _, c := range []struct {
		threshold Threshold
		want      float64
		empty     known
	}{
		{Threshold{Metric: P99, Above: Duration(1)}, 1, absent},
		{Threshold{Metric: StatementP99, Statement: "X", Above: Duration(1)}, 6, absent},
		{Threshold{Metric: StatementP99, Statement: "select ?", Above: Duration(1)}, 7, absent},
		{Threshold{Metric: ErrorRate, Above: Ratio(1)}, 0.5, absent},
		{Threshold{Metric: PoolWait, Above: Duration(1)}, 2, absent},
		{Threshold{Metric: HitRatio, Below: Ratio(1)}, 0.75, absent},
		{Threshold{Metric: HitRatio, Cache: "a", Below: Ratio(1)}, 0.5, absent},
		{Threshold{Metric: ReplicaLag, Above: Duration(1)}, 3, unmeasured},
		{Threshold{Metric: Heap, Above: Bytes(1)}, 100, measured},
		{Threshold{Metric: Heap, Above: Ratio(1)}, 0.5, absent},
		{Threshold{Metric: GCShare, Above: Ratio(1)}, 0.5, measured},
		{Threshold{Metric: SchedLatency, Above: Duration(1)}, 4, measured},
		{Threshold{Metric: CPU, Above: Ratio(1)}, 0.25, unmeasured},
	} {
		if got, state := c.threshold.valueIn(&w); got != c.want || state != measured {
			t.Errorf("%v is %v (%d), want %v", c.threshold, got, state, c.want)
		}
		if _, state := c.threshold.valueIn(&empty); state != c.empty {
			t.Errorf("%v of nothing is in state %d, want %d", c.threshold, state, c.empty)
		}
	}
}

func TestDefaultClear(t *testing.T) {
	for _, c := range []struct {
		threshold Threshold
		want      string
	}{
		{Threshold{Metric: P99, Above: Duration(time.Second)}, "800ms"},
		{Threshold{Metric: HitRatio, Below: Ratio(0.5)}, "60 %"},
		{Threshold{Metric: HitRatio, Below: Ratio(0.9)}, "95 %"},
		{Threshold{Metric: Heap, Above: Bytes(1000)}, "800 B"},
		{Threshold{Metric: CPU, Above: Ratio(0.5), Clear: Ratio(0.1)}, "10 %"},
	} {
		if got := c.threshold.withDefaults().Clear.String(); got != c.want {
			t.Errorf("%v is over at %s, want %s", c.threshold, got, c.want)
		}
	}
}

// A warning that ends because the metric has no value any more shows none.
func TestWarningEndsWithoutAValue(t *testing.T) {
	w := newWatches([]Threshold{{Metric: ErrorRate, Above: Ratio(0.1), For: 1}})
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	window := func(calls, errors int64) *Window {
		began := at
		at = at.Add(5 * time.Second)
		return &Window{Began: began, Ended: at, Calls: calls, Errors: errors}
	}
	if out, ok := w[0].observe(window(10, 10)); !ok || out.Value != Ratio(1) {
		t.Fatalf("not crossed: %+v", out)
	}
	out, ok := w[0].observe(window(0, 0))
	if !ok || !out.Over || !out.Value.IsZero() || !strings.Contains(out.String(), "now without a value") {
		t.Errorf("%v %q", out, out)
	}
}
