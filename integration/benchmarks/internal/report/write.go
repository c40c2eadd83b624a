package report

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Where the results and the chart are in the repository.
const (
	ResultsPath = "integration/benchmarks/results/results.jsonl"
	ChartPath   = "integration/benchmarks/results/chart.svg"
)

// The section of README.md that Write replaces lies between these lines.
const (
	sectionBegin = "<!-- numbers: written by bench -readme -->\n"
	sectionEnd   = "<!-- /numbers -->\n"
)

// Write replaces the numbers of a README.md, and writes BENCHMARKS.md beside it
// and the chart to its place in the repository.
func Write(readme string, runs []Run) error {
	text, err := os.ReadFile(readme)
	if err != nil {
		return err
	}
	numbers, err := Numbers(runs)
	if err != nil {
		return fmt.Errorf("render %s: %w", readme, err)
	}
	chart, err := Chart(runs)
	if err != nil {
		return fmt.Errorf("render chart: %w", err)
	}
	changed, err := replaceSection(string(text), numbers)
	if err != nil {
		return fmt.Errorf("%s: %w", readme, err)
	}
	root := filepath.Dir(readme)
	for _, page := range []struct{ path, text string }{
		{readme, changed},
		{filepath.Join(root, "BENCHMARKS.md"), Benchmarks(runs)},
		{filepath.Join(root, filepath.FromSlash(ChartPath)), chart},
	} {
		if err := os.MkdirAll(filepath.Dir(page.path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(page.path, []byte(page.text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

func replaceSection(text, section string) (string, error) {
	head, rest, found := strings.Cut(text, sectionBegin)
	_, tail, closed := strings.Cut(rest, sectionEnd)
	if !found || !closed {
		return "", fmt.Errorf("no section between %q and %q", sectionBegin, sectionEnd)
	}
	return head + sectionBegin + section + sectionEnd + tail, nil
}
