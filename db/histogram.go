package db

import (
	"iter"
	"time"

	"github.com/headrace/headrace/internal/stmtstats"
)

// A Histogram counts durations in buckets that are a sixteenth of a power of
// two wide, from 1 us to 68 s: each duration is known to 3.2 %. Shorter and
// longer ones are counted in the first and the last bucket. The zero Histogram
// is empty. A Histogram never changes.
type Histogram struct{ h stmtstats.Histogram }

// Count returns the number of durations.
func (h Histogram) Count() int64 { return int64(h.h.Count()) }

// Quantile returns the duration below which the share q (0 to 1) of the
// durations lies, or 0 if there are none.
func (h Histogram) Quantile(q float64) time.Duration { return h.h.Quantile(q) }

// CountUpTo returns the number of durations of up to d.
func (h Histogram) CountUpTo(d time.Duration) int64 { return int64(h.h.CountUpTo(d)) }

// Sub returns the durations of h that are not in earlier, an earlier histogram
// of the same statement: those of the time between the two.
func (h Histogram) Sub(earlier Histogram) Histogram { return Histogram{h.h.Sub(earlier.h)} }

// Add returns the durations of both.
func (h Histogram) Add(other Histogram) Histogram { return Histogram{h.h.Add(other.h)} }

// Buckets returns the middles of the buckets that are not empty, in ascending
// order, and the number of durations in each.
func (h Histogram) Buckets() iter.Seq2[time.Duration, int64] {
	return func(yield func(time.Duration, int64) bool) {
		for middle, n := range h.h.Buckets() {
			if !yield(middle, int64(n)) {
				return
			}
		}
	}
}
