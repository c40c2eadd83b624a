package db

import (
	"context"
	"sync"

	"github.com/jackc/pgx/v5"
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

	last  string // of the last look; of whoever has the examiner
	known bool   // whether there is one; likewise
}

type printRound struct{ done chan struct{} }

// printQuery sums up the versions of all rows that effects are learned from. A
// row that is written has a new xmin; of relations, whose rows TRUNCATE writes
// too, the columns that matter are taken. That two changes cancel each other out
// is as likely as for any 64 bits.
const printQuery = `
WITH relations AS (
    SELECT * FROM pg_catalog.pg_class WHERE relkind::pg_catalog.text <> ALL ('{i, I, t}') AND relpersistence::pg_catalog.text <> 't'
)
SELECT (
    SELECT coalesce(sum(pg_catalog.hashtextextended(pg_catalog.concat_ws(' ', relname, relnamespace, relkind, relpersistence, relowner,
        relhasrules, relhastriggers, relrowsecurity, relispartition, relhassubclass), oid::pg_catalog.int8)), 0) FROM relations
) + (
    SELECT coalesce(sum(pg_catalog.hashint8extended(version, object::pg_catalog.int8 + part)), 0)
    FROM (
        SELECT a.xmin::pg_catalog.text::pg_catalog.int8 AS version, a.attrelid AS object, a.attnum AS part
            FROM pg_catalog.pg_attribute a JOIN relations r ON r.oid = a.attrelid
            WHERE a.attnum > 0 AND r.relnamespace <> 'pg_catalog'::pg_catalog.regnamespace
        UNION ALL SELECT d.xmin::pg_catalog.text::pg_catalog.int8, d.oid, 0 FROM pg_catalog.pg_attrdef d JOIN relations r ON r.oid = d.adrelid
        UNION ALL SELECT xmin::pg_catalog.text::pg_catalog.int8, oid, 0 FROM pg_catalog.pg_proc
        UNION ALL SELECT xmin::pg_catalog.text::pg_catalog.int8, oid, 0 FROM pg_catalog.pg_rewrite
        UNION ALL SELECT xmin::pg_catalog.text::pg_catalog.int8, oid, 0 FROM pg_catalog.pg_trigger
        UNION ALL SELECT xmin::pg_catalog.text::pg_catalog.int8, oid, 0 FROM pg_catalog.pg_policy
        UNION ALL SELECT xmin::pg_catalog.text::pg_catalog.int8, oid, 0 FROM pg_catalog.pg_constraint
        UNION ALL SELECT xmin::pg_catalog.text::pg_catalog.int8, oid, 0 FROM pg_catalog.pg_operator
        UNION ALL SELECT xmin::pg_catalog.text::pg_catalog.int8, oid, 0 FROM pg_catalog.pg_cast
        UNION ALL SELECT xmin::pg_catalog.text::pg_catalog.int8, oid, 0 FROM pg_catalog.pg_namespace
            WHERE NOT pg_catalog.starts_with(nspname::pg_catalog.text, 'pg_')
        UNION ALL SELECT xmin::pg_catalog.text::pg_catalog.int8, oid, 0 FROM pg_catalog.pg_event_trigger
        UNION ALL SELECT xmin::pg_catalog.text::pg_catalog.int8, oid, 0 FROM pg_catalog.pg_type WHERE typtype::pg_catalog.text = 'd'
        UNION ALL SELECT xmin::pg_catalog.text::pg_catalog.int8, inhrelid, 0 FROM pg_catalog.pg_inherits
    ) AS rows
)::pg_catalog.numeric`

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
		var sum string
		if err := conn.QueryRow(ctx, printQuery, pgx.QueryExecModeExec).Scan(&sum); err != nil {
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
