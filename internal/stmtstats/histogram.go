package stmtstats

import (
	"math"
	"math/bits"
	"sync/atomic"
	"time"
)

// A histogram counts durations in buckets. A bucket is a sixteenth of a power
// of two wide, so that percentiles are accurate to 3.2 %. Durations are in
// nanoseconds; those below 1 us or above 68 s are counted in the first or last
// bucket.
type histogram struct {
	buckets [histogramBuckets]atomic.Uint64
}

const (
	histogramSub     = 4  // log2 of buckets per power of two
	histogramLowest  = 10 // 2^10 ns = 1 us
	histogramHighest = 36 // 2^36 ns = 68 s
	histogramBuckets = (histogramHighest - histogramLowest) << histogramSub
)

func (h *histogram) add(d time.Duration) { h.buckets[bucketOf(d)].Add(1) }

func bucketOf(d time.Duration) int {
	n := uint64(max(d, 1))
	exp := bits.Len64(n) - 1
	switch {
	case exp < histogramLowest:
		return 0
	case exp >= histogramHighest:
		return histogramBuckets - 1
	}
	sub := (n >> (exp - histogramSub)) & (1<<histogramSub - 1)
	return (exp-histogramLowest)<<histogramSub | int(sub)
}

// bucketMiddle returns the middle of bucket i.
func bucketMiddle(i int) time.Duration {
	exp := i>>histogramSub + histogramLowest
	width := uint64(1) << (exp - histogramSub)
	low := uint64(1)<<exp + uint64(i&(1<<histogramSub-1))*width
	return time.Duration(low + width/2)
}

// quantile returns the duration below which the share q (0 to 1) of the counts
// lies, or 0 if there are none.
func quantile(counts []uint64, q float64) time.Duration {
	total := sum(counts)
	if total == 0 {
		return 0
	}
	rank := uint64(math.Ceil(q * float64(total)))
	var seen uint64
	for i, c := range counts {
		seen += c
		if seen >= max(rank, 1) {
			return bucketMiddle(i)
		}
	}
	return bucketMiddle(len(counts) - 1)
}

func sum(counts []uint64) (total uint64) {
	for _, c := range counts {
		total += c
	}
	return total
}

func (h *histogram) counts() []uint64 {
	out := make([]uint64, histogramBuckets)
	for i := range h.buckets {
		out[i] = h.buckets[i].Load()
	}
	return out
}
