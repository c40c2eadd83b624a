package diagnose

import (
	"context"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/headrace/headrace/querycache"
)

// An invalid option is an error that names its field.
func TestOptionsAreValidated(t *testing.T) {
	threshold := func(t Threshold) *Options {
		return &Options{Thresholds: []Threshold{{Metric: CPU, Above: Ratio(1)}, t}}
	}
	for _, c := range []struct {
		opts  *Options
		field string // "" if valid
	}{
		{nil, ""},
		{&Options{}, ""},
		{&Options{Interval: time.Second, Windows: 12, HeldFor: time.Minute}, ""},
		{&Options{Interval: -1}, "Options.Interval"},
		{&Options{Interval: time.Microsecond}, "Options.Interval"},
		{&Options{Windows: -1}, "Options.Windows"},
		{&Options{Windows: 11}, "Options.Windows"},
		{&Options{HeldFor: -1}, "Options.HeldFor"},
		{threshold(Threshold{}), "Options.Thresholds[1].Metric"},
		{threshold(Threshold{Metric: -1, Above: Ratio(1)}), "Options.Thresholds[1].Metric"},
		{threshold(Threshold{Metric: endMetrics, Above: Ratio(1)}), "Options.Thresholds[1].Metric"},
		{threshold(Threshold{Metric: CPU}), "Options.Thresholds[1].Above"},
		{threshold(Threshold{Metric: CPU, Above: Ratio(1), Below: Ratio(1)}), "Options.Thresholds[1].Above"},
		{threshold(Threshold{Metric: CPU, Above: Duration(1)}), "Options.Thresholds[1].Above"},
		{threshold(Threshold{Metric: CPU, Above: Ratio(-1)}), "Options.Thresholds[1].Above"},
		{threshold(Threshold{Metric: CPU, Above: Ratio(math.NaN())}), "Options.Thresholds[1].Above"},
		{threshold(Threshold{Metric: P99, Above: Bytes(1)}), "Options.Thresholds[1].Above"},
		{threshold(Threshold{Metric: Heap, Above: Bytes(1)}), ""},
		{threshold(Threshold{Metric: Heap, Above: Ratio(1)}), ""},
		{threshold(Threshold{Metric: Heap, Above: Duration(1)}), "Options.Thresholds[1].Above"},
		{threshold(Threshold{Metric: CPU, Above: Ratio(1), Clear: Bytes(1)}), "Options.Thresholds[1].Clear"},
		{threshold(Threshold{Metric: CPU, Above: Ratio(1), Clear: Ratio(2)}), "Options.Thresholds[1].Clear"},
		{threshold(Threshold{Metric: CPU, Below: Ratio(1), Clear: Ratio(0.5)}), "Options.Thresholds[1].Clear"},
		{threshold(Threshold{Metric: CPU, Above: Ratio(1), For: -1}), "Options.Thresholds[1].For"},
		{threshold(Threshold{Metric: StatementP99, Above: Duration(1)}), "Options.Thresholds[1].Statement"},
		{threshold(Threshold{Metric: StatementP99, Statement: "X", Above: Duration(1)}), ""},
		{threshold(Threshold{Metric: P99, Statement: "X", Above: Duration(1)}), "Options.Thresholds[1].Statement"},
		{threshold(Threshold{Metric: P99, Cache: "X", Above: Duration(1)}), "Options.Thresholds[1].Cache"},
		{threshold(Threshold{Metric: HitRatio, Below: Ratio(1)}), "Options.Thresholds[1].Metric"},
		{&Options{Caches: map[string]*querycache.Cache{"a": nil}, Thresholds: []Threshold{{Metric: HitRatio, Cache: "b", Below: Ratio(1)}}}, "Options.Thresholds[0].Cache"},
		{&Options{Caches: map[string]*querycache.Cache{"a": nil}, Thresholds: []Threshold{{Metric: HitRatio, Cache: "a", Below: Ratio(1)}}}, ""},
		{threshold(Threshold{Metric: ReplicaLag, Above: Duration(1)}), "Options.Thresholds[1].Metric"},
		{&Options{Lag: func(context.Context) (time.Duration, error) { return 0, nil }, Thresholds: []Threshold{{Metric: ReplicaLag, Above: Duration(1)}}}, ""},
	} {
		err := c.opts.validate()
		if c.field == "" && err != nil || c.field != "" && (err == nil || !strings.HasPrefix(err.Error(), "diagnose: "+c.field)) {
			t.Errorf("%+v: %v, want an error about %q", c.opts, err, c.field)
		}
	}
	for field, opts := range map[string]*HealthOptions{"MaxLag": {MaxLag: -1}, "Timeout": {Timeout: -1}} {
		if err := opts.validate(); err == nil || !strings.HasPrefix(err.Error(), "diagnose: HealthOptions."+field) {
			t.Errorf("%v, want an error about %s", err, field)
		}
	}
	if _, err := New(nil, nil); err == nil {
		t.Error("New accepts no handle")
	}
	if _, err := NewHealth(nil, nil); err == nil {
		t.Error("NewHealth accepts no handle")
	}
}

func TestTexts(t *testing.T) {
	for got, want := range map[string]string{
		Duration(1234 * time.Millisecond).String():   "1.23s",
		Duration(12345 * time.Microsecond).String():  "12.3ms",
		Duration(90*time.Second + 400*1000).String(): "1m30s",
		Duration(0).String():                         "0s",
		Ratio(0.25).String():                         "25 %",
		Ratio(0.0123).String():                       "1.2 %",
		Ratio(1).String():                            "100 %",
		Bytes(999).String():                          "999 B",
		Bytes(3_210_000).String():                    "3.21 MB",
		Bytes(123_456_789_000).String():              "123 GB",
		Bytes(5e15).String():                         "5e+03 TB",
		Value{}.String():                             "none",
		Metric(99).String():                          "unknown",
		PoolWait.String():                            "pool wait",
		shorten("ab"):                                "ab",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	for m := P99; m < endMetrics; m++ {
		if text, err := m.MarshalText(); err != nil || len(text) == 0 || m.String() == "unknown" {
			t.Errorf("metric %d has no name", m)
		}
	}
}
