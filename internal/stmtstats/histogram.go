package stmtstats

import (
	"iter"
	"math"
	"math/bits"
	"slices"
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

// snapshot returns the current counts.
func (h *histogram) snapshot() Histogram {
	var counts [histogramBuckets]uint64
	first, end := 0, 0
	for i := range h.buckets {
		counts[i] = h.buckets[i].Load()
		if counts[i] == 0 {
			continue
		}
		if end == 0 {
			first = i
		}
		end = i + 1
	}
	return Histogram{first, slices.Clone(counts[first:end])}
}

// A Histogram holds the counts of a histogram at one time.
type Histogram struct {
	first  int      // bucket of counts[0]
	counts []uint64 // without the empty buckets at both ends
}

// Count returns the number of durations.
func (h Histogram) Count() (total uint64) {
	for _, c := range h.counts {
		total += c
	}
	return total
}

// Quantile returns the duration below which the share q (0 to 1) of the
// durations lies, or 0 if there are none.
func (h Histogram) Quantile(q float64) time.Duration {
	total := h.Count()
	if total == 0 {
		return 0
	}
	rank := uint64(math.Ceil(q * float64(total)))
	var seen uint64
	for i, c := range h.counts {
		seen += c
		if seen >= max(rank, 1) {
			return bucketMiddle(h.first + i)
		}
	}
	return bucketMiddle(h.first + len(h.counts) - 1)
}

// CountUpTo returns the number of durations up to d, by the middle of their
// buckets.
func (h Histogram) CountUpTo(d time.Duration) (n uint64) {
	for i, c := range h.counts {
		if bucketMiddle(h.first+i) > d {
			break
		}
		n += c
	}
	return n
}

// Sub returns the durations that were added to earlier.
func (h Histogram) Sub(earlier Histogram) Histogram {
	out := Histogram{h.first, slices.Clone(h.counts)}
	for i, c := range earlier.counts {
		if at := earlier.first + i - out.first; at >= 0 && at < len(out.counts) {
			out.counts[at] -= min(c, out.counts[at])
		}
	}
	return out
}

// Add returns the durations of both.
func (h Histogram) Add(other Histogram) Histogram {
	switch {
	case len(other.counts) == 0:
		return h
	case len(h.counts) == 0:
		return other
	}
	first := min(h.first, other.first)
	end := max(h.first+len(h.counts), other.first+len(other.counts))
	out := Histogram{first, make([]uint64, end-first)}
	copy(out.counts[h.first-first:], h.counts)
	for i, c := range other.counts {
		out.counts[other.first-first+i] += c
	}
	return out
}

// Buckets returns the middles of the buckets that are not empty, and their
// counts.
func (h Histogram) Buckets() iter.Seq2[time.Duration, uint64] {
	return func(yield func(time.Duration, uint64) bool) {
		for i, c := range h.counts {
			if c > 0 && !yield(bucketMiddle(h.first+i), c) {
				return
			}
		}
	}
}
