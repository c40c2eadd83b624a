package cached

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/integration/benchmarks/internal/measure"
)

const (
	parallelKeys = 1000
	parallelHits = 400_000 // by each goroutine
)

// parallel reports the throughput of two goroutines relative to one, by time
// and by CPU. On a busy machine two goroutines may share a core, and only the
// latter is meaningful.
func parallel(name, connString string, hits int, open opener) measure.Subject {
	return measure.Subject{Name: name, Extra: func(ctx context.Context) (_ map[string]float64, err error) {
		h, err := open(ctx, connString, parallelKeys*2)
		if err != nil {
			return nil, err
		}
		defer h.close()
		order := make([]int, parallelKeys)
		for i := range order {
			order[i] = i
		}
		if err := fill(ctx, h.q, order); err != nil {
			return nil, err
		}
		const rounds = 9
		var wall, cpu []float64
		for range rounds {
			one, oneCPU, err1 := together(ctx, h.q, 1, hits)
			two, twoCPU, err2 := together(ctx, h.q, 2, hits)
			if err := errors.Join(err1, err2); err != nil {
				return nil, err
			}
			wall = append(wall, 2*float64(one)/float64(two))
			cpu = append(cpu, 2*2*float64(oneCPU)/float64(twoCPU))
		}
		slices.Sort(wall)
		slices.Sort(cpu)
		return map[string]float64{measure.Ratio: wall[rounds/2], "cpu-ratio": cpu[rounds/2]}, nil
	}}
}

// together reads entries from so many goroutines.
func together(ctx context.Context, q db.Querier, goroutines, hits int) (wall, cpu time.Duration, err error) {
	failed := make([]error, goroutines)
	var wg sync.WaitGroup
	cpu, begin := measure.CPUTime(), time.Now()
	for g := range goroutines {
		wg.Go(func() {
			for i := range hits {
				id := int64((i+g*parallelKeys/2)%parallelKeys) + 1
				row, err := orderByID.One(ctx, q, id)
				if err == nil && row.ID != id {
					err = fmt.Errorf("asked for order %d, got %d", id, row.ID)
				}
				if err != nil {
					failed[g] = err
					return
				}
			}
		})
	}
	wg.Wait()
	return time.Since(begin), measure.CPUTime() - cpu, errors.Join(failed...)
}
