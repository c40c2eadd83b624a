package consistency

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/integration/faultproxy"
)

// cut breaks connections: before a COMMIT arrives, before its response arrives,
// or at a random byte.
func (c *checker) cut(ctx context.Context) {
	r := c.random(2000)
	for !c.over() {
		fired := c.w.proxy.Fail(fault(r))
		for waiting := true; waiting && !c.over(); {
			select {
			case <-fired:
				c.faults.Add(1)
				waiting = false
			case <-time.After(10 * time.Millisecond):
			}
		}
		sleep(ctx, time.Duration(100+r.IntN(300))*time.Millisecond)
	}
}

func fault(r *rand.Rand) faultproxy.Fault {
	switch r.IntN(4) {
	case 0:
		return faultproxy.Fault{Direction: faultproxy.ToServer, After: []byte("commit"), Plus: r.IntN(2), Kind: faultproxy.Cut}
	case 1:
		return faultproxy.Fault{Direction: faultproxy.ToClient, After: []byte("COMMIT"), Kind: faultproxy.Cut}
	case 2:
		return faultproxy.Fault{Direction: faultproxy.ToClient, After: []byte("UPDATE 1"), Kind: faultproxy.Cut}
	}
	return faultproxy.Fault{Direction: faultproxy.Direction(r.IntN(2)), Plus: r.IntN(3000), Kind: faultproxy.Cut}
}

// kill kills all processes of the server and restarts it.
func (c *checker) kill(ctx context.Context) {
	if c.opts.KillEach == 0 {
		return
	}
	r := &reading{checker: c, r: c.random(2004)}
	next := time.Now().Add(c.opts.KillEach)
	for n := 0; !c.over(); sleep(ctx, 10*time.Millisecond) {
		if time.Now().Before(next) {
			continue
		}
		if err := r.restart(ctx, n%2 == 0); err != nil {
			c.fail(err)
			return
		}
		c.faults.Add(1)
		n++
		next = time.Now().Add(c.opts.KillEach)
	}
}

// restart kills and restarts the server. If calm, no reads or writes are under
// way: statements that cannot be examined would invalidate all entries. The
// handles connect to the new server while its identity cannot be read.
func (c *reading) restart(ctx context.Context, calm bool) error {
	if calm {
		c.busy.Lock()
		defer c.busy.Unlock()
		c.readLives(ctx, func() bool { return c.why.Answered() })
	}
	c.w.proxy.Refuse(true)
	defer c.w.proxy.Refuse(false)
	if err := errors.Join(c.w.server.Kill(ctx), c.w.server.Restart(ctx)); err != nil {
		return err
	}
	c.lock(ctx, "pg_catalog.pg_stat_bgwriter", func() { // the view with its start time
		c.w.proxy.Refuse(false)
		c.readLives(ctx, func() bool { return c.why != 0 })
	})
	return nil
}

// readLives reads the start time through each handle until the lookup is as
// wanted, at most 20 times.
func (c *reading) readLives(ctx context.Context, wanted func() bool) {
	for _, h := range c.w.handles {
		at := spot{on: h, tenant: tenants[0]}
		for n := 0; n < 20 && !(c.one(ctx, at, c.readLife) && wanted()); n++ {
			sleep(ctx, 10*time.Millisecond)
		}
	}
}

// end ends the sessions that the library opens beside the pool.
func (c *checker) end(ctx context.Context) {
	const sql = `
SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
WHERE datname = current_database() AND application_name = $1 || ' (headrace)'`
	if c.opts.EndEach == 0 {
		return
	}
	for r := c.random(2002); !c.over(); sleep(ctx, time.Duration(r.Int64N(2*int64(c.opts.EndEach)))) {
		if n, err := db.One[int64](ctx, c.w.other, db.SQL(sql, program)); err == nil {
			c.faults.Add(n)
		}
	}
}

// hold locks tables briefly, so that writes and loads wait.
func (c *checker) hold(ctx context.Context) {
	const sql = "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables WHERE schemaname IN ('public', 'vault')"
	tables, err := db.All[string](ctx, c.w.other, db.SQL(sql))
	if err != nil {
		c.fail(err)
		return
	}
	for r := c.random(2003); !c.over(); sleep(ctx, time.Duration(10+r.IntN(100))*time.Millisecond) {
		c.lock(ctx, tables[r.IntN(len(tables))], func() { sleep(ctx, time.Duration(r.IntN(20))*time.Millisecond) })
	}
}

const mostHeld = 3 * time.Second

// lock runs fn while it holds an exclusive lock on a relation. It does nothing
// if it cannot get the lock in time.
func (c *checker) lock(ctx context.Context, relation string, fn func()) {
	ctx, cancel := context.WithTimeout(ctx, mostHeld)
	defer cancel()
	_ = c.w.other.InTx(ctx, db.TxOptions{}, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, "LOCK TABLE "+relation+" IN ACCESS EXCLUSIVE MODE")
		if err == nil {
			fn()
		}
		return err
	}) // an error comes from a fault
}

// disturb changes the time zone of a pooled session for a while, like a program
// that forgets to reset it.
func (c *checker) disturb(ctx context.Context) {
	r := c.random(2001)
	for !c.over() {
		pg := c.w.handles[r.IntN(handles)].pg
		if conn, err := pg.Acquire(ctx); err == nil {
			_, _ = conn.Exec(ctx, "SET TimeZone = 'Asia/Tokyo'")
			conn.Release()
		}
		sleep(ctx, 20*time.Millisecond)
		for _, conn := range pg.Pool().AcquireAllIdle(ctx) {
			closeChanged(ctx, conn)
		}
		sleep(ctx, 200*time.Millisecond)
	}
}

// closeChanged releases a connection, and closes it if its time zone was
// changed.
func closeChanged(ctx context.Context, conn *pgxpool.Conn) {
	if conn.Conn().PgConn().ParameterStatus("TimeZone") != "UTC" {
		_ = conn.Conn().Close(ctx)
	}
	conn.Release()
}

// explained reports whether a fault may have caused an error.
func explained(err error) bool {
	pgErr, ok := errors.AsType[*pgconn.PgError](err)
	return !ok || slices.Contains(faultCodes, pgErr.Code)
}

var faultCodes = []string{
	"57014", "57P01", "57P02", "57P03", "57P05", // cancelled, server stops or starts, idle session ended
	"08006", "08P01", // the connection broke within a message
	"42704", "42710", "55000", // the prepared transaction is gone, exists already or is busy: its connection was cut
	"55P03", // lock timeout
}
