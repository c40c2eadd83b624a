package consistency

import (
	"context"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/headrace/headrace/db"
)

func hasParameter(sql string) bool { return strings.Contains(sql, "$1") }

// A writer raises one value, which nobody else writes.
type writer struct {
	*checker
	on      *handle // that it writes through now; nil for another program
	pg      *db.DB
	r       *rand.Rand
	v       *value
	last    int64 // that was tried
	at      spot  // from where it reads before and after
	passing bool  // what a lost write did may be gone with a crash
}

const (
	writeTimeout = 5 * time.Second // of one that hangs behind locks that nobody will let go
	hastyOnes    = 12              // one in so many is given up
	pause        = 200 * time.Microsecond
)

// run writes until the end, and no more often than is read.
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
		err := w.once(ctx, w.last, write)
		w.writes.Add(1)
		switch {
		case err == nil:
			w.v.wrote(w.last, w.on)
			w.readBack(ctx)
		case w.on != nil:
			w.note(err)
			w.lost.Add(1)
			if !w.passing {
				w.v.wrote(max(w.truth(ctx), w.v.least.Load()), w.on) // the rest may be under way yet
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

// wait waits until there were so many reads, or returns false at the end.
func (w *writer) wait(ctx context.Context, reads int64) bool {
	for !w.over() {
		if w.reads.Load() >= reads {
			return true
		}
		sleep(ctx, pause)
	}
	return false
}

// readBack reads the value, as a program does that shows what it is about to write, and what it has written. What is
// read slowly may be under way from before.
func (w *writer) readBack(ctx context.Context) (hit bool) {
	r := reading{checker: w.checker, r: w.r}
	if w.v == w.contended && w.r.IntN(2) == 0 {
		r.readSlowly(ctx)
	} else {
		r.value(ctx, w.v, w.at)
	}
	return r.why.Answered()
}

// truth asks the server itself, until it answers.
func (w *writer) truth(ctx context.Context) int64 {
	for {
		v, err := w.fromServer(ctx, w.v)
		if err == nil || ctx.Err() != nil {
			return v
		}
		sleep(ctx, 10*time.Millisecond)
	}
}

// rollbackPrepared ends what was prepared, if it was, whether or not the server is there just now.
func (w *writer) rollbackPrepared(ctx context.Context) {
	for !w.over() {
		n, err := db.One[int](ctx, w.w.other, db.SQL("SELECT count(*) FROM pg_prepared_xacts WHERE gid = $1 AND database = current_database()", gid))
		if err == nil && n == 0 {
			return
		}
		if err == nil {
			_, _ = w.w.other.Exec(ctx, "ROLLBACK PREPARED '"+gid+"'") // refused while its COMMIT is under way
		}
		sleep(ctx, 10*time.Millisecond)
	}
}

// writeDropped is another program, which drops the answers of what it has written.
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
		w.w.bare.Invalidate(ctx, bareAnswer.SQL(), id)
	}
	return nil
}

// writeAged is another program, which tells nobody.
func (w *writer) writeAged(ctx context.Context, to int64) error {
	if _, err := w.w.other.Exec(ctx, "UPDATE "+aged+" SET v = greatest(v, $1)", to); err != nil {
		return err
	}
	w.v.past.note(to)
	return nil
}

// pass is the time, which moves by itself.
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
