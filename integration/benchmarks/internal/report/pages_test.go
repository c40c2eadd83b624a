package report

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/headrace/headrace/integration/benchmarks/internal/cached"
	"github.com/headrace/headrace/integration/benchmarks/internal/measure"
	"github.com/headrace/headrace/integration/benchmarks/internal/reads"
	"github.com/headrace/headrace/integration/benchmarks/internal/writes"
)

const root = "../../../.."

// The pages of the repository are what the saved results give.
func TestPagesMatchResults(t *testing.T) {
	runs, err := Load(filepath.Join(root, ResultsPath))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	readme := read(t, filepath.Join(root, "README.md"))
	write(t, filepath.Join(dir, "README.md"), readme)
	if err := Write(filepath.Join(dir, "README.md"), runs); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"README.md", "BENCHMARKS.md", ChartPath} {
		if read(t, filepath.Join(dir, path)) != read(t, filepath.Join(root, path)) {
			t.Errorf("%s differs: go run ./integration/benchmarks/cmd/bench -from %s -readme README.md", path, ResultsPath)
		}
	}
}

func TestWrite(t *testing.T) {
	t.Run("the section is replaced", func(t *testing.T) {
		got, err := replaceSection("# headrace\n"+sectionBegin+"outdated\n"+sectionEnd+"the end\n", "new\n")
		if want := "# headrace\n" + sectionBegin + "new\n" + sectionEnd + "the end\n"; err != nil || got != want {
			t.Errorf("got %q, error %v; want %q", got, err, want)
		}
	})
	t.Run("a missing section is an error", func(t *testing.T) {
		if _, err := replaceSection("# headrace\n", "new\n"); err == nil || !strings.Contains(err.Error(), "no section") {
			t.Errorf("error %v", err)
		}
	})
	t.Run("missing results are an error", func(t *testing.T) {
		if _, err := Numbers(nil); err == nil || !strings.Contains(err.Error(), "no results for") {
			t.Errorf("error %v", err)
		}
	})
}

// Each work and each subject of the program has its line in a legend.
func TestLegendsAreComplete(t *testing.T) {
	all := reads.Works(reads.Target{}, 10)
	all = append(all, cached.GCWork(true))
	all = append(all, cached.RatioWorks("", true)...)
	all = append(all, cached.Works(cached.Database{Redis: "127.0.0.1:1"})...)
	all = append(all, cached.TierWorks(cached.Database{Redis: "127.0.0.1:1"})...)
	all = append(all, writes.Works(writes.Target{}, 10)...)
	all = append(all, writes.Flights(writes.Target{}, "", 10))
	for _, w := range all {
		for _, s := range w.Subjects {
			if !described(w, s) {
				t.Errorf("%s: no section describes %s", w.Name, s.Name)
			}
		}
	}
}

func described(w measure.Work, s measure.Subject) bool {
	for _, section := range sections {
		for _, c := range section.columns {
			if c.work != w.Name {
				continue
			}
			for _, r := range section.rows {
				if r.subject == s.Name {
					return true
				}
			}
		}
	}
	return false
}

func TestLosses(t *testing.T) {
	f := figures{
		key("cached/hot", "headrace", measure.NsPerOp):      100,
		key("cached/hot", "headrace-copy", measure.NsPerOp): 50, // headrace itself
		key("cached/hot", "otter", measure.NsPerOp):         98, // within the noise
		key("cached/hot", "theine", measure.NsPerOp):        80,
		key("cached/hot", "sync.Map", measure.NsPerOp):      50,
		key("hitratio/zipf", "headrace", measure.HitRatio):  0.5,
		key("hitratio/zipf", "otter", measure.HitRatio):     0.6,
		key("hitratio/zipf", "theine", measure.HitRatio):    0.4,
		key("hitratio/zipf", "belady", measure.HitRatio):    0.9, // a bound
	}
	var got []string
	for _, l := range f.losses() {
		got = append(got, l.column.work+": "+l.String())
	}
	want := "cached/hot: sync.Map 2.00, theine 1.25\nhitratio/zipf: otter 1.20"
	if text := strings.Join(got, "\n"); text != want {
		t.Errorf("got\n%s\nwant\n%s", text, want)
	}
}

func TestFormat(t *testing.T) {
	for v, want := range map[float64]string{
		0: "0", 0.78543: "0.7854", 7.02: "7.02", 52.44: "52.4", 123.4: "123", 1234: "1,234", 3704741.2: "3,704,741",
	} {
		if got := format(v); got != want {
			t.Errorf("%v: got %q, want %q", v, got, want)
		}
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
