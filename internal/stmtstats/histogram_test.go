package stmtstats

import (
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"
)

func TestQuantileIsWithinItsError(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var h histogram
	all := make([]time.Duration, 100_000)
	for i := range all {
		all[i] = time.Duration(float64(10*time.Microsecond) * (1 + 1000*random.ExpFloat64()))
		h.add(all[i])
	}
	slices.Sort(all)
	for _, q := range []float64{0.01, 0.5, 0.95, 0.99, 0.999} {
		exact := all[int(q*float64(len(all)))-1]
		got := h.snapshot().Quantile(q)
		if off := float64(got)/float64(exact) - 1; off > 0.033 || off < -0.033 {
			t.Errorf("quantile %v is %v, exactly %v: %.1f %% off", q, got, exact, 100*off)
		}
	}
}

func TestHistogramTakesEveryDuration(t *testing.T) {
	var h histogram
	for _, d := range []time.Duration{-1, 0, 1, time.Microsecond, time.Second, 67 * time.Second, time.Hour, 1<<63 - 1} {
		h.add(d)
	}
	if got := h.snapshot().Quantile(1); got < 60*time.Second {
		t.Errorf("the longest is %v, want the last bucket's", got)
	}
	if got := h.snapshot().Quantile(0); got > 2*time.Microsecond {
		t.Errorf("the shortest is %v, want the first bucket's", got)
	}
	if got := new(histogram).snapshot().Quantile(0.5); got != 0 {
		t.Errorf("the median of nothing is %v", got)
	}
	for i := range histogramBuckets {
		if got := bucketOf(bucketMiddle(i)); got != i {
			t.Fatalf("the middle of bucket %d is in bucket %d", i, got)
		}
	}
}

func TestHistogramArithmetic(t *testing.T) {
	var h histogram
	h.add(time.Millisecond)
	h.add(time.Second)
	before := h.snapshot()
	for range 3 {
		h.add(10 * time.Microsecond)
		h.add(10 * time.Second)
	}
	all := h.snapshot()
	since := all.Sub(before)
	if n := since.Count(); n != 6 {
		t.Errorf("%d durations since, want 6", n)
	}
	if n := since.CountUpTo(5 * time.Second); n != 3 {
		t.Errorf("%d durations of up to 5 s since, want 3", n)
	}
	if got := since.Quantile(0.25); got > 11*time.Microsecond {
		t.Errorf("the first quarter since is %v, want 10 us", got)
	}
	if sum := before.Add(since); !reflect.DeepEqual(sum, all) {
		t.Errorf("the sum is %v, want %v", sum, all)
	}
	if sum := since.Add(before); !reflect.DeepEqual(sum, all) {
		t.Errorf("the sum the other way is %v, want %v", sum, all)
	}
	if n := (Histogram{}).Add(all).Sub(all).Count(); n != 0 {
		t.Errorf("%d durations are left of none", n)
	}
	buckets := 0
	for range all.Buckets() {
		buckets++
	}
	if buckets != 4 {
		t.Errorf("%d buckets, want 4", buckets)
	}
}
