package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/headrace/headrace/integration/benchmarks/internal/measure"
)

// Run is one run of the benchmarks.
type Run struct {
	Date    string   `json:"date"`
	Commit  string   `json:"commit"` // of the source
	Command string   `json:"command"`
	Go      string   `json:"go"`
	CPU     string   `json:"cpu"`
	Cores   int      `json:"cores"`
	Server  string   `json:"server"`         // version of PostgreSQL
	Note    string   `json:"note,omitempty"` // added by hand: what else a reader has to know
	Modules []string `json:"modules"`        // of the peers, with their versions

	Results []measure.Result `json:"-"`
}

// NewRun describes a run of this program, without results.
func NewRun(server string, args []string) Run {
	return Run{
		Date:    time.Now().UTC().Format(time.DateOnly),
		Commit:  commit(),
		Command: strings.Join(append([]string{"go run ./integration/benchmarks/cmd/bench"}, args...), " "),
		Go:      runtime.Version(),
		CPU:     processor(),
		Cores:   runtime.NumCPU(),
		Server:  server,
		Modules: modules(),
	}
}

// line is one line of a file: a run, or a result of the run above.
type line struct {
	Run *Run `json:"run,omitempty"`
	measure.Result
}

// Load reads the runs of a file.
func Load(path string) ([]Run, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var runs []Run
	for dec := json.NewDecoder(bytes.NewReader(text)); ; {
		var l line
		err := dec.Decode(&l)
		switch {
		case errors.Is(err, io.EOF):
			return runs, nil
		case err != nil:
			return nil, fmt.Errorf("read results: %s: %w", path, err)
		case l.Run != nil:
			runs = append(runs, *l.Run)
		case len(runs) == 0:
			return nil, fmt.Errorf("read results: %s: a result precedes its run", path)
		default:
			last := &runs[len(runs)-1]
			last.Results = append(last.Results, l.Result)
		}
	}
}

// Save adds a run to a file, which need not exist. The run replaces what other
// runs of the file have of its works.
func Save(path string, run Run) error {
	runs, err := Load(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	var b bytes.Buffer
	for _, r := range append(without(runs, run.Results), run) {
		header, err := json.Marshal(map[string]Run{"run": r})
		if err != nil {
			return fmt.Errorf("save results: %w", err)
		}
		b.Write(append(header, '\n'))
		if err := measure.WriteJSON(&b, r.Results); err != nil {
			return fmt.Errorf("save results: %w", err)
		}
	}
	return os.WriteFile(path, b.Bytes(), 0o644)
}

// without returns the runs without results of the works that were measured
// again, and without runs that have no others.
func without(runs []Run, again []measure.Result) []Run {
	for i := range runs {
		runs[i].Results = slices.DeleteFunc(runs[i].Results, func(r measure.Result) bool {
			return slices.ContainsFunc(again, func(a measure.Result) bool { return a.Work == r.Work })
		})
	}
	return slices.DeleteFunc(runs, func(r Run) bool { return len(r.Results) == 0 })
}

// commit is the source's, as far as git knows it.
func commit() string {
	out, err := exec.Command("git", "describe", "--always", "--dirty", "--exclude=*").Output()
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(out))
}

// modules are the peers, with their versions.
func modules() []string {
	info, _ := debug.ReadBuildInfo()
	var found []string
	for _, m := range info.Deps {
		if slices.ContainsFunc(sections, func(s section) bool { return s.uses(m.Path) }) {
			found = append(found, m.Path+" "+m.Version)
		}
	}
	return found
}

// processor is the machine's, where /proc names it.
func processor() string {
	text, err := os.ReadFile("/proc/cpuinfo")
	if errors.Is(err, fs.ErrNotExist) {
		return runtime.GOARCH
	}
	for line := range strings.Lines(string(text)) {
		if name, value, _ := strings.Cut(line, ":"); strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOARCH
}
