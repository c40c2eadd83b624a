// Package dbprom_test holds the tests of package dbprom that need a server.
package dbprom_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/integration/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

const itemsTable = "CREATE TABLE items (id int PRIMARY KEY, name text)"

// registry returns a registry with a collector.
func registry(t *testing.T, c prometheus.Collector) *prometheus.Registry {
	t.Helper()
	r := prometheus.NewPedanticRegistry()
	if err := r.Register(c); err != nil {
		t.Fatal(err)
	}
	return r
}

// gather returns the values of all series by name and labels. A histogram has a
// value for each bucket, its sum and its count.
func gather(t *testing.T, r prometheus.Gatherer) map[string]float64 {
	t.Helper()
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	values := make(map[string]float64)
	for _, family := range families {
		for _, m := range family.GetMetric() {
			name := family.GetName() + labels(m)
			switch family.GetType() {
			case dto.MetricType_COUNTER:
				values[name] = m.GetCounter().GetValue()
			case dto.MetricType_GAUGE:
				values["gauge "+name] = m.GetGauge().GetValue()
			case dto.MetricType_HISTOGRAM:
				h := m.GetHistogram()
				values[name+" count"], values[name+" sum"] = float64(h.GetSampleCount()), h.GetSampleSum()
				for _, b := range h.GetBucket() {
					values[fmt.Sprint(name, " ", b.GetUpperBound())] = float64(b.GetCumulativeCount())
				}
			}
		}
	}
	return values
}

func labels(m *dto.Metric) (text string) {
	for _, l := range m.GetLabel() {
		text += " " + l.GetName() + "=" + l.GetValue()
	}
	return text
}

// run executes statements that succeed.
func run(t *testing.T, pg db.Execer, sqls ...string) {
	t.Helper()
	for _, sql := range sqls {
		if _, err := pg.Exec(context.WithoutCancel(t.Context()), sql); err != nil {
			t.Fatal(err)
		}
	}
}
