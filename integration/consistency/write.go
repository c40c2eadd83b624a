package consistency

import (
	"context"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/headrace/headrace/db"
)

func hasParameter(sql string) bool { return strings.Contains(sql, "$1") }

// A writer raises one value, which nobody else writes.
type writer struct {
	*checker
	pg   *db.DB
	r    *rand.Rand
	v    *value
	last int64 // that was tried

	followed bool // it writes through the handle that the cache follows
}

const (
	writeTimeout = 5 * time.Second // of one that hangs behind locks that nobody will let go
	hastyOnes    = 12              // one in so many is given up
	pause        = 200 * time.Microsecond
)

// run writes until the end, and no more often than is read.
func (w *writer) run(ctx context.Context, each int64, write func(ctx context.Context, to int64) error) {
	for n := int64(1); w.wait(ctx, n*each); n++ {
		w.last++
		err := w.once(ctx, w.last, write)
		w.writes.Add(1)
		switch {
		case err == nil:
			w.v.least.Store(w.last)
			w.readBack(ctx)
		case w.followed:
			w.note(err)
			w.lost.Add(1)
			w.v.least.Store(max(w.truth(ctx), w.v.least.Load())) // the rest may be under way yet
		}
	}
}

func (w *writer) once(ctx context.Context, to int64, write func(ctx context.Context, to int64) error) error {
	timeout := writeTimeout
	if w.followed && w.r.IntN(hastyOnes) == 0 {
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

// readBack reads the value at once, as a program does that shows what it has written. What is read slowly may be
// under way from before.
func (w *writer) readBack(ctx context.Context) {
	r := reading{checker: w.checker, r: w.r}
	r.one(ctx, func(ctx context.Context) error {
		if w.v.name == contended && w.r.IntN(2) == 0 {
			return r.readSlowly(ctx)
		}
		return r.readValue(ctx, w.v, quick, w.r.IntN(ids))
	})
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
	for _, tenant := range tenants {
		scoped := context.WithValue(ctx, tenantKey{}, tenant)
		for id := range ids {
			for _, text := range w.v.texts {
				w.w.reads.Drop(scoped, text.SQL(), id)
			}
		}
	}
	for id := range ids {
		w.w.bare.Drop(ctx, bareAnswer.SQL(), id)
	}
	return nil
}

// writeAged is another program, which tells nobody.
func (w *writer) writeAged(ctx context.Context, to int64) error {
	if _, err := w.w.other.Exec(ctx, "UPDATE "+aged+" SET v = greatest(v, $1)", to); err != nil {
		return err
	}
	w.v.mu.Lock()
	defer w.v.mu.Unlock()
	w.v.past = append(w.v.past, raise{time.Now(), to})
	if n := len(w.v.past); n > 2000 {
		w.v.past = slices.Delete(w.v.past, 0, n-1000)
	}
	return nil
}

// disturb changes the time zone of a session of the pool for a while, as a program does that forgets to put it back.
func (c *checker) disturb(ctx context.Context) {
	for !c.over() {
		if conn, err := c.w.pg.Acquire(ctx); err == nil {
			_, _ = conn.Exec(ctx, "SET TimeZone = 'Asia/Tokyo'")
			conn.Release()
		}
		sleep(ctx, 20*time.Millisecond)
		for _, conn := range c.w.pg.Pool().AcquireAllIdle(ctx) {
			closeChanged(ctx, conn)
		}
		sleep(ctx, 200*time.Millisecond)
	}
}

// closeChanged gives a connection back, and ends it if its session is not as it began.
func closeChanged(ctx context.Context, conn *pgxpool.Conn) {
	if conn.Conn().PgConn().ParameterStatus("TimeZone") != "UTC" {
		_ = conn.Conn().Close(ctx)
	}
	conn.Release()
}

func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}
