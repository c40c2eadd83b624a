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

// usage tracks the connections of a handle's pool, and the callers that wait
// for one.
type usage struct {
	mu    sync.Mutex
	conns map[*connState]struct{} // guarded by mu

	waiting atomic.Int64
	served  atomic.Uint64 // acquires that have ended, with a connection or an error
	watched atomic.Bool   // whether the watch timer is set
}

// longWait is how long callers wait without any acquire ending before a line is
// logged.
const longWait = 5 * time.Second

// watchUsage registers the pool's connections in usage.
func (d *DB) watchUsage(cfg *pgxpool.Config) {
	d.usage.conns = make(map[*connState]struct{})
	connected, closing := cfg.AfterConnect, cfg.BeforeClose
	cfg.AfterConnect = func(ctx context.Context, conn *pgx.Conn) error {
		if err := connected(ctx, conn); err != nil {
			return err
		}
		d.usage.mu.Lock()
		defer d.usage.mu.Unlock()
		d.usage.forgetClosed()
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

// forgetClosed forgets connections that were closed outside of the pool, after
// the program had hijacked them. Called with mu held.
func (u *usage) forgetClosed() {
	for s := range u.conns {
		select {
		case <-s.closed:
			delete(u.conns, s)
		default:
		}
	}
}

// begin counts a waiting caller; end removes it.
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

// watch checks periodically whether callers wait and no acquire has ended, as
// happens when every connection is held by a caller that waits for a second
// one. It continues while callers wait, and logs one line until an acquire
// ends.
func (u *usage) watch(d *DB) {
	before, logged := u.served.Load(), false
	var timer *time.Timer
	ready := make(chan struct{})
	timer = time.AfterFunc(longWait, func() {
		<-ready
		waiting, served := u.waiting.Load(), u.served.Load()
		if waiting == 0 || d.closed.Load() {
			u.watched.Store(false)
			if u.waiting.Load() > 0 && !d.closed.Load() && u.watched.CompareAndSwap(false, true) { // a caller came meanwhile
				timer.Reset(longWait)
			}
			return
		}
		if inUse := d.inUse(); served == before && !logged && inUse != "" {
			d.opts.Logger.Warn("callers wait for a connection, and none was released", "waiting", waiting, "connections", inUse)
			logged = true
		}
		logged = logged && served == before
		before = served
		timer.Reset(longWait)
	})
	close(ready)
}

// exhausted returns an error that describes the use of the pool's connections
// if all of them are in use, and nil otherwise.
func (d *DB) exhausted() error {
	if inUse := d.inUse(); inUse != "" {
		return &exhaustedError{inUse}
	}
	return nil
}

type exhaustedError struct{ text string }

func (e *exhaustedError) Error() string { return e.text }

// inUse describes the use of the pool's connections if all of them are in use,
// and returns "" otherwise.
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

// longest returns when the connection that has been in use longest was taken,
// and the label of its last statement, "" if unknown.
func (u *usage) longest() (since time.Duration, last string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for c := range u.conns {
		taken := c.tracked.Taken()
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
