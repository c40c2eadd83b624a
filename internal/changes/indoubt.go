package changes

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/headrace/headrace/internal/clock"
	"github.com/headrace/headrace/internal/retry"
)

// doubts follows transactions of unknown outcome: the connection broke during a
// COMMIT, or during a statement that commits by itself. The server's session
// may still be working on it, so the outcome is resolved only once that session
// has ended.
type doubts struct {
	mu      sync.Mutex
	stopped bool               // guarded by mu
	cancel  context.CancelFunc // ends all followers; guarded by mu
	ctx     context.Context    // of all followers; guarded by mu
	running sync.WaitGroup
}

// A follower polls the server, with waits that grow by half each time, and asks
// it at intervals to cancel what the session does.
const (
	minDoubtPoll   = 5 * time.Millisecond
	maxDoubtPoll   = 100 * time.Millisecond
	cancelInterval = 250 * time.Millisecond
)

// A brokenSession is the session of a connection that broke.
type brokenSession struct {
	conn   *pgconn.PgConn // closed
	server string         // start time of its server, as Database.started returns it; "" if unknown
}

// begin announces changes as in doubt and follows their session until it has
// ended, when it announces them as resolved. schema reports whether they may
// include changes of the schema.
func (w *doubts) begin(ctx context.Context, t *Tracker, session brokenSession, changes []Change, schema bool) {
	t.listeners.notify(ctx, withState(changes, InDoubt))
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.stopped {
		return // never resolved: the tables stay in doubt
	}
	if w.ctx == nil {
		w.ctx, w.cancel = context.WithCancel(context.Background())
	}
	follow := w.ctx
	w.running.Go(func() {
		if t.waitForEnd(follow, session) {
			if schema || slices.ContainsFunc(changes, func(c Change) bool { return c.All }) {
				schemaMayChange(changes[0].Database) // since the change was announced
			}
			t.listeners.notify(follow, withState(changes, Resolved))
		}
	})
}

// stop ends all followers and waits for them.
func (w *doubts) stop() {
	w.mu.Lock()
	w.stopped = true
	if w.cancel != nil {
		w.cancel()
	}
	w.mu.Unlock()
	w.running.Wait()
}

// waitForEnd waits until the broken session has ended, and reports false if ctx
// ended first. The session has ended if the server has no session with its
// process id that existed before this call, or if the server was restarted: a
// restarted server reuses process ids, in a container within seconds.
//
// pgx asks the server to cancel what runs on a connection that it gives up, and
// reads until the server closes the connection, which happens when the session
// ends, unless a pooler is in between. waitForEnd polls the server at once
// then, and periodically before, in case that never comes. A cancel that
// reached the session before the statement did is lost, and the statement may
// wait for a lock: so it is cancelled again. That affects no other session,
// since the request names the session by its secret.
func (t *Tracker) waitForEnd(ctx context.Context, session brokenSession) bool {
	poll := sessionPoll{server: session.server}
	closed := session.conn
	ended := closed.CleanupDone()
	cancelled := clock.Now()
	for wait := time.Duration(0); ; {
		select {
		case <-ctx.Done():
			return false
		case <-ended:
			ended, wait = nil, 0
		case <-time.After(wait):
		}
		err := t.examiner.do(ctx, func(ctx context.Context, conn *pgx.Conn) error {
			return poll.at(ctx, conn, closed.PID())
		})
		if err == nil && poll.ended {
			return true
		}
		if poll.pooled && !poll.polled {
			if retry.Sleep(ctx, poolerWait) != nil { // outside of do, so that others can use the examiner
				return false
			}
			wait = 0
			continue
		}
		if clock.Now()-cancelled >= cancelInterval {
			_ = cancelOn(ctx, closed) // the session ends without a cancel, too
			cancelled = clock.Now()
		}
		wait = min(max(wait+wait/2, minDoubtPoll), maxDoubtPoll)
	}
}

const cancelTimeout = 5 * time.Second

// cancelOn asks the server to cancel what runs on a connection.
func cancelOn(ctx context.Context, conn *pgconn.PgConn) error {
	ctx, stop := context.WithTimeout(ctx, cancelTimeout)
	defer stop()
	return conn.CancelRequest(ctx)
}

// A sessionPoll polls a server for one session.
type sessionPoll struct {
	server string     // start time of the session's server, "" if unknown
	begun  *time.Time // start time of the session when it was first seen; nil before, and if the role may not see it
	pooled bool       // a pooler is in between
	polled bool       // the first poll behind the pooler was made
	open   []string   // transactions that were open at that poll
	ended  bool
}

// poolerWait is the wait before the first poll behind a pooler, which may still
// hold what the client has sent.
const poolerWait = time.Second

// at polls the server for the session. Every role may see that a session
// exists; only a member of its role may see since when.
func (l *sessionPoll) at(ctx context.Context, conn *pgx.Conn, pid uint32) error {
	const query = `
SELECT pg_backend_pid(), s.n, s.begun, EXTRACT(EPOCH FROM pg_postmaster_start_time())::text
FROM (SELECT count(*) AS n, max(backend_start) AS begun FROM pg_stat_activity WHERE pid = $1 AND pid <> pg_backend_pid()) s`
	var own uint32
	var sessions int
	var begun *time.Time
	var started string
	if err := conn.QueryRow(ctx, query, pgx.QueryExecModeExec, int32(pid)).Scan(&own, &sessions, &begun, &started); err != nil {
		return err
	}
	if own != conn.PgConn().PID() {
		return l.behindPooler(ctx, conn)
	}
	l.saw(sessions, begun, started)
	return nil
}

// saw records that a server started at the given time has so many other
// sessions with the process id, the last of which began at begun, nil if the
// role may not see it.
func (l *sessionPoll) saw(sessions int, begun *time.Time, started string) {
	if l.begun == nil {
		l.begun = begun
	}
	restarted := l.server != "" && l.server != started
	l.ended = sessions == 0 || restarted || begun != nil && begun.After(*l.begun)
}

// behindPooler checks whether any transaction of this user in this database
// that was open at the first poll is still open: a pooler's process ids are not
// the server's, and server sessions outlive those of the clients. Every role
// may see locks on transactions, but not since when a transaction runs.
func (l *sessionPoll) behindPooler(ctx context.Context, conn *pgx.Conn) error {
	if !l.pooled {
		l.pooled = true
		return nil
	}
	const query = `
SELECT COALESCE(array_agg(l.virtualtransaction), '{}')
FROM pg_locks l JOIN pg_stat_activity s USING (pid)
WHERE l.locktype = 'virtualxid' AND l.granted AND l.mode = 'ExclusiveLock'
	AND s.datname = current_database() AND s.usename = session_user AND s.pid <> pg_backend_pid()`
	var open []string
	if err := conn.QueryRow(ctx, query, pgx.QueryExecModeExec).Scan(&open); err != nil {
		return err
	}
	if !l.polled {
		l.polled, l.open = true, open
	}
	l.ended = !slices.ContainsFunc(l.open, func(transaction string) bool { return slices.Contains(open, transaction) })
	return nil
}
