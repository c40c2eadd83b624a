package querycache

import (
	"math"
	"runtime/debug"
	"runtime/metrics"

	"github.com/headrace/headrace/internal/s3fifo"
)

// A pressure shrinks a store while the program's live memory comes close to
// the limit that GOMEMLIMIT or debug.SetMemoryLimit sets, and lets it grow
// again when there is room.
type pressure struct {
	sample [2]metrics.Sample
	cycle  uint64 // of the collector, when it was last looked at
}

const (
	tightAt  = 0.80 // of the limit: live memory from which on the store shrinks
	aim      = 0.70 // of the limit: what it shrinks towards, and grows up to
	leastOf  = 64   // the store keeps at least this part of its bytes
	growthOf = 8    // and grows by this part at a time
)

func newPressure() *pressure {
	p := new(pressure)
	p.sample[0].Name = "/gc/heap/live:bytes"
	p.sample[1].Name = "/gc/cycles/total:gc-cycles"
	return p
}

// relieve sets the store's budget by the memory that is in use. It acts once
// for each run of the collector, which is when live memory is known.
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

// nextBudget returns the budget for a store that may have most bytes, has
// used, and is part of a program with live bytes under the given limit.
func nextBudget(most, budget, used, live, limit int64) int64 {
	room := int64(float64(limit)*aim) - live // for more; negative: for that much less
	switch {
	case float64(live) > float64(limit)*tightAt:
		return max(min(budget, used+room), most/leastOf)
	case room > 0:
		return min(most, max(budget, min(budget+most/growthOf, used+room)))
	}
	return budget
}
