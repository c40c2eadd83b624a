package consistency

import (
	"context"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/querycache"
)

func hasParameter(sql string) bool { return strings.Contains(sql, "$1") }

// A writer raises one value. No other writer writes that value.
type writer struct {
	*checker
	on      *handle // the current handle; nil for another program
	pg      *db.DB
	r       *rand.Rand
	v       *value
	last    int64 // the last value that it tried to write
	at      spot  // where it reads before and after
	passing bool  // a crash may undo the effect of a lost write
}

const (
	writeTimeout = 5 * time.Second // for writes behind locks that are never released
	hastyOnes    = 12              // one write in so many has a short timeout
	pause        = 200 * time.Microsecond
)

// run writes until the end of the run, at most one write per each reads.
func (w *writer) run(ctx context.Context, each int64, write func(ctx context.Context, to int64) error) {
	for n := int64(0); w.wait(ctx, min(each, usual)+n*each); n++ {
		w.busy.RLock()
		if w.on != nil {
			w.on = w.w.handles[w.r.IntN(writeHandles)]
			w.pg = w.on.pg
		}
		w.at = w.spot(w.r)
		w.readBack(ctx)
		w.last++
		calm := w.calm.begin()
		err := w.once(ctx, w.last, write)
		w.writes.Add(1)
		switch {
		case err == nil:
			w.v.wrote(w.last, w.on)
			w.noteRaised(calm, w.readBack(ctx))
		case w.on != nil:
			w.note(err)
			w.lost.Add(1)
			if !w.passing {
				w.v.wrote(max(w.truth(ctx), w.v.least.Load()), w.on) // a lost write may still be under way
			}
		}
		w.busy.RUnlock()
	}
}

func (w *writer) once(ctx context.Context, to int64, write func(ctx context.Context, to int64) error) error {
	timeout := writeTimeout
	if w.on != nil && w.r.IntN(hastyOnes) == 0 {
		timeout = time.Duration(w.r.IntN(1500)) * time.Microsecond
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	return write(ctx, to)
}

// wait waits for a number of reads. It returns false at the end of the run.
func (w *writer) wait(ctx context.Context, reads int64) bool {
	for !w.over() {
		if w.reads.Load() >= reads {
			return true
		}
		sleep(ctx, pause)
	}
	return false
}

// readBack reads the value, as programs do before and after they write it. A
// slow read may share a load from before the write.
func (w *writer) readBack(ctx context.Context) (why querycache.Reason) {
	r := reading{checker: w.checker, r: w.r}
	if w.v == w.contended && w.r.IntN(2) == 0 {
		r.readSlowly(ctx)
	} else {
		r.value(ctx, w.v, w.at)
	}
	return r.why
}

// truth reads the value from the server, and retries until it succeeds.
func (w *writer) truth(ctx context.Context) int64 {
	for {
		v, err := w.fromServer(ctx, w.v)
		if err == nil || ctx.Err() != nil {
			return v
		}
		sleep(ctx, 10*time.Millisecond)
	}
}

// rollbackPrepared rolls back the prepared transaction if it exists. It retries
// while the server is down.
func (w *writer) rollbackPrepared(ctx context.Context) {
	for !w.over() {
		n, err := db.One[int](ctx, w.w.other, db.SQL("SELECT count(*) FROM pg_prepared_xacts WHERE gid = $1 AND database = current_database()", gid))
		if err == nil && n == 0 {
			return
		}
		if err == nil {
			_, _ = w.w.other.Exec(ctx, "ROLLBACK PREPARED '"+gid+"'") // fails while its COMMIT is under way
		}
		sleep(ctx, 10*time.Millisecond)
	}
}

// writeDropped writes as another program and invalidates the entries.
func (w *writer) writeDropped(ctx context.Context, to int64) error {
	if _, err := w.w.other.Exec(ctx, "UPDATE "+dropped+" SET v = greatest(v, $1)", to); err != nil {
		return err
	}
	for _, h := range w.w.handles {
		for _, tenant := range tenants {
			scoped := context.WithValue(ctx, tenantKey{}, tenant)
			for id := range ids {
				h.reads.Invalidate(scoped, w.v.quick.SQL(), id)
			}
		}
	}
	for id := range ids {
		w.w.bare.Invalidate(ctx, bareStmt.SQL(), id)
	}
	return nil
}

// writeAged writes as another program, without invalidation.
func (w *writer) writeAged(ctx context.Context, to int64) error {
	if _, err := w.w.other.Exec(ctx, "UPDATE "+aged+" SET v = greatest(v, $1)", to); err != nil {
		return err
	}
	w.v.past.note(to)
	return nil
}

// pass records the passage of time.
func (c *checker) pass(ctx context.Context) {
	for !c.over() {
		if at, err := db.One[int64](ctx, c.w.other, db.SQL("SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint")); err == nil {
			c.time.note(at)
		}
		sleep(ctx, 5*time.Millisecond)
	}
}

func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}
