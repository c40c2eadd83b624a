package report

import (
	"fmt"
	"slices"
	"strings"
)

// Benchmarks renders BENCHMARKS.md.
func Benchmarks(runs []Run) string {
	f := figuresOf(runs)
	var b strings.Builder
	b.WriteString("# Benchmarks\n\n")
	b.WriteString("Rendered by `go run ./integration/benchmarks/cmd/bench -from " + ResultsPath + " -readme README.md` from [saved results](" + ResultsPath + "): do not edit. [README.md](README.md#numbers) has six of these numbers.\n")
	writeLosses(&b, f)
	writeConditions(&b, runs)
	b.WriteString(method)
	for _, s := range sections {
		writeSection(&b, f, runs, s)
	}
	if missing := f.missing(); len(missing) > 0 {
		b.WriteString("\n## Not measured here\n\nThe program has more works, of which no results are saved: " + strings.Join(missing, ", ") + ".\n")
	}
	return b.String()
}

const method = `
## Method

All subjects of a work do the same task and are checked to have seen the same rows. They are open at once and take turns, in an order that is shuffled each round; a figure is the median of the rounds. Client CPU is user and system time of the process and its children, garbage collection included. Client and server share the machine and talk over loopback without TLS. Absolute figures belong to the machine: compare figures of one work only.

A subject that does less than the task, or knows more than a program can, is a bound and in italics. An empty cell means that the subject has no part in the work or its figure was not recorded.
`

func writeLosses(b *strings.Builder, f figures) {
	b.WriteString("\n## Where others are better\n\n")
	losses := f.losses()
	if len(losses) == 0 {
		b.WriteString("Nowhere in these works, bounds aside.\n")
		return
	}
	fmt.Fprintf(b, "All works and metrics in which a figure is better than that of `headrace` by more than %.0f %%, with the factor.\n\n", noise*100)
	b.WriteString("| work | metric | better |\n|---|---|---|\n")
	var reasons []string
	for _, l := range losses {
		fmt.Fprintf(b, "| %s | %s | %v |\n", l.column.work, l.table.what, l)
		if reason := l.column.why; reason != "" && !slices.Contains(reasons, reason) {
			reasons = append(reasons, reason)
		}
	}
	for _, reason := range reasons {
		b.WriteString("\n- " + reason)
	}
	if len(reasons) > 0 {
		b.WriteString("\n")
	}
}

func writeConditions(b *strings.Builder, runs []Run) {
	b.WriteString("\n## Conditions\n\n| works | commit | date | Go | processor | PostgreSQL | command |\n|---|---|---|---|---|---|---|\n")
	for i, r := range runs {
		fmt.Fprintf(b, "| %s | %s | %s | %s | %s, %d cores | %s | `%s` |\n",
			worksOf(runs, i), r.Commit, r.Date, r.Go, r.CPU, r.Cores, r.Server, r.Command)
	}
	for _, r := range runs {
		if r.Note != "" {
			fmt.Fprintf(b, "\n%s: %s\n", r.Commit, r.Note)
		}
	}
}

// worksOf names the groups of works that a run has.
func worksOf(runs []Run, i int) string {
	switch {
	case len(runs) == 1:
		return "all"
	case i == mainRun(runs):
		return "all others"
	}
	var groups []string
	for _, result := range runs[i].Results {
		group, _, _ := strings.Cut(result.Work, "/")
		if group += "/*"; !slices.Contains(groups, group) {
			groups = append(groups, group)
		}
	}
	return strings.Join(groups, ", ")
}

// mainRun is the index of the run with the most works.
func mainRun(runs []Run) (best int) {
	most := 0
	for i, r := range runs {
		works := make(map[string]bool)
		for _, result := range r.Results {
			works[result.Work] = true
		}
		if len(works) > most {
			best, most = i, len(works)
		}
	}
	return best
}

func writeSection(b *strings.Builder, f figures, runs []Run, s section) {
	var columns []column // with a figure in any table
	for _, c := range s.columns {
		one := s
		one.columns = []column{c}
		if slices.ContainsFunc(s.tables, func(t table) bool { return len(f.measured(one, t)) > 0 }) {
			columns = append(columns, c)
		}
	}
	if len(columns) == 0 {
		return
	}
	fmt.Fprintf(b, "\n## %s\n\n%s\n", s.title, s.about)
	b.WriteString("\n| column | work |\n|---|---|\n")
	for _, c := range columns {
		fmt.Fprintf(b, "| %s | %s |\n", c.name(), c.does)
	}
	b.WriteString("\n| row | library | use |\n|---|---|---|\n")
	for _, r := range f.subjects(s, columns, s.tables...) {
		fmt.Fprintf(b, "| %s | %s | %s |\n", r.name(), r.version(runs), r.how)
	}
	for _, t := range s.tables {
		writeTable(b, f, s, t)
	}
}

func writeTable(b *strings.Builder, f figures, s section, t table) {
	columns := f.measured(s, t)
	if len(columns) == 0 {
		return
	}
	better := "less"
	if t.more {
		better = "more"
	}
	fmt.Fprintf(b, "\n%s; %s is better:\n\n| |", t.title, better)
	for _, c := range columns {
		fmt.Fprintf(b, " %s |", c.name())
	}
	b.WriteString("\n|---|" + strings.Repeat("---:|", len(columns)) + "\n")
	for _, r := range f.subjects(s, columns, t) {
		fmt.Fprintf(b, "| %s |", r.name())
		for _, c := range columns {
			fmt.Fprintf(b, " %s |", f.cell(c.work, r.subject, t))
		}
		b.WriteByte('\n')
	}
}

func (c column) name() string { return strings.TrimSuffix(c.work, "/replay") }

func (r row) name() string {
	if r.bound {
		return "*" + r.subject + "*"
	}
	return r.subject
}

// version names the library and its version.
func (r row) version(runs []Run) string {
	switch {
	case r.library != "":
		return r.library
	case r.module == "":
		return "headrace"
	}
	for _, run := range slices.Backward(runs) {
		for _, m := range run.Modules {
			if path, version, _ := strings.Cut(m, " "); path == r.module {
				return path + " " + version
			}
		}
	}
	return r.module
}

// missing are the works without results.
func (f figures) missing() (works []string) {
	for _, s := range sections {
		for _, c := range s.columns {
			found := false
			for k := range f {
				found = found || k.Work == c.work
			}
			if !found {
				works = append(works, c.work)
			}
		}
	}
	return works
}
