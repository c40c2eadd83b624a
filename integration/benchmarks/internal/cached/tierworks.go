package cached

import (
	"context"
	"fmt"

	"github.com/headrace/headrace/integration/benchmarks/internal/measure"
)

// TierWorks returns the works of further tiers.
func TierWorks(d Database) []measure.Work {
	works := []measure.Work{pagesByTier.work(d), keysByTier.work(d), totalsByTier.work(d)}
	if d.Redis != "" {
		works = append(works, memoryWork(d), pagesByTier.deadWork(d), keysByTier.deadWork(d), notifyWork(d))
	}
	// These bloat the table and come last.
	return append(works, commitWork(d, "tier/commit", 1), commitWork(d, "tier/commit5", 5))
}

// memoryWork returns the work of hits in memory, with and without a tier behind
// it.
func memoryWork(d Database) measure.Work {
	return measure.Work{
		Name: "tier/memory", Expect: measure.Seen{Rows: 1}, Baseline: noTier.subject, Rounds: 30,
		Subjects: []measure.Subject{memoryHits(d.ConnString, noTier), memoryHits(d.ConnString, redisTier("headrace", d.Redis))},
	}
}

// memoryHits reads rows that memory has.
func memoryHits(connString string, t tier) measure.Subject {
	const keys = 100
	return measure.Subject{Name: t.subject, Open: func(ctx context.Context) (measure.Op, func(), error) {
		h, err := openTiered(ctx, connString, t, muchMemory, patient)
		if err != nil {
			return nil, nil, err
		}
		id := int64(0)
		return func(ctx context.Context) (measure.Seen, error) {
			id = id%keys + 1
			row, err := orderByID.One(ctx, h.reads, id)
			if err == nil && row.ID != id {
				err = fmt.Errorf("asked for order %d, got %d", id, row.ID)
			}
			return measure.Seen{Rows: 1}, err
		}, h.close, nil
	}}
}
