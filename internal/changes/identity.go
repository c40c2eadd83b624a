package changes

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/headrace/headrace/internal/clock"
	"github.com/headrace/headrace/internal/connecterror"
)

// Where a connection leads is asked on that connection and no other: two
// connections with the same settings may lead to two servers. It is asked
// while somebody needs it, once for each connection: a new one before the pool
// hands it out, one made before that at the begin of its next statement.

// OwnMark begins statements of this module that run on connections of the
// pool, for those who look at the server.
const OwnMark = "/* headrace */ "

// placeQuery tells where a connection leads, in words that every role may use.
// A sequence of statements, or a prepared one, would not get through every
// pooler.
const placeQuery = OwnMark + `SELECT d.oid, pg_catalog.current_setting('port'),
	EXTRACT(EPOCH FROM pg_catalog.pg_postmaster_start_time()),
	(SELECT EXTRACT(EPOCH FROM b.stats_reset) FROM pg_catalog.pg_stat_bgwriter b),
	pg_catalog.pg_is_in_recovery(), pg_catalog.pg_backend_pid()`

const (
	placeFrom   = " FROM pg_catalog.pg_database d WHERE d.datname OPERATOR(pg_catalog.=) pg_catalog.current_database()"
	placeSystem = ", (SELECT c.system_identifier FROM pg_catalog.pg_control_system() c)"
)

// errRestarted says that the server started again while it was asked.
var errRestarted = errors.New("the server started again meanwhile")

// askPlace asks where a connection leads. An error is no answer; only that the
// server refuses to tell its system identifier is one.
func (t *Tracker) askPlace(ctx context.Context, conn *pgconn.PgConn) (*identity, error) {
	if !t.systemRefused.Load() {
		p, err := readPlace(ctx, conn, placeQuery+placeSystem+placeFrom)
		if !refusesSystem(err) {
			return p, err
		}
		t.systemRefused.Store(true)
	}
	return readPlace(ctx, conn, placeQuery+placeFrom)
}

// refusesSystem reports whether the server said that it will not tell its
// system identifier: the right was revoked, or there is no such function.
func refusesSystem(err error) bool {
	pgErr, ok := connecterror.Server(err)
	if !ok || pgErr.SeverityUnlocalized != "ERROR" {
		return false
	}
	return strings.HasPrefix(pgErr.Code, "42") || pgErr.Code == "0A000"
}

func readPlace(ctx context.Context, conn *pgconn.PgConn, query string) (*identity, error) {
	results, err := conn.Exec(ctx, query).ReadAll()
	if err != nil {
		return nil, err
	}
	if len(results) != 1 || len(results[0].Rows) != 1 {
		return nil, errors.New("the server does not know its own database")
	}
	var fields []string
	for _, value := range results[0].Rows[0] {
		fields = append(fields, string(value))
	}
	backend, err := strconv.ParseUint(fields[5], 10, 32)
	if err != nil {
		return nil, fmt.Errorf("read process id: %w", err)
	}
	p := &identity{oid: fields[0], start: fields[2] + ":" + fields[1] + "/" + fields[0], standby: fields[4] == "t", backend: uint32(backend)}
	p.life = p.start + " " + fields[3]
	if len(fields) > 6 {
		p.system = fields[6] + "/" + fields[0]
	}
	return p, nil
}

// AskServer returns the identity of the server and database of a connection,
// which outlasts a restart of the server where the role may read its system
// identifier.
func (t *Tracker) AskServer(ctx context.Context, conn *pgx.Conn) (string, error) {
	found, err := t.askPlace(ctx, conn.PgConn())
	switch {
	case err != nil:
		return "", err
	case found.system == "":
		return found.start, nil
	}
	return found.system, nil
}

// A connPlace is where a connection leads, as far as it was asked.
type connPlace struct {
	database *Database // nil where that is not known
	pooled   bool      // a pooler may lead it elsewhere at any time
	version  int64     // of the database's schema when the transaction began
	asked    time.Duration
}

// placeRecheck is how long a connection is not asked again: where it could not be
// found out, and behind a pooler, which may connect to another server meanwhile.
const placeRecheck = time.Second

// settled reports whether the connection need not be asked now.
func (p *connPlace) current() bool {
	if p.asked == 0 {
		return false
	}
	if p.database != nil && !p.pooled {
		return !p.database.gone.Load()
	}
	return clock.Now()-p.asked < placeRecheck && (p.database == nil || !p.database.gone.Load())
}

// now returns where the connection leads, nil where that is not known.
func (p *connPlace) now() *Database {
	if p.database == nil || p.database.gone.Load() {
		return nil
	}
	return p.database
}

// ask asks where conn leads, which is the connection of the given number of t.
func (p *connPlace) ask(ctx context.Context, t *Tracker, conn *pgx.Conn, number uint64) error {
	const tries = 3
	p.database, p.asked = nil, clock.Now()
	for range tries {
		ticket := databases.tickets.Load()
		found, err := t.askPlace(ctx, conn.PgConn())
		if err != nil {
			return err
		}
		p.pooled = found.backend != conn.PgConn().PID()
		if p.database = databases.place(t, number, found, ticket); p.database != nil {
			return nil
		}
	}
	return errRestarted
}

// identify asks where the connection leads that a statement is about to run on,
// if somebody needs to know. A transaction is not disturbed.
func (t *Tracker) identify(ctx context.Context, s *Conn, conn *pgx.Conn) {
	inSetup := s.session.number == 0
	if inSetup || !t.tracksPlaces() || conn.IsClosed() || conn.PgConn().TxStatus() != 'I' {
		return
	}
	if !s.place.current() {
		if err := s.place.ask(ctx, t, conn, s.session.number); err != nil && !conn.IsClosed() {
			databases.displace(t, s.session.number)
		}
	}
	at := s.place.now()
	if at == nil {
		return
	}
	s.place.version = at.schema.version.Load()
	if t.current.Load() == nil {
		databases.adopt(t, s.session.number, at)
	}
}

// IdentifyConnects makes each new connection tell where it leads before it is
// used, if somebody needs to know.
func (t *Tracker) IdentifyConnects(cfg *pgxpool.Config) {
	connected := cfg.AfterConnect
	cfg.AfterConnect = func(ctx context.Context, conn *pgx.Conn) error {
		if err := connected(ctx, conn); err != nil || !t.tracksPlaces() {
			return err
		}
		t.requests.serverIsBack()
		s := Ensure(conn)
		err := s.place.ask(ctx, t, conn, s.session.number)
		switch {
		case err == nil:
			return nil
		case conn.IsClosed():
			return fmt.Errorf("ask which database this is: %w", err)
		}
		databases.displace(t, s.session.number)
		return nil
	}
}

// A placeTracker needs to know where the handle's connections lead.
type placeTracker struct {
	left func(old *Database) // nil where it need not be told
}

// tracksPlaces reports whether anybody needs to know where connections lead.
func (t *Tracker) tracksPlaces() bool { return !t.trackers.none() }

// TrackDatabase makes the handle's connections tell which database they lead
// to, until stop is called: one round trip for each connection. left is called
// when the handle leads to a database no more, or when that cannot be told any
// more, before a connection that leads elsewhere is used; it must not use the
// handle.
func (t *Tracker) TrackDatabase(left func(old *Database)) (stop func()) {
	return t.track(&placeTracker{left})
}

func (t *Tracker) track(one *placeTracker) (stop func()) {
	databases.mu.Lock()
	defer databases.mu.Unlock()
	if !t.tracksPlaces() { // connections made since the last one stopped were not asked
		t.current.Store(nil)
		t.placedBy = 0
	}
	return t.trackers.add(one)
}

// placed notes that the connection of the given number leads to a database, nil
// for an unknown one. That of the newest connection is the handle's; 0 stands
// for the examiner's, which counts while no other is known. databases.mu is
// held.
func (t *Tracker) placed(now *Database, number uint64) {
	old := t.current.Load()
	if old != nil && number < t.placedBy {
		return
	}
	t.placedBy = number
	t.current.Store(now)
	if old == nil || old == now {
		return
	}
	for _, one := range t.trackers.current() {
		if one.left != nil {
			one.left(old)
		}
	}
}

// Database returns which database the handle leads to, as its newest connection
// told. Where none has yet the examiner's is asked. It returns an error where
// that is not known.
func (t *Tracker) Database(ctx context.Context) (*Database, error) {
	if now := t.current.Load(); now != nil {
		return now, nil
	}
	var at *Database
	err := t.examiner.do(ctx, func(ctx context.Context, conn *pgx.Conn) (err error) {
		at, err = t.examinerPlace(ctx, conn)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("db: ask which database this is: %w", err)
	}
	return at, nil
}

// CurrentDatabase returns which database the handle leads to, nil where that is
// not known.
func (t *Tracker) CurrentDatabase() *Database { return t.current.Load() }

var errElsewhere = errors.New("the examining connection leads to another database than the pool")

// examinerPlace returns where the examiner's connection leads, which the caller
// has: to what the handle's connections lead to, or an error.
func (t *Tracker) examinerPlace(ctx context.Context, conn *pgx.Conn) (*Database, error) {
	if !t.tracksPlaces() {
		return &t.untracked, nil
	}
	s := Ensure(conn)
	if !s.place.current() || s.place.database == nil {
		if err := s.place.ask(ctx, t, conn, s.session.number); err != nil {
			return nil, err
		}
	}
	at := s.place.database
	if t.current.Load() == nil {
		databases.adopt(t, s.session.number, at)
	}
	if t.current.Load() != at {
		return nil, errElsewhere
	}
	return at, nil
}

// databaseOf returns which database a connection leads to, nil where that is
// not known.
func (t *Tracker) databaseOf(s *Conn) *Database {
	if !t.tracksPlaces() {
		return &t.untracked
	}
	return s.place.now()
}

// Database returns the database that all of the statements ran on, nil where
// that is not known, and whether there was any statement.
func (w *SessionWatch) Database() (at *Database, any bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.databases) == 1 {
		at = w.databases[0]
	}
	return at, len(w.databases) > 0
}

// isWatched reports whether a statement runs for somebody who called
// WatchSession.
func isWatched(ctx context.Context) bool {
	_, ok := ctx.Value(sessionWatchKey{}).(*SessionWatch)
	return ok
}

// noteDatabase takes note of a statement's database. w.mu is held.
func (w *SessionWatch) noteDatabase(at *Database) {
	if !slices.Contains(w.databases, at) {
		w.databases = append(w.databases, at)
	}
}
