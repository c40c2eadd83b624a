package db

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/headrace/headrace/internal/clock"
)

// usage are the connections of a handle's pool, and the callers that wait for
// one.
type usage struct {
	mu    sync.Mutex
	conns map[*connState]struct{} // guarded by mu

	waiting atomic.Int64
	served  atomic.Uint64 // how often a connection was had, or given up
	watched atomic.Bool   // a look at those that wait is due
}

// longWait is how long callers wait, none of them being served, before a line is
// logged.
const longWait = 5 * time.Second

// watchUsage makes the pool's connections known.
func (d *DB) watchUsage(cfg *pgxpool.Config) {
	d.usage.conns = make(map[*connState]struct{})
	connected, closing := cfg.AfterConnect, cfg.BeforeClose
	cfg.AfterConnect = func(ctx context.Context, conn *pgx.Conn) error {
		if err := connected(ctx, conn); err != nil {
			return err
		}
		d.usage.mu.Lock()
		defer d.usage.mu.Unlock()
		d.usage.conns[d.ensureState(conn)] = struct{}{}
		return nil
	}
	cfg.BeforeClose = func(conn *pgx.Conn) {
		if closing != nil {
			closing(conn)
		}
		if s := stateOf(conn); s != nil {
			d.usage.mu.Lock()
			defer d.usage.mu.Unlock()
			delete(d.usage.conns, s)
		}
	}
}

// begin notes that a caller waits for a connection; the end is noted by end.
func (u *usage) begin(d *DB) {
	u.waiting.Add(1)
	if !u.watched.Load() && u.watched.CompareAndSwap(false, true) {
		u.watch(d)
	}
}

func (u *usage) end() {
	u.waiting.Add(-1)
	u.served.Add(1)
}

// watch looks after a while whether callers wait of whom none was served, as
// those do forever who ask for a second connection while they hold the last. It
// goes on while callers wait, and logs one line until the next one is served.
func (u *usage) watch(d *DB) {
	before, logged := u.served.Load(), false
	var again *time.Timer
	ready := make(chan struct{})
	again = time.AfterFunc(longWait, func() {
		<-ready
		waiting, served := u.waiting.Load(), u.served.Load()
		if waiting == 0 || d.closed.Load() {
			u.watched.Store(false)
			if u.waiting.Load() > 0 && !d.closed.Load() && u.watched.CompareAndSwap(false, true) { // came meanwhile
				again.Reset(longWait)
			}
			return
		}
		if inUse := d.inUse(); served == before && !logged && inUse != "" {
			d.opts.Logger.Warn("callers wait for a connection, and none was given back", "waiting", waiting, "connections", inUse)
			logged = true
		}
		logged = logged && served == before
		before = served
		again.Reset(longWait)
	})
	close(ready)
}

// exhausted returns an error that says how the pool's connections are used if
// all of them are, so that callers wait, and nil if not.
func (d *DB) exhausted() error {
	if inUse := d.inUse(); inUse != "" {
		return &exhaustedError{inUse}
	}
	return nil
}

type exhaustedError struct{ text string }

func (e *exhaustedError) Error() string { return e.text }

// inUse says how the pool's connections are used if all of them are, or "".
func (d *DB) inUse() string {
	stat := d.pool.Stat()
	if stat.MaxConns() == 0 || stat.AcquiredConns() < stat.MaxConns() {
		return ""
	}
	text := fmt.Sprintf("all %d connections are in use", stat.MaxConns())
	if stat.MaxConns() == 1 {
		text = "the only connection is in use"
	}
	since, last := d.usage.longest()
	if since > 0 {
		text += fmt.Sprintf(", the longest for %v", (clock.Now() - since).Round(time.Millisecond))
	}
	if last != "" {
		text += ", last by " + last
	}
	return text
}

// longest returns since when the connection is in use that was handed out first,
// and how its last statement is called, "" where that is not known.
func (u *usage) longest() (since time.Duration, last string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for c := range u.conns {
		taken := time.Duration(c.taken.Load())
		if taken > 0 && (since == 0 || taken < since) {
			since, last = taken, ""
			if stats := c.tracked.Last(); stats != nil {
				last = stats.Label()
			}
		}
	}
	return since, last
}

// closePool closes the pool, which waits for connections that are in use.
func (d *DB) closePool() {
	slow := time.AfterFunc(longWait, func() {
		if n := d.pool.Stat().AcquiredConns(); n > 0 {
			since, last := d.usage.longest()
			attrs := []any{"connections", n}
			if since > 0 {
				attrs = append(attrs, "longest", (clock.Now() - since).Round(time.Millisecond))
			}
			if last != "" {
				attrs = append(attrs, "statement", last)
			}
			d.opts.Logger.Warn("Close waits for connections that are in use", attrs...)
		}
	})
	defer slow.Stop()
	d.pool.Close()
}
