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

// Each connection is asked itself which database it leads to: two connections
// with the same settings may lead to two servers. It is asked only while a
// subscriber needs to know, once per connection: a new connection before the
// pool hands it out, an older one at the begin of its next statement.

// OwnMark is the prefix of this module's statements on connections of the pool,
// for operators who look at the server.
const OwnMark = "/* headrace */ "

// placeQuery identifies the server and database of a connection, using only
// what every role may read. Not every pooler passes on several statements or a
// prepared one.
const placeQuery = OwnMark + `SELECT d.oid, pg_catalog.current_setting('port'),
	EXTRACT(EPOCH FROM pg_catalog.pg_postmaster_start_time()),
	(SELECT EXTRACT(EPOCH FROM b.stats_reset) FROM pg_catalog.pg_stat_bgwriter b),
	pg_catalog.pg_is_in_recovery(), pg_catalog.pg_backend_pid()`

const (
	placeFrom   = " FROM pg_catalog.pg_database d WHERE d.datname OPERATOR(pg_catalog.=) pg_catalog.current_database()"
	placeSystem = ", (SELECT c.system_identifier FROM pg_catalog.pg_control_system() c)"
)

// errRestarted reports that the server was restarted during the query.
var errRestarted = errors.New("the server was restarted meanwhile")

// askPlace identifies the database of a connection. An error leaves it unknown,
// except that the server may refuse the system identifier, which every later
// query then leaves out.
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

// refusesSystem reports whether the server refused the system identifier: the
// right was revoked, or there is no such function.
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

// AskServer returns the identity of the server and database of a connection. It
// outlasts a restart of the server if the role may read the system identifier.
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

// A connPlace records which database a connection leads to.
type connPlace struct {
	database *Database // nil if unknown
	pooled   bool      // a pooler may redirect the connection at any time
	version  int64     // the schema version when the transaction began
	asked    time.Duration
}

// placeRecheck is the interval for asking a connection again: if its database
// could not be determined, and behind a pooler, which may connect to another
// server meanwhile.
const placeRecheck = time.Second

// current reports whether the connection need not be asked now.
func (p *connPlace) current() bool {
	if p.asked == 0 {
		return false
	}
	if p.database != nil && !p.pooled {
		return !p.database.gone.Load()
	}
	return clock.Now()-p.asked < placeRecheck && (p.database == nil || !p.database.gone.Load())
}

// now returns the database of the connection, nil if unknown.
func (p *connPlace) now() *Database {
	if p.database == nil || p.database.gone.Load() {
		return nil
	}
	return p.database
}

// ask determines the database of conn, which has the given number in the pool
// of t.
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

// identify determines the database of a connection on which a statement is
// about to run, if a subscriber needs to know. It does not disturb a
// transaction.
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

// IdentifyConnects makes each new connection determine its database before it
// is used, if a subscriber needs to know.
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
			return fmt.Errorf("identify the database: %w", err)
		}
		databases.displace(t, s.session.number)
		return nil
	}
}

// A placeTracker is a subscriber to the database of the handle's connections.
type placeTracker struct {
	left func(old *Database) // called when the database changes; may be nil
}

// tracksPlaces reports whether a subscriber needs to know the database of
// connections.
func (t *Tracker) tracksPlaces() bool { return !t.trackers.none() }

// TrackDatabase determines the database of the handle's connections until stop
// is called, with one round trip per connection. It calls left when the handle
// no longer leads to a database, or when that is unknown, before a connection
// to another database is used. left must not use the handle.
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

// placed records the database of the connection with the given number, nil if
// unknown. The newest connection determines the database of the handle. The
// number 0 stands for the examiner's connection, which counts while no other is
// known. Called with databases.mu held.
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

// Database returns the database of the handle, as its newest connection
// reported it. If none has, the examiner's connection is asked. It returns an
// error if the database is unknown.
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
		return nil, fmt.Errorf("db: identify the database: %w", err)
	}
	return at, nil
}

// CurrentDatabase returns the database of the handle, nil if unknown.
func (t *Tracker) CurrentDatabase() *Database { return t.current.Load() }

var errElsewhere = errors.New("the examining connection leads to another database than the pool")

// examinerPlace returns the database of the examiner's connection, which the
// caller owns. It returns an error unless that is the database of the handle.
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

// databaseOf returns the database of a connection, nil if unknown.
func (t *Tracker) databaseOf(s *Conn) *Database {
	if !t.tracksPlaces() {
		return &t.untracked
	}
	return s.place.now()
}

// Database returns the database on which all statements ran, nil if unknown,
// and reports whether there was any statement.
func (w *SessionWatch) Database() (at *Database, any bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.databases) == 1 {
		at = w.databases[0]
	}
	return at, len(w.databases) > 0
}

// isWatched reports whether ctx comes from WatchSession.
func isWatched(ctx context.Context) bool {
	_, ok := ctx.Value(sessionWatchKey{}).(*SessionWatch)
	return ok
}

// noteDatabase records a statement's database. Called with w.mu held.
func (w *SessionWatch) noteDatabase(at *Database) {
	if !slices.Contains(w.databases, at) {
		w.databases = append(w.databases, at)
	}
}
