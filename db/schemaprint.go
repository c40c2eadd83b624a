package db

import (
	"context"
	"sync"

	"github.com/jackc/pgx/v5"

	"github.com/headrace/headrace/internal/catalog"
)

// A schemaPrint tells whether the schema has changed, after a statement of which
// it is not known what it did: a function, a DO block, a trigger's body. Few of
// them change it, and to examine every statement anew after each of them would
// hold up all commits.
//
// Those who want to know at the same time share one look: a round that has begun
// is too early for who comes later, so there is one that waits.
type schemaPrint struct {
	mu   sync.Mutex
	next *printRound // that has not looked yet; guarded by mu

	last  int64 // of the last look; of whoever has the examiner
	known bool  // whether there is one; likewise
}

type printRound struct{ done chan struct{} }

// look raises the schema's epoch if the schema may have changed since the last
// look. What it is asked after is committed.
func (p *schemaPrint) look(ctx context.Context, d *DB) {
	p.mu.Lock()
	round, leads := p.next, p.next == nil
	if leads {
		round = &printRound{done: make(chan struct{})}
		p.next = round
	}
	p.mu.Unlock()
	if leads {
		p.lead(ctx, d, round)
		return
	}
	select {
	case <-round.done:
	case <-ctx.Done():
		d.schemaEpoch.Add(1)
	}
}

func (p *schemaPrint) lead(ctx context.Context, d *DB, round *printRound) {
	defer close(round.done)
	err := d.examiner.do(ctx, func(ctx context.Context, conn *pgx.Conn) error {
		p.begin(round)
		sum, err := catalog.FingerprintAll(ctx, conn)
		if err != nil {
			return err
		}
		if !p.known || p.last != sum {
			p.last, p.known = sum, true
			d.schemaEpoch.Add(1)
		}
		return nil
	})
	p.begin(round)
	if err != nil {
		d.schemaEpoch.Add(1)
	}
}

// begin closes the round to those who come later.
func (p *schemaPrint) begin(round *printRound) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.next == round {
		p.next = nil
	}
}
