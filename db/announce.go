package db

import (
	"context"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
)

// tellOutcome announces what became visible, or doubtful. It runs on the
// goroutine of the call that committed, before that call returns, and after
// the transaction's locks are gone.
func (d *DB) tellOutcome(ctx context.Context, conn *pgx.Conn, out outcome) {
	if out.committed.none() && out.doubtful.none() {
		return
	}
	if out.locked == nil && (out.committed.mayChangeSchema() || out.doubtful.mayChangeSchema()) {
		d.lookAtSchema(context.WithoutCancel(ctx))
		out.looked = true
	}
	if d.listeners.none() {
		return
	}
	caller := ctx
	ctx = context.WithoutCancel(ctx) // the commit stands, whatever became of its caller
	ask := ctx
	if !d.allLearned(out) {
		var cancel context.CancelFunc
		ask, cancel = context.WithTimeout(ctx, patience(caller))
		defer cancel()
	}
	if !out.committed.none() {
		tell := d.listeners.tell
		if broken == toldFirst {
			tell = d.listeners.tellLate
		}
		tell(ctx, d.changesBy(ask, out.committed, out))
	}
	if !out.doubtful.none() && broken != doubtIsTold {
		if changes := d.changesBy(ask, out.doubtful, out); len(changes) > 0 {
			d.doubts.begin(ctx, d, conn.PgConn(), changes, out.doubtful.mayChangeSchema())
		}
	}
}

// allLearned reports whether the server need not be asked.
func (d *DB) allLearned(out outcome) bool {
	for _, list := range [][]run{out.committed.by, out.doubtful.by} {
		for _, r := range list {
			if d.learned(r.statement, out.by) == nil {
				return false
			}
		}
	}
	return true
}

const (
	longestAsking  = 5 * time.Second
	shortestAsking = 100 * time.Millisecond
)

// patience returns for how long a commit may ask what its statements did, all
// of them together: until its caller's deadline. What is not known by then is
// told as everything.
func patience(caller context.Context) time.Duration {
	if deadline, ok := caller.Deadline(); ok {
		return max(shortestAsking, min(longestAsking, time.Until(deadline)))
	}
	if caller.Err() != nil {
		return shortestAsking
	}
	return longestAsking
}

// changesBy returns what the given statements of out changed.
func (d *DB) changesBy(ctx context.Context, w writes, out outcome) []Change {
	if out.locked != nil {
		return changesOf(nil, out.locked)
	}
	if w.all {
		return d.everything(ctx, "a transaction of many statements", out.looked)
	}
	var changes []Change
	for _, r := range w.by {
		did := d.wroteBy(ctx, r.statement, out.by)
		if r.noRows && did.rowsOnly {
			continue
		}
		if !did.known {
			return d.everything(ctx, r.stats.label(), out.looked)
		}
		tables := did.tables
		if broken == catalogWidens {
			tables = namedIn(r.statement, tables)
		}
		changes = changesOf(changes, tables)
	}
	return changes
}

// changesOf adds those of tables that are not in changes.
func changesOf(changes []Change, tables []Table) []Change {
	for _, table := range tables {
		if !slices.ContainsFunc(changes, func(c Change) bool { return c.Table.OID == table.OID }) {
			changes = append(changes, Change{Table: table})
		}
	}
	return changes
}

// everything is what a statement may have changed of which it is not known:
// also the schema, by a function that creates, so that what is known of others
// is out of date unless that was looked at.
func (d *DB) everything(ctx context.Context, cause string, looked bool) []Change {
	if !looked {
		d.lookAtSchema(ctx)
	}
	return []Change{{All: true, Cause: cause}}
}

// lookAtSchema forgets what is known of statements' effects unless the schema is
// what it was.
func (d *DB) lookAtSchema(ctx context.Context) {
	if d.listeners.none() { // nobody for whom a look would be worth its time
		d.schemaEpoch.Add(1)
		return
	}
	d.schemaPrint.look(ctx, d)
}
