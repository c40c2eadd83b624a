package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/headrace/headrace/integration/benchmarks/internal/measure"
	"github.com/headrace/headrace/integration/pgserver"
)

// The section of README.md that writeReadme replaces lies between these lines.
const (
	sectionBegin = "<!-- numbers: written by bench -readme -->\n"
	sectionEnd   = "<!-- /numbers -->\n"
)

// tables are what README.md shows of the results: one metric, works as columns.
var tables = []struct {
	title, metric string
	works         []string
}{
	{
		"Client CPU of typed reads, in ns a row, wire bytes replayed from a recording", measure.CPUPerRow,
		[]string{"read/1/replay", "read/100x10/replay", "read/10000x12/replay", "read/wide/replay"},
	},
	{
		"Allocations of one such read", measure.AllocsPerOp,
		[]string{"read/1/replay", "read/100x10/replay", "read/10000x12/replay", "read/wide/replay"},
	},
	{
		"Buffers that a page of 50 out of 1,000,000 rows touches on the server", "buffers",
		[]string{"page/1/unique", "page/10000/unique", "page/1/nullable", "page/10000/nullable", "page/1/mixed", "page/10000/mixed"},
	},
	{
		"Answered reads, in ns (server-page50: 50 rows)", measure.NsPerOp,
		[]string{"cached/hot", "cached/cold", "cached/server-key", "cached/server-page50", "cached/sqlc"},
	},
	{
		"Requests that hit, of all", measure.HitRatio,
		[]string{"hitratio/zipf", "hitratio/scan", "hitratio/oltp2000", "hitratio/oltp10000"},
	},
	{
		"CPU of a cycle of the collector with 1,000,000 small entries held, in ns", measure.CPUPerOp,
		[]string{"gc/1M"},
	},
	{
		"Heap of such an entry beyond its data, in bytes", measure.BytesPerEntry,
		[]string{"gc/1M"},
	},
	{
		"Client CPU of bulk writes, in ns a row", measure.CPUPerRow,
		[]string{"copy/narrow", "copy/wide", "copy/nulls", "csv/narrow", "insert/1000", "upsert/1M", "load/flights"},
	},
	{
		"Rows a second of the same", measure.RowsPerSec,
		[]string{"copy/narrow", "copy/wide", "copy/nulls", "csv/narrow", "insert/1000", "upsert/1M", "load/flights"},
	},
}

// writeReadme puts the results into the file's section.
func writeReadme(path string, server *pgserver.Server, results []measure.Result) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	head, rest, found := bytes.Cut(text, []byte(sectionBegin))
	_, tail, closed := bytes.Cut(rest, []byte(sectionEnd))
	if !found || !closed {
		return fmt.Errorf("%s: no section between %q and %q", path, sectionBegin, sectionEnd)
	}
	section, err := section(server, results)
	if err != nil {
		return err
	}
	text = slices.Concat(head, []byte(sectionBegin), []byte(section), []byte(sectionEnd), tail)
	return os.WriteFile(path, text, 0o644)
}

func section(server *pgserver.Server, results []measure.Result) (string, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "%s on %s, %d cores; PostgreSQL %s; `go run ./integration/benchmarks/cmd/bench`.\n",
		runtime.Version(), processor(), runtime.NumCPU(), server.Version())
	fmt.Fprintf(&b, "Peers: %s.\n", strings.Join(peers(), ", "))
	for _, t := range tables {
		subjects := subjectsOf(results, t.works)
		if len(subjects) == 0 {
			return "", fmt.Errorf("no results for %q: run all works", t.title)
		}
		fmt.Fprintf(&b, "\n%s:\n\n| |", t.title)
		for _, w := range t.works {
			fmt.Fprintf(&b, " %s |", strings.TrimSuffix(w, "/replay"))
		}
		b.WriteString("\n|---|" + strings.Repeat("---:|", len(t.works)) + "\n")
		for _, s := range subjects {
			fmt.Fprintf(&b, "| %s |", s)
			for _, w := range t.works {
				fmt.Fprintf(&b, " %s |", figure(results, measure.Result{Work: w, Subject: s, Metric: t.metric}))
			}
			b.WriteByte('\n')
		}
	}
	return b.String(), nil
}

func subjectsOf(results []measure.Result, works []string) []string {
	var subjects []string
	for _, r := range results {
		if slices.Contains(works, r.Work) && !slices.Contains(subjects, r.Subject) {
			subjects = append(subjects, r.Subject)
		}
	}
	return subjects
}

func figure(results []measure.Result, of measure.Result) string {
	for _, r := range results {
		if r.Work == of.Work && r.Subject == of.Subject && r.Metric == of.Metric {
			return measure.Format(r.Value)
		}
	}
	return ""
}

// peers are the modules measured beside headrace, with their versions.
func peers() []string {
	modules := []string{
		"github.com/jackc/pgx/v5", "github.com/georgysavva/scany/v2", "github.com/jmoiron/sqlx",
		"github.com/uptrace/bun", "gorm.io/gorm", "entgo.io/ent", "github.com/stephenafamo/bob",
		"github.com/maypok86/otter/v2", "github.com/dgraph-io/ristretto/v2", "github.com/Yiling-J/theine-go",
		"github.com/hashicorp/golang-lru/v2", "github.com/redis/go-redis/v9",
	}
	info, _ := debug.ReadBuildInfo()
	var found []string
	for _, m := range info.Deps {
		if slices.Contains(modules, m.Path) {
			found = append(found, m.Path+" "+m.Version)
		}
	}
	return found
}

// processor is the machine's, where it tells.
func processor() string {
	text, err := os.ReadFile("/proc/cpuinfo")
	if errors.Is(err, os.ErrNotExist) {
		return runtime.GOARCH
	}
	for line := range strings.Lines(string(text)) {
		if name, value, _ := strings.Cut(line, ":"); strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOARCH
}
