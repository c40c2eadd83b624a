package db

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// tellOutcome announces what became visible, or doubtful. It runs on the
// goroutine of the call that committed, before that call returns, and after
// the transaction's locks are gone.
func (d *DB) tellOutcome(ctx context.Context, conn *pgx.Conn, unsure bool, out outcome) {
	if out.committed.none() && out.doubtful.none() {
		return
	}
	d.examineAgainAfter(out.committed)
	d.examineAgainAfter(out.doubtful)
	if d.listeners.none() {
		return
	}
	ctx = context.WithoutCancel(ctx) // the commit stands, whatever became of its caller
	if w := out.committed.orAll(unsure); !w.none() {
		d.listeners.tell(ctx, d.changesBy(ctx, w))
	}
	if w := out.doubtful.orAll(unsure); !w.none() {
		if changes := d.changesBy(ctx, w); len(changes) > 0 {
			d.doubts.begin(ctx, d, conn.PgConn().PID(), changes)
		}
	}
}

// orAll returns w as something of which it cannot be told what it wrote, if
// unsure and if it wrote at all.
func (w writes) orAll(unsure bool) writes {
	w.all = w.all || unsure && len(w.by) > 0
	return w
}

// examineAgainAfter forgets what is known of statements' effects if w may have
// changed the schema.
func (d *DB) examineAgainAfter(w writes) {
	if w.all {
		d.schemaEpoch.Add(1)
		return
	}
	for _, st := range w.by {
		if st.mayChangeSchema() {
			d.schemaEpoch.Add(1)
			return
		}
	}
}
