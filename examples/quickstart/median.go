package main

import (
	"slices"
	"time"
)

// medians runs the reads in turn, a number of times, and returns the median
// time of each.
func medians(reads ...func() error) ([]time.Duration, error) {
	times := make([][]time.Duration, len(reads))
	for range rounds {
		for i, read := range reads {
			begin := time.Now()
			if err := read(); err != nil {
				return nil, err
			}
			times[i] = append(times[i], time.Since(begin))
		}
	}
	middle := make([]time.Duration, len(reads))
	for i := range times {
		slices.Sort(times[i])
		middle[i] = times[i][rounds/2]
	}
	return middle, nil
}
