package measure

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"
)

var sink []byte

func opens(op Op) func(context.Context) (Op, func(), error) {
	return func(context.Context) (Op, func(), error) { return op, func() {}, nil }
}

func TestRunCountsAllocations(t *testing.T) {
	seen := Seen{Rows: 10, Last: 7}
	results, err := Run(t.Context(), Work{
		Name:   "w",
		Expect: seen,
		Subjects: []Subject{{Name: "two", Open: opens(func(context.Context) (Seen, error) {
			sink = make([]byte, 1000)
			sink = make([]byte, 1000)
			return seen, nil
		})}},
	}, Options{Rounds: 3, Slice: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	got := make(map[string]float64)
	for _, r := range results {
		got[r.Metric] = r.Value
	}
	if a := got[AllocsPerOp]; a < 2 || a > 2.5 {
		t.Errorf("%v allocs/op, want 2", a)
	}
	if b := got[BytesPerOp]; b < 2000 || b > 2200 {
		t.Errorf("%v B/op, want 2048", b)
	}
	if cpu, ns := got[CPUPerRow], got[NsPerOp]; ns <= 0 || cpu < 0 {
		t.Errorf("%v cpu-ns/row and %v ns/op", cpu, ns)
	}
}

func TestRunRefusesWorkNotDone(t *testing.T) {
	_, err := Run(t.Context(), Work{
		Name:     "w",
		Expect:   Seen{Rows: 10, Last: 7},
		Subjects: []Subject{{Name: "lazy", Open: opens(func(context.Context) (Seen, error) { return Seen{Rows: 9}, nil })}},
	}, Options{})
	if err == nil || !strings.Contains(err.Error(), "w: lazy: saw") {
		t.Fatalf("error %v", err)
	}
}

// A slow first operation must not pass for the usual one.
func TestCalibrateIgnoresTheFirstOperation(t *testing.T) {
	first := true
	c := contender{op: func(context.Context) (Seen, error) {
		if first {
			time.Sleep(20 * time.Millisecond)
			first = false
		}
		return Seen{}, nil
	}}
	n, err := c.calibrate(t.Context(), Seen{}, 20*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	if n < 1000 {
		t.Errorf("%d operations a slice, want as many as fit after the first", n)
	}
}

func TestMedian(t *testing.T) {
	c := contender{samples: []sample{{wall: 9}, {wall: 1}, {wall: 5}}}
	wall := func(s sample) float64 { return s.wall }
	if m := c.median(wall); m != 5 {
		t.Errorf("median of three %v, want 5", m)
	}
	c.samples = append(c.samples, sample{wall: 7})
	if m := c.median(wall); m != 6 {
		t.Errorf("median of four %v, want 6", m)
	}
}

func TestPrint(t *testing.T) {
	results := []Result{
		{"read/1", "floor", NsPerOp, 1234.56},
		{"read/1", "floor", AllocsPerOp, 0.00312},
		{"read/1", "sqlx", NsPerOp, 99.26},
	}
	var js, table strings.Builder
	if err := WriteJSON(&js, results[:1]); err != nil {
		t.Fatal(err)
	}
	if want := `{"work":"read/1","subject":"floor","metric":"ns/op","value":1235}` + "\n"; js.String() != want {
		t.Errorf("JSON %s, want %s", js.String(), want)
	}
	if err := WriteTable(&table, results); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"ns/op", "1235", "0.0031", "99.3"} {
		if !strings.Contains(table.String(), want) {
			t.Errorf("table lacks %s:\n%s", want, table.String())
		}
	}
}

func TestRunResetsBeforeEachOperation(t *testing.T) {
	rows := 0
	results, err := Run(t.Context(), Work{
		Name: "w", Writes: true, Expect: Seen{Rows: 5},
		Subjects: []Subject{{
			Name:  "writer",
			Reset: func(context.Context) error { rows = 0; return nil },
			Open: opens(func(context.Context) (Seen, error) {
				rows += 5 // twice without a reset is not what is expected
				return Seen{Rows: rows}, nil
			}),
		}},
	}, Options{Rounds: 3})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{RowsPerSec, AllocsPerRow, CPUPerRow} {
		if !slices.ContainsFunc(results, func(r Result) bool { return r.Metric == want }) {
			t.Errorf("no %s among %v", want, results)
		}
	}
}

func TestRunReportsFiguresOfSubjectsWithoutOperation(t *testing.T) {
	results, err := Run(t.Context(), Work{Name: "w", Subjects: []Subject{{
		Name: "told",
		Extra: func(context.Context) (map[string]float64, error) {
			return map[string]float64{OfBelady: 0.9, HitRatio: 0.5}, nil
		},
	}}}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	want := []Result{{"w", "told", OfBelady, 0.9}, {"w", "told", HitRatio, 0.5}}
	if !slices.Equal(results, want) {
		t.Errorf("results %v, want %v", results, want)
	}
}
