package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/headrace/headrace/integration/benchmarks/internal/measure"
	"github.com/headrace/headrace/integration/pgserver"
)

func TestWriteReadmeReplacesItsSection(t *testing.T) {
	path := filepath.Join(t.TempDir(), "README.md")
	before := "# headrace\n" + sectionBegin + "outdated\n" + sectionEnd + "the end\n"
	if err := os.WriteFile(path, []byte(before), 0o600); err != nil {
		t.Fatal(err)
	}
	results := []measure.Result{
		{Work: "read/1/replay", Subject: "headrace", Metric: measure.CPUPerRow, Value: 3500.4},
		{Work: "read/1/replay", Subject: "headrace", Metric: measure.AllocsPerOp, Value: 4},
		{Work: "page/10000/mixed", Subject: "headrace", Metric: "buffers", Value: 54},
		{Work: "cached/hot", Subject: "headrace", Metric: measure.NsPerOp, Value: 71.04},
		{Work: "hitratio/zipf", Subject: "belady", Metric: measure.HitRatio, Value: 0.83912},
		{Work: "gc/1M", Subject: "otter", Metric: measure.CPUPerOp, Value: 12345678},
		{Work: "gc/1M", Subject: "otter", Metric: measure.BytesPerEntry, Value: 90.02},
		{Work: "copy/narrow", Subject: "psql", Metric: measure.CPUPerRow, Value: 61},
		{Work: "csv/narrow", Subject: "psql", Metric: measure.RowsPerSec, Value: 1_000_001},
	}
	for range 2 { // the second time over its own text
		if err := writeReadme(path, new(pgserver.Server), results); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	got := string(text)
	for _, want := range []string{"# headrace\n", "| headrace | 3500 |", "| headrace | 71 |", "| belady | 0.8391 |", "| otter | 12345678 |", "| otter | 90 |\n", "| psql | 61 |", "| 1000001 |", "|\n" + sectionEnd + "the end\n"} {
		if strings.Count(got, want) != 1 {
			t.Errorf("%q is there %d times, want once:\n%s", want, strings.Count(got, want), got)
		}
	}
	if strings.Contains(got, "outdated") {
		t.Error("the old section is still there")
	}
}

func TestWriteReadmeNeedsItsSection(t *testing.T) {
	path := filepath.Join(t.TempDir(), "README.md")
	if err := os.WriteFile(path, []byte("# headrace\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := writeReadme(path, new(pgserver.Server), nil); err == nil || !strings.Contains(err.Error(), "no section") {
		t.Fatalf("error %v", err)
	}
}

func TestParse(t *testing.T) {
	for _, bad := range [][]string{{"-only", "nothing"}, {"-work", "("}, {"extra"}} {
		if _, err := parse(bad); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}
