package diagnose

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// A server asks the server what its sessions wait for, and measures the round
// trip.
type server struct {
	conn *ownConn // nil in tests, where ask is set
	ask  func(ctx context.Context, heldFor time.Duration) activity

	mu    sync.Mutex // held while the server is asked, so that callers share one answer
	last  activity   // guarded by mu
	asked time.Time  // when last was the answer; guarded by mu
}

// An activity is what the server reports about the sessions of the database,
// and how fast it answers.
type activity struct {
	err       error         // why the rest is unknown; nil if it is known
	roundTrip time.Duration // the shortest of some; 0 if unknown

	active   int // sessions that run a statement
	hidden   int // sessions of other roles, of which the role may not know more
	waiting  int // sessions that wait for a lock, and have run their statement for longer than lockFor
	longest  time.Duration
	tables   string // whose locks, or whose rows' locks, they wait for; at most three
	blockers int    // sessions that hold these locks
	sleeping int    // of the blockers: idle in a transaction

	idleInTx     int // sessions that are idle in a transaction for longer than idleFor
	longestIdle  time.Duration
	longTx       int // sessions whose transaction is open for longer than heldFor
	longestTx    time.Duration
	preparedXact int // prepared transactions that are older than heldFor
}

func newServer(pool *pgxpool.Config) *server {
	s := &server{conn: newOwnConn(pool)}
	s.ask = s.query
	return s
}

// activity returns what the server reports, at most once in the given time.
func (s *server) activity(ctx context.Context, every, heldFor time.Duration) activity {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.asked.IsZero() || time.Since(s.asked) >= every {
		answer := s.ask(ctx, heldFor)
		if answer.err != nil && ctx.Err() != nil {
			return answer // another caller may have more time
		}
		s.last, s.asked = answer, time.Now()
	}
	return s.last
}

var errForm = errors.New("the answer of the server has another form")

const (
	activityTimeout  = 2 * time.Second // with connecting
	statementTimeout = time.Second
	trips            = 5
)

// query asks the server. It uses the simple protocol, which poolers know.
func (s *server) query(ctx context.Context, heldFor time.Duration) (out activity) {
	ctx, cancel := context.WithTimeout(ctx, activityTimeout)
	defer cancel()
	out.err = s.conn.do(ctx, func(ctx context.Context, conn *pgx.Conn) error {
		out = activity{}
		for range trips {
			began := time.Now()
			if err := conn.Ping(ctx); err != nil {
				return err
			}
			if took := time.Since(began); out.roundTrip == 0 || took < out.roundTrip {
				out.roundTrip = took
			}
		}
		return out.read(ctx, conn, heldFor)
	})
	return out
}

// sessionsQuery counts sessions. It reads no texts of statements, since these
// contain constants. Waits for locks come from pg_locks, which shows the
// sessions of all roles.
const sessionsQuery = `
WITH session AS MATERIALIZED (
  SELECT a.pid, a.state,
         extract(epoch FROM clock_timestamp() - a.xact_start)::float8 AS open,
         extract(epoch FROM clock_timestamp() - a.state_change)::float8 AS unchanged,
         a.state IS NULL AND a.backend_type IS NULL AS hidden
  FROM pg_catalog.pg_stat_activity a
  WHERE a.datname = pg_catalog.current_database() AND a.pid <> pg_catalog.pg_backend_pid()
    AND coalesce(a.backend_type, 'client backend') = 'client backend'
), waiter AS MATERIALIZED (
  SELECT l.pid, l.relation, extract(epoch FROM clock_timestamp() - l.waitstart)::float8 AS waited, pg_catalog.pg_blocking_pids(l.pid) AS by
  FROM pg_catalog.pg_locks l
  WHERE NOT l.granted AND l.pid IN (SELECT pid FROM session)
    AND l.waitstart < clock_timestamp() - %[1]s * interval '1 second'
), blocker AS (
  SELECT DISTINCT unnest(by) AS pid FROM waiter
)
SELECT (SELECT count(*) FROM session WHERE state = 'active'),
       (SELECT count(*) FROM session WHERE hidden),
       (SELECT count(DISTINCT pid) FROM waiter),
       (SELECT coalesce(max(waited), 0) FROM waiter),
       (SELECT coalesce(string_agg(name, ', '), '') FROM (
          SELECT relation::pg_catalog.regclass::text AS name FROM waiter WHERE relation IS NOT NULL
          UNION -- a wait for a row is one for its transaction; the first that waits holds the row's own lock
          SELECT relation::pg_catalog.regclass::text FROM pg_catalog.pg_locks WHERE locktype = 'tuple' AND pid IN (SELECT pid FROM waiter)
          ORDER BY 1 LIMIT 3) n),
       (SELECT count(*) FROM blocker),
       (SELECT count(*) FROM session WHERE pid IN (SELECT pid FROM blocker) AND state LIKE 'idle in transaction%%'),
       (SELECT count(*) FROM session WHERE state LIKE 'idle in transaction%%' AND unchanged > %[2]s),
       (SELECT coalesce(max(unchanged), 0) FROM session WHERE state LIKE 'idle in transaction%%'),
       (SELECT count(*) FROM session WHERE open > %[3]s),
       (SELECT coalesce(max(open), 0) FROM session),
       (SELECT count(*) FROM pg_catalog.pg_prepared_xacts
        WHERE database = pg_catalog.current_database() AND clock_timestamp() - prepared > %[3]s * interval '1 second')`

const sessionFields = 12 // of sessionsQuery

// read reads the sessions in a transaction of its own, so that the timeout ends
// with it.
func (a *activity) read(ctx context.Context, conn *pgx.Conn, heldFor time.Duration) error {
	seconds := func(d time.Duration) string { return strconv.FormatFloat(d.Seconds(), 'f', 6, 64) }
	query := fmt.Sprintf(sessionsQuery, seconds(lockFor(heldFor)), seconds(idleInTxFor(heldFor)), seconds(heldFor))
	results, err := conn.PgConn().Exec(ctx, fmt.Sprintf("BEGIN READ ONLY; SET LOCAL statement_timeout = %d; %s; COMMIT", statementTimeout.Milliseconds(), query)).ReadAll()
	switch {
	case err != nil:
		return err
	case len(results) != 4 || len(results[2].Rows) != 1:
		return errForm
	}
	return a.parse(results[2].Rows[0])
}

// parse reads the fields of sessionsQuery.
func (a *activity) parse(row [][]byte) error {
	if len(row) != sessionFields {
		return errForm
	}
	at := 0
	next := func() string { at++; return string(row[at-1]) }
	var errs []error
	number := func() int {
		n, err := strconv.Atoi(next())
		errs = append(errs, err)
		return n
	}
	seconds := func() time.Duration {
		n, err := strconv.ParseFloat(next(), 64)
		errs = append(errs, err)
		return time.Duration(n * float64(time.Second))
	}
	a.active, a.hidden = number(), number()
	a.waiting, a.longest, a.tables = number(), seconds(), strings.ToValidUTF8(next(), "?")
	a.blockers, a.sleeping = number(), number()
	a.idleInTx, a.longestIdle = number(), seconds()
	a.longTx, a.longestTx = number(), seconds()
	a.preparedXact = number()
	return errors.Join(errs...)
}

// lockFor is how long a session may wait for a lock before it is reported, and
// idleInTxFor how long it may be idle in a transaction.
func lockFor(heldFor time.Duration) time.Duration     { return heldFor / 30 }
func idleInTxFor(heldFor time.Duration) time.Duration { return heldFor / 3 }

// closeIdle closes the connection if it has not been used for a while.
func (s *server) closeIdle() {
	if s.conn != nil {
		s.conn.closeIdle()
	}
}

func (s *server) close() {
	if s.conn != nil {
		s.conn.close()
	}
}
