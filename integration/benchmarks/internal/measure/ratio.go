package measure

import "slices"

// ratios compares the CPU and the time of subjects with those of the baseline of
// the work, round by round.
func ratios(w Work, all []*contender) []Result {
	i := slices.IndexFunc(all, func(c *contender) bool { return c.name == w.Baseline })
	if i < 0 {
		return nil
	}
	var results []Result
	for _, c := range all {
		if c == all[i] {
			continue
		}
		cpu, wall := make([]float64, len(c.samples)), make([]float64, len(c.samples))
		for round, s := range c.samples {
			base := all[i].samples[round]
			cpu[round], wall[round] = s.cpu/base.cpu, s.wall/base.wall
		}
		results = append(results, bounded(w.Name, c.name, Ratio, cpu)...)
		results = append(results, bounded(w.Name, c.name, TimeRatio, wall)...)
	}
	return results
}

// bounded returns the median of values with its bounds, as results.
func bounded(work, subject, metric string, values []float64) []Result {
	low, middle, high := confidence(values)
	return []Result{
		{work, subject, metric, middle},
		{work, subject, metric + LowSuffix, low},
		{work, subject, metric + HighSuffix, high},
	}
}

// confidence returns the median of values and a confidence interval of at least
// 95 % for the median of their distribution. Its bounds are the k-th values
// from both ends: the number of values below the median is binomial with p =
// 1/2, whatever the distribution. With fewer than 6 values the bounds are the
// least and the greatest value, and the confidence is lower.
func confidence(values []float64) (low, middle, high float64) {
	values = slices.Sorted(slices.Values(values))
	n := len(values)
	k, below, chance := 0, 0.0, 1.0 // chance of exactly k heads, times 2^n
	total := 1.0
	for range n {
		total *= 2
	}
	for ; (below+chance)/total <= 0.025; k++ {
		below += chance
		chance = chance * float64(n-k) / float64(k+1)
	}
	k = max(k, 1)
	return values[k-1], (values[(n-1)/2] + values[n/2]) / 2, values[n-k]
}
