package measure

import (
	"context"
	"math/rand/v2"
	"testing"
	"time"
)

// The ranks are those of the table of binomial confidence intervals for the
// median (W. J. Conover, Practical Nonparametric Statistics).
func TestConfidence(t *testing.T) {
	for _, tt := range []struct{ n, rank int }{{1, 1}, {5, 1}, {6, 1}, {10, 2}, {20, 6}, {30, 10}, {100, 40}} {
		values := make([]float64, tt.n)
		for i := range values {
			values[i] = float64(i + 1)
		}
		rand.Shuffle(tt.n, func(i, j int) { values[i], values[j] = values[j], values[i] })
		low, middle, high := confidence(values)
		if low != float64(tt.rank) || high != float64(tt.n+1-tt.rank) || middle != float64(tt.n+1)/2 {
			t.Errorf("of %d: %v < %v < %v, want the values of rank %d from either end", tt.n, low, middle, high, tt.rank)
		}
	}
}

func TestRunReportsRatios(t *testing.T) {
	counts := func(to int) func(context.Context) (Op, func(), error) {
		return opens(func(context.Context) (Seen, error) {
			n := 0
			for range to {
				n += rand.IntN(2)
			}
			return Seen{Rows: n / (to + 1)}, nil
		})
	}
	results, err := Run(t.Context(), Work{
		Name: "w", Baseline: "fast", Rounds: 10,
		Subjects: []Subject{{Name: "slow", Open: counts(30_000)}, {Name: "fast", Open: counts(10_000)}},
	}, Options{Rounds: 1, Slice: 10 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	got := make(map[string]float64)
	for _, r := range results {
		got[r.Subject+" "+r.Metric] = r.Value
	}
	low, ratio, high := got["slow ratio-low"], got["slow ratio"], got["slow ratio-high"]
	if low <= 1 || low > ratio || ratio > high {
		t.Errorf("ratio %v < %v < %v, want about 3", low, ratio, high)
	}
	if _, ok := got["fast ratio"]; ok {
		t.Error("the baseline is compared with itself")
	}
}
