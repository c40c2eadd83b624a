package consistency

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/headrace/headrace/integration/faultproxy"
)

// cut breaks a connection now and then: before a COMMIT has arrived, before its answer has, or anywhere.
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

// kill ends the server with all its processes, and starts it again.
func (c *checker) kill(ctx context.Context) {
	if c.opts.KillEach == 0 {
		return
	}
	for next := time.Now().Add(c.opts.KillEach); !c.over(); sleep(ctx, 10*time.Millisecond) {
		if time.Now().Before(next) {
			continue
		}
		err := errors.Join(c.w.server.Kill(ctx), c.w.server.Restart(ctx))
		if err != nil {
			c.strangely(err)
			return
		}
		c.faults.Add(1)
		next = time.Now().Add(c.opts.KillEach)
	}
}

// explained reports whether an error may be that of a fault: what a server says that nobody has killed is not.
func explained(err error) bool {
	pgErr, ok := errors.AsType[*pgconn.PgError](err)
	return !ok || slices.Contains(faultCodes, pgErr.Code)
}

var faultCodes = []string{
	"57014", "57P01", "57P02", "57P03", // cancelled, or the server ends or begins
	"08006", "08P01", // the connection broke in the middle of a message
	"42704", "42710", "55000", "55P03", // what was prepared is gone, there or busy: its writer's connection was cut
}
