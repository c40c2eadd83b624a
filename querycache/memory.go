package querycache

import (
	"math"
	"runtime/debug"
	"runtime/metrics"

	"github.com/headrace/headrace/internal/s3fifo"
)

// A pressure shrinks a store while the live memory of the program is close to
// the limit of GOMEMLIMIT or debug.SetMemoryLimit, and grows it again when
// memory is free.
type pressure struct {
	sample [2]metrics.Sample
	cycle  uint64 // of the collector, at the last check
}

const (
	tightAt  = 0.80 // of the limit: above this live memory the store shrinks
	aim      = 0.70 // of the limit: the store shrinks and grows towards this live memory
	leastOf  = 64   // the least budget is 1/leastOf of the store's bytes
	growthOf = 8    // the budget grows by at most 1/growthOf of the store's bytes at a time
)

func newPressure() *pressure {
	p := new(pressure)
	p.sample[0].Name = "/gc/heap/live:bytes"
	p.sample[1].Name = "/gc/cycles/total:gc-cycles"
	return p
}

// relieve sets the budget of the store according to the live memory. It acts
// once per run of the collector, which determines the live memory.
func (p *pressure) relieve(s *s3fifo.Store[record, cached]) {
	limit := debug.SetMemoryLimit(-1)
	u := s.Usage()
	if limit == math.MaxInt64 {
		if u.Budget < u.MaxBytes {
			s.SetBudget(u.MaxBytes)
		}
		return
	}
	metrics.Read(p.sample[:])
	live, cycle := p.sample[0].Value.Uint64(), p.sample[1].Value.Uint64()
	if cycle == p.cycle {
		return
	}
	p.cycle = cycle
	if next := nextBudget(u.MaxBytes, u.Budget, u.Bytes, int64(live), limit); next != u.Budget {
		s.SetBudget(next)
	}
}

// nextBudget returns the budget of a store that may use most bytes and uses
// used bytes, in a program with live bytes of memory and the given limit.
func nextBudget(most, budget, used, live, limit int64) int64 {
	room := int64(float64(limit)*aim) - live // negative: bytes to free
	switch {
	case float64(live) > float64(limit)*tightAt:
		return max(min(budget, used+room), most/leastOf)
	case room > 0:
		return min(most, max(budget, min(budget+most/growthOf, used+room)))
	}
	return budget
}
