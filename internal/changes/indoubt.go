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

// doubts follows transactions whose outcome is unknown: the connection broke
// while a COMMIT, or a statement that commits by itself, was under way. The
// server's session may still be working on it, so what it did is settled only
// once that session is gone.
type doubts struct {
	mu      sync.Mutex
	stopped bool               // guarded by mu
	cancel  context.CancelFunc // ends all followers; guarded by mu
	ctx     context.Context    // of all followers; guarded by mu
	running sync.WaitGroup
}

// A follower waits between two looks at the server, half as long again each
// time, and asks it to cancel what the session does, at most so often.
const (
	minDoubtPoll   = 5 * time.Millisecond
	maxDoubtPoll   = 100 * time.Millisecond
	cancelInterval = 250 * time.Millisecond
)

// A brokenSession is the session of a connection that broke.
type brokenSession struct {
	conn   *pgconn.PgConn // closed
	server string         // when its server was started, as Database.started tells; "" where that is unknown
}

// begin announces changes as in doubt and follows their session until it is gone,
// when it announces them as settled. schema says that they may be changes of the
// schema.
func (w *doubts) begin(ctx context.Context, t *Tracker, session brokenSession, changes []Change, schema bool) {
	t.listeners.notify(ctx, withState(changes, InDoubt))
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.stopped {
		return // nobody is told that it settled: those tables stay in doubt
	}
	if w.ctx == nil {
		w.ctx, w.cancel = context.WithCancel(context.Background())
	}
	follow := w.ctx
	w.running.Go(func() {
		if t.waitForEnd(follow, session) {
			if schema || slices.ContainsFunc(changes, func(c Change) bool { return c.All }) {
				schemaMayChange(changes[0].Database) // since the change was told of
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

// waitForEnd returns true once the lost session has ended, false when ctx ended
// first. It has where the server has no session with its process id that was
// there before this call, and where the server was started again: process ids
// are used again then, in a container within seconds.
//
// pgx asks the server to cancel what runs on a connection that it gives up, and
// reads on until the server ends the connection: with its session, unless a
// pooler is in between. The server is looked at then at once, and now and then
// before, in case that does not come. A cancel that reached the session before
// the statement did was lost, and the statement may wait for a lock: it is
// cancelled again. That hits nothing else, since the request names the session by
// its secret.
func (t *Tracker) waitForEnd(ctx context.Context, session brokenSession) bool {
	look := sessionLook{server: session.server}
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
			return look.at(ctx, conn, closed.PID())
		})
		if err == nil && look.ended {
			return true
		}
		if look.pooled && !look.looked {
			if retry.Sleep(ctx, poolerWait) != nil { // not while others wait for the examiner
				return false
			}
			wait = 0
			continue
		}
		if clock.Now()-cancelled >= cancelInterval {
			_ = cancelOn(ctx, closed) // the session will end at some time without
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

// A sessionLook follows one server session over several looks.
type sessionLook struct {
	server string     // when the session's server was started, "" where that is unknown
	begun  *time.Time // of the session when it was first seen; nil before, and where the role may not see it
	pooled bool       // there is a pooler: nothing was looked at yet, but for
	looked bool       // the first look, at which
	open   []string   // these transactions were under way
	ended  bool
}

// poolerWait is how long the first look is waited with behind a pooler, which
// may still hold what the client has sent.
const poolerWait = time.Second

// at looks for the session. That there is one everybody may see; since when,
// only a member of its role.
func (l *sessionLook) at(ctx context.Context, conn *pgx.Conn, pid uint32) error {
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

// saw notes that a server that was started then has so many other sessions with
// the process id, the last of which began then, nil where that is not shown.
func (l *sessionLook) saw(sessions int, begun *time.Time, started string) {
	if l.begun == nil {
		l.begun = begun
	}
	again := l.server != "" && l.server != started
	l.ended = sessions == 0 || again || begun != nil && begun.After(*l.begun)
}

// behindPooler looks for all transactions of this user in this database that
// were under way at the first look: the process id that a pooler gives out is
// not the server's, and its sessions outlive those of its clients. Locks on
// transactions everybody may see; since when a transaction runs, not.
func (l *sessionLook) behindPooler(ctx context.Context, conn *pgx.Conn) error {
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
	if !l.looked {
		l.looked, l.open = true, open
	}
	l.ended = !slices.ContainsFunc(l.open, func(transaction string) bool { return slices.Contains(open, transaction) })
	return nil
}
