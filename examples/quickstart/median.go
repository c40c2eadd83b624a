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
		middle[i] = median(times[i])
	}
	return middle, nil
}

func median(times []time.Duration) time.Duration {
	slices.Sort(times)
	return times[len(times)/2]
}

// medianOf runs a read n times, with the numbers from 0, and returns its median
// time.
func medianOf(n int, read func(i int) error) (time.Duration, error) {
	times := make([]time.Duration, n)
	for i := range times {
		begin := time.Now()
		if err := read(i); err != nil {
			return 0, err
		}
		times[i] = time.Since(begin)
	}
	return median(times), nil
}
