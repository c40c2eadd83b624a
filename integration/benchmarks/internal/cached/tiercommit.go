package cached

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/headrace/headrace/integration/benchmarks/internal/measure"
)

const updateOrder = "UPDATE orders SET quantity = quantity + 1 WHERE id = $1"

// commitWork returns the work of committing so many updates by key, with and
// without a tier.
func commitWork(d Database, name string, updates int) measure.Work {
	w := measure.Work{
		Name: name, Expect: measure.Seen{Rows: updates}, Baseline: noTier.subject, Rounds: 15,
		Subjects: []measure.Subject{commits(d.ConnString, noTier, updates)},
	}
	if d.Redis != "" {
		w.Subjects = append(w.Subjects, commits(d.ConnString, redisTier("headrace", d.Redis), updates))
	}
	w.Subjects = append(w.Subjects, commits(d.ConnString, tableTier("headrace-table", d.ConnString), updates))
	return w
}

func commits(connString string, t tier, updates int) measure.Subject {
	return measure.Subject{Name: t.subject, Open: func(ctx context.Context) (measure.Op, func(), error) {
		h, err := openTiered(ctx, connString, t, muchMemory, patient)
		if err != nil {
			return nil, nil, err
		}
		return func(ctx context.Context) (measure.Seen, error) { return h.commit(ctx, updates) }, h.close, nil
	}}
}

// commit updates rows, in a transaction if they are several.
func (h *tiered) commit(ctx context.Context, updates int) (seen measure.Seen, err error) {
	if updates == 1 {
		tag, err := h.pg.Exec(ctx, updateOrder, 1)
		return measure.Seen{Rows: int(tag.RowsAffected())}, err
	}
	err = pgx.BeginFunc(ctx, h.pg, func(tx pgx.Tx) error {
		for id := range updates {
			tag, err := tx.Exec(ctx, updateOrder, id+1)
			if err != nil {
				return err
			}
			seen.Rows += int(tag.RowsAffected())
		}
		return nil
	})
	return seen, err
}
