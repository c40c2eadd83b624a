package report

import (
	"fmt"
	"strings"

	"github.com/headrace/headrace/integration/benchmarks/internal/measure"
)

// A number is one of those that README.md shows, and a panel of the chart.
type number struct {
	label   string
	unit    string
	work    string
	table   table
	subject string // of headrace
	peers   []peer // README's table has the first
}

type peer struct{ subject, label string }

var numbers = []number{
	{
		label: "Read 10,000 rows of 12 columns: client CPU per row", unit: "ns",
		work: "read/10000x12/replay", table: table{metric: measure.CPUPerRow}, subject: "headrace",
		peers: []peer{{"sqlc", "sqlc"}, {"pgx-byname", "pgx RowToStructByName"}, {"bun", "bun"}, {"gorm", "gorm"}},
	},
	{
		label: "Read 10,000 rows of 12 columns: allocations", unit: "",
		work: "read/10000x12/replay", table: table{metric: measure.AllocsPerOp}, subject: "headrace",
		peers: []peer{{"sqlc", "sqlc"}, {"pgx-byname", "pgx RowToStructByName"}, {"bun", "bun"}, {"gorm", "gorm"}},
	},
	{
		label: "Page 10,000 of a table: buffers read by the server", unit: "",
		work: "page/10000/unique", table: table{metric: "buffers"}, subject: "headrace",
		peers: []peer{{"offset", "OFFSET"}},
	},
	{
		label: "Read a cached row, copied for the caller: time", unit: "ns",
		work: "cached/hot", table: table{metric: measure.NsPerOp}, subject: "headrace-copy",
		peers: []peer{{"server", "PostgreSQL"}, {"redis-json", "Redis"}},
	},
	{
		label: "COPY 1,000,000 rows of 4 columns: client CPU per row", unit: "ns",
		work: "copy/narrow", table: table{metric: measure.CPUPerRow}, subject: "headrace",
		peers: []peer{{"pgx-copyfrom", "pgx CopyFrom"}, {"sqlc", "sqlc :copyfrom"}},
	},
	{
		label: "Upsert 1,000,000 rows: rows per second", unit: "",
		work: "upsert/1M", table: table{metric: measure.RowsPerSec, more: true}, subject: "headrace",
		peers: []peer{{"pgx-batch", "pgx Batch"}},
	},
}

// Numbers renders the section of README.md.
func Numbers(runs []Run) (string, error) {
	f := figuresOf(runs)
	var b strings.Builder
	b.WriteString("| | headrace | compared with | | ratio |\n|---|---:|---|---:|---:|\n")
	for _, n := range numbers {
		own, their, err := n.values(f)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", n.label, n.text(own), n.peers[0].label, n.text(their[0]), times(n.ratio(own, their[0])))
	}
	b.WriteString("\n![The same numbers as bars, with more libraries](" + ChartPath + ")\n\n")
	b.WriteString("Where others are better, and by which factor ([all works and reasons](BENCHMARKS.md#where-others-are-better)):\n\n")
	for _, l := range f.losses() {
		if l.column.brief != "" {
			fmt.Fprintf(&b, "- %s, %s: %v.\n", l.column.brief, l.table.what, l)
		}
	}
	for _, n := range numbers {
		b.WriteString(n.caveat(f))
	}
	b.WriteString("\n" + provenance(runs) + "\n")
	return b.String(), nil
}

// provenance says where, when and from which source the numbers were measured.
func provenance(runs []Run) string {
	at := mainRun(runs)
	r := runs[at]
	parts := []string{fmt.Sprintf("Measured with %s and PostgreSQL %s on %s, %d cores, at commit %s (%s)", r.Go, r.Server, r.CPU, r.Cores, r.Commit, r.Date)}
	for i, r := range runs {
		if i != at {
			parts = append(parts, fmt.Sprintf("%s on %s at commit %s (%s)", worksOf(runs, i), r.CPU, r.Commit, r.Date))
		}
	}
	return strings.Join(parts, "; ") + ". `make bench` measures everything again, in about an hour."
}

// values returns headrace's figure and those of the peers.
func (n number) values(f figures) (own float64, their []float64, err error) {
	own, ok := f[key(n.work, n.subject, n.table.metric)]
	for _, p := range n.peers {
		v, found := f[key(n.work, p.subject, n.table.metric)]
		their, ok = append(their, v), ok && found
	}
	if !ok {
		return 0, nil, fmt.Errorf("no results for %q: run all works", n.label)
	}
	return own, their, nil
}

func (n number) ratio(own, their float64) float64 { return n.table.factor(own, their) }

// text is a figure with its unit.
func (n number) text(v float64) string {
	if v >= 10 {
		v = float64(int(v + 0.5))
	}
	return strings.TrimSpace(format(v) + " " + n.unit)
}

// caveat compares the rates where a number compares CPU: the server bounds
// them.
func (n number) caveat(f figures) string {
	rate := table{metric: measure.RowsPerSec, more: true}
	own, ok := f[key(n.work, n.subject, rate.metric)]
	their, found := f[key(n.work, n.peers[0].subject, rate.metric)]
	if !ok || !found || n.table.metric != measure.CPUPerRow {
		return ""
	}
	what, _, _ := strings.Cut(n.label, ":")
	return fmt.Sprintf("- %s, rows per second: %.2f times those of %s; the server is the bottleneck.\n", what, rate.factor(own, their), n.peers[0].label)
}
