package measure

import "slices"

// ratios compares the subjects with the work's baseline, pair by pair.
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
		pairs := make([]float64, len(c.samples))
		for round, s := range c.samples {
			pairs[round] = s.cpu / all[i].samples[round].cpu
		}
		low, middle, high := confidence(pairs)
		for _, r := range []struct {
			metric string
			value  float64
		}{{Ratio, middle}, {RatioLow, low}, {RatioHigh, high}} {
			results = append(results, Result{Work: w.Name, Subject: c.name, Metric: r.metric, Value: r.value})
		}
	}
	return results
}

// confidence returns the median of values and the bounds between which the
// median of what they were drawn from lies with a confidence of 95 % or more:
// the k-th value from either end, since fewer than k values lie below that
// median as seldom as a coin shows heads fewer than k times. It assumes nothing
// of how values are distributed. Below 6 values it is less: both ends.
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
