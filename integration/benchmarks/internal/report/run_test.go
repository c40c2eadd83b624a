package report

import (
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/headrace/headrace/integration/benchmarks/internal/measure"
)

func TestSaveReplacesResultsOfTheSameWorks(t *testing.T) {
	path := filepath.Join(t.TempDir(), "results.jsonl")
	result := func(work string, value float64) measure.Result {
		return measure.Result{Work: work, Subject: "headrace", Metric: measure.NsPerOp, Value: value}
	}
	for _, run := range []Run{
		{Commit: "a", Results: []measure.Result{result("gc/1M", 1)}},
		{Commit: "b", Results: []measure.Result{result("read/1", 2), result("cached/hot", 3)}},
		{Commit: "c", Modules: []string{"otter v2"}, Results: []measure.Result{result("gc/1M", 4), result("read/1", 5)}},
	} {
		if err := Save(path, run); err != nil {
			t.Fatal(err)
		}
	}
	got, err := Load(path)
	want := []Run{
		{Commit: "b", Results: []measure.Result{result("cached/hot", 3)}},
		{Commit: "c", Modules: []string{"otter v2"}, Results: []measure.Result{result("gc/1M", 4), result("read/1", 5)}},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, error %v; want %+v", got, err, want)
	}
}

func TestLoadRefuses(t *testing.T) {
	for name, text := range map[string]string{
		"a result without a run": `{"work":"gc/1M","subject":"headrace","metric":"ns/op","value":1}`,
		"other text":             "no JSON",
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "results.jsonl")
			write(t, path, text)
			if _, err := Load(path); err == nil || !strings.Contains(err.Error(), "read results: "+path) {
				t.Errorf("error %v", err)
			}
		})
	}
}
