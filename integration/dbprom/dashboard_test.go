package dbprom_test

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	dto "github.com/prometheus/client_model/go"

	"github.com/headrace/headrace/db/dbprom"
	"github.com/headrace/headrace/integration/pgtest"
	"github.com/headrace/headrace/querycache"
)

type dashboard struct {
	Panels []struct {
		Title   string
		Type    string
		GridPos struct{ X, Y, W, H int }
		Targets []struct{ Expr string }
	}
	Templating struct {
		List []struct{ Name, Definition string }
	}
}

var (
	metricName = regexp.MustCompile(`\b(?:headrace|go|process)_\w+`)
	selector   = regexp.MustCompile(`(\w+)\{([^}]*)\}`)
	matcher    = regexp.MustCompile(`(\w+)\s*=~?\s*"([^"]*)"`)
	grouping   = regexp.MustCompile(`by \(([^)]*)\)`)
	variable   = regexp.MustCompile(`\$\{?(\w+)\}?`)
)

// Every metric, label, fixed value of a label and variable in the dashboard
// exists, and every metric of the collector is in a panel.
func TestDashboard(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("../../examples/grafana/headrace.json")
	if err != nil {
		t.Fatal(err)
	}
	var board dashboard
	if err := json.Unmarshal(data, &board); err != nil {
		t.Fatal(err)
	}
	exported := exportedSeries(t)
	variables := map[string]bool{"__rate_interval": true, "__range": true}
	for _, v := range board.Templating.List {
		variables[v.Name] = true
		for _, name := range metricName.FindAllString(v.Definition, -1) {
			if exported[name] == nil {
				t.Errorf("variable %s: %s is not exported", v.Name, name)
			}
		}
	}
	shown := make(map[string]bool)
	for _, panel := range board.Panels {
		if len(panel.Targets) == 0 && panel.Type != "row" {
			t.Errorf("%s has no expressions", panel.Title)
		}
		for _, target := range panel.Targets {
			for _, complaint := range complaints(target.Expr, exported, variables, shown) {
				t.Errorf("%s: %s: %s", panel.Title, target.Expr, complaint)
			}
		}
	}
	for name := range exported {
		base := strings.TrimSuffix(strings.TrimSuffix(strings.TrimSuffix(name, "_bucket"), "_sum"), "_count")
		if strings.HasPrefix(name, "headrace_") && !shown[name] && !shown[base+"_bucket"] {
			t.Errorf("%s is in no panel", name)
		}
	}
	if len(shown) < 20 {
		t.Errorf("only %d metrics were found in the panels", len(shown))
	}
}

// complaints checks an expression.
func complaints(expr string, exported map[string]map[string][]string, variables, shown map[string]bool) (found []string) {
	names := metricName.FindAllString(expr, -1)
	if len(names) == 0 {
		found = append(found, "no metric")
	}
	labels := map[string]bool{"instance": true, "job": true, "le": true} // of scrapes, and of buckets
	for _, name := range names {
		shown[name] = true
		if exported[name] == nil {
			found = append(found, name+" is not exported")
		}
		for label := range exported[name] {
			labels[label] = true
		}
	}
	for _, s := range selector.FindAllStringSubmatch(expr, -1) {
		for _, m := range matcher.FindAllStringSubmatch(s[2], -1) {
			values, ok := exported[s[1]][m[1]]
			switch {
			case m[1] == "job" || m[1] == "instance":
			case !ok:
				found = append(found, s[1]+" has no label "+m[1])
			case !strings.Contains(m[2], "$") && !matchesOne("^(?:"+m[2]+")$", values):
				found = append(found, s[1]+" has no "+m[1]+" "+m[2])
			}
		}
	}
	for _, g := range grouping.FindAllStringSubmatch(expr, -1) {
		for label := range strings.SplitSeq(g[1], ",") {
			if !labels[strings.TrimSpace(label)] {
				found = append(found, "no metric has the label "+label)
			}
		}
	}
	for _, v := range variable.FindAllStringSubmatch(expr, -1) {
		if !variables[v[1]] {
			found = append(found, "no variable "+v[1])
		}
	}
	return found
}

func matchesOne(pattern string, values []string) bool {
	return slices.ContainsFunc(values, regexp.MustCompile(pattern).MatchString)
}

// exportedSeries returns the names of all series of a program with statements,
// an error and a cache, with the values of their labels.
func exportedSeries(t *testing.T) map[string]map[string][]string {
	t.Helper()
	pg := pgtest.DB(t, nil, itemsTable)
	_, _ = pg.Exec(t.Context(), "SELECT 1/0")
	cache, err := querycache.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer cache.Close()
	r := registry(t, dbprom.New(pg, &dbprom.Options{Caches: map[string]*querycache.Cache{"main": cache}}))
	for _, c := range []prometheus.Collector{collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{})} {
		if err := r.Register(c); err != nil {
			t.Fatal(err)
		}
	}
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	exported := make(map[string]map[string][]string)
	for _, f := range families {
		names := []string{f.GetName()}
		switch f.GetType() {
		case dto.MetricType_HISTOGRAM:
			names = []string{f.GetName() + "_bucket", f.GetName() + "_sum", f.GetName() + "_count"}
		case dto.MetricType_SUMMARY:
			names = append(names, f.GetName()+"_sum", f.GetName()+"_count")
		}
		values := make(map[string][]string)
		for _, m := range f.GetMetric() {
			for _, l := range m.GetLabel() {
				values[l.GetName()] = append(values[l.GetName()], l.GetValue())
			}
			for _, q := range m.GetSummary().GetQuantile() {
				values["quantile"] = append(values["quantile"], fmt.Sprint(q.GetQuantile()))
			}
		}
		for _, name := range names {
			exported[name] = values
		}
	}
	return exported
}
