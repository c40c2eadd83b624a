package db_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"math"
	"net"
	"net/url"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/integration/pgtest"
)

// A deafConn sends everything, and receives nothing after it has sent the given
// word: the server runs the statement and its response is lost.
type deafConn struct {
	net.Conn
	word *atomic.Pointer[string]
	deaf atomic.Bool

	lostCancels *atomic.Int32 // so many cancel requests do not get through
}

var errDeaf = errors.New("the answer is lost")

func (c *deafConn) Write(b []byte) (int, error) {
	if isCancelRequest(b) && c.lostCancels.Add(-1) >= 0 {
		return 0, errDeaf // the session is to go on
	}
	n, err := c.Conn.Write(b)
	if word := c.word.Load(); word != nil && bytes.Contains(bytes.ToLower(b), []byte(*word)) {
		c.word.Store(nil) // once is enough
		c.deaf.Store(true)
		_ = c.Conn.SetReadDeadline(time.Now()) // also ends a Read that waits already
	}
	return n, err
}

// isCancelRequest: PostgreSQL manual, "Message Formats", CancelRequest.
func isCancelRequest(b []byte) bool {
	return len(b) == 16 && binary.BigEndian.Uint32(b[4:]) == 1234<<16|5678
}

func (c *deafConn) Read(b []byte) (int, error) {
	if c.deaf.Load() {
		return 0, errDeaf
	}
	n, err := c.Conn.Read(b)
	if c.deaf.Load() {
		return 0, errDeaf
	}
	return n, err
}

// openDeaf returns a handle whose connections lose the response to messages
// that contain the word that the returned function sets. The given number of
// cancel requests is lost.
func openDeaf(t *testing.T, connString string, lostCancels int32) (pg *db.DB, loseAnswerTo func(word string)) {
	t.Helper()
	cfg, err := pgxpool.ParseConfig(connString)
	if err != nil {
		t.Fatal(err)
	}
	var word atomic.Pointer[string]
	var lost atomic.Int32
	lost.Store(lostCancels)
	dial := cfg.ConnConfig.DialFunc
	cfg.ConnConfig.DialFunc = func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := dial(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		return &deafConn{Conn: conn, word: &word, lostCancels: &lost}, nil
	}
	if pg, err = db.OpenConfig(t.Context(), cfg, nil); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pg.Close)
	return pg, func(s string) { word.Store(&s) }
}

func TestLostResponses(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		word string // in what the answer to is lost
		do   func(ctx context.Context, pg *db.DB) error
		want []string // all that may be announced
	}{
		{name: "commit", word: "commit", do: func(ctx context.Context, pg *db.DB) error {
			return pgx.BeginFunc(ctx, pg, func(tx pgx.Tx) error {
				_, err := tx.Exec(ctx, "INSERT INTO a VALUES (1)")
				return err
			})
		}, want: []string{"public.a?; public.a!"}},
		{name: "write by itself", word: "insert into a", do: func(ctx context.Context, pg *db.DB) error {
			_, err := pg.Exec(ctx, "INSERT INTO a VALUES (1)", pgx.QueryExecModeSimpleProtocol)
			return err
		}, want: []string{"public.a?; public.a!"}},
		{name: "write in a transaction", word: "insert into a", do: func(ctx context.Context, pg *db.DB) error {
			return pgx.BeginFunc(ctx, pg, func(tx pgx.Tx) error {
				_, err := tx.Exec(ctx, "INSERT INTO a VALUES (1)", pgx.QueryExecModeSimpleProtocol)
				return err
			})
		}, want: []string{""}},
		{name: "read", word: "select 7", do: func(ctx context.Context, pg *db.DB) error {
			_, err := pg.Exec(ctx, "SELECT 7", pgx.QueryExecModeSimpleProtocol)
			return err
		}, want: []string{""}},
		{name: "question before the commit", word: "headrace_written", do: func(ctx context.Context, pg *db.DB) error {
			return pgx.BeginFunc(ctx, pg, func(tx pgx.Tx) error {
				_, err := tx.Exec(ctx, "DO $$ BEGIN INSERT INTO a VALUES (1); END $$")
				return err
			})
		}, want: []string{""}},
		{name: "batch", word: "insert into a", do: func(ctx context.Context, pg *db.DB) error {
			b := new(pgx.Batch)
			b.Queue("INSERT INTO a VALUES (1)")
			b.Queue("INSERT INTO b VALUES (1)")
			return pg.SendBatch(ctx, b).Close()
		}, want: []string{"public.a? public.b?; public.a! public.b!"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			connString := pgtest.New(t)
			pg, lose := openDeaf(t, connString, 0)
			must(t)(pg.Exec(t.Context(), "CREATE TABLE a (id int); CREATE TABLE b (id int)"))
			log := watch(t, pg)
			lose(tt.word)
			if err := tt.do(t.Context(), pg); err == nil {
				t.Fatal("no error although the answer was lost")
			}
			announced := waitFor(t, log, tt.want[0])
			if announced != tt.want[0] {
				t.Errorf("announced %q, want %q", announced, tt.want[0])
			}
		})
	}
}

// A write whose context ends may still take place.
func TestCancelledWrite(t *testing.T) {
	t.Parallel()
	pg := open(t, nil, "CREATE TABLE a (id int)")
	must(t)(pg.Exec(t.Context(), "INSERT INTO a SELECT 0 FROM pg_sleep($1)", 0.0)) // known from here on
	log := watch(t, pg)
	must(t)(pg.Exec(t.Context(), "INSERT INTO a SELECT 1 FROM pg_sleep($1)", 0.0))
	if announced := log.takeKnown(); announced != "public.a" {
		t.Fatalf("announced %q", announced)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if _, err := pg.Exec(ctx, "INSERT INTO a SELECT 1 FROM pg_sleep($1)", 20.0); err == nil {
		t.Fatal("no error")
	}
	if announced := waitFor(t, log, "public.a?; public.a!"); announced != "public.a?; public.a!" {
		t.Errorf("announced %q", announced)
	}
}

// A session that is still running keeps its tables in doubt.
func TestDoubtLastsWhileTheSessionDoes(t *testing.T) {
	t.Parallel()
	for _, role := range []string{"", "pg_read_all_settings"} { // the latter does not see the session that logged in
		t.Run(role, func(t *testing.T) { testDoubtLasts(t, role) })
	}
}

func testDoubtLasts(t *testing.T, role string) {
	connString := pgtest.New(t)
	admin, err := pgx.Connect(t.Context(), connString)
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close(context.WithoutCancel(t.Context()))
	must(t)(admin.Exec(t.Context(), "CREATE TABLE a (id int); GRANT ALL ON a TO PUBLIC"))
	if role != "" {
		u, err := url.Parse(connString)
		if err != nil {
			t.Fatal(err)
		}
		query := u.Query()
		query.Set("role", role)
		u.RawQuery = query.Encode()
		connString = u.String()
	}
	pg, lose := openDeaf(t, connString, math.MaxInt32)
	log := watch(t, pg)
	locker, err := pg.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = locker.Rollback(context.WithoutCancel(t.Context())) }()
	must(t)(locker.Exec(t.Context(), "SELECT pg_advisory_xact_lock(1)"))
	lose("insert into a")
	_, err = pg.Exec(t.Context(), "INSERT INTO a SELECT 1 FROM (SELECT pg_advisory_xact_lock(1)) l", pgx.QueryExecModeSimpleProtocol)
	if err == nil {
		t.Fatal("no error although the answer was lost")
	}
	if announced := waitFor(t, log, "public.a?"); announced != "public.a?" && announced != "*?" {
		t.Fatalf("announced %q, want the doubt", announced)
	}
	time.Sleep(300 * time.Millisecond) // three looks at the server
	if announced := log.take(); announced != "" {
		t.Fatalf("announced %q while the session waits for a lock", announced)
	}
	if err := locker.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	if announced := waitFor(t, log, "public.a!"); announced != "public.a!" && announced != "*!" {
		t.Errorf("announced %q after the session's end", announced)
	}
}

// A session that missed its cancel, and waits for a lock, is cancelled again.
func TestDoubtEndsAfterLostCancel(t *testing.T) {
	t.Parallel()
	pg, lose := openDeaf(t, pgtest.New(t), 1)
	must(t)(pg.Exec(t.Context(), "CREATE TABLE a (id int)"))
	log := watch(t, pg)
	locker, err := pg.Begin(t.Context())
	must(t)(nil, err)
	defer func() { _ = locker.Rollback(context.WithoutCancel(t.Context())) }()
	must(t)(locker.Exec(t.Context(), "LOCK TABLE a"))
	lose("delete from a")
	if _, err = pg.Exec(t.Context(), "DELETE FROM a", pgx.QueryExecModeSimpleProtocol); err == nil {
		t.Fatal("no error although the answer was lost")
	}
	if announced := waitFor(t, log, "public.a?; public.a!"); announced != "public.a?; public.a!" {
		t.Errorf("announced %q while the lock is held", announced)
	}
}

// waitFor returns the announced changes once they equal want, or after some
// seconds.
func waitFor(t *testing.T, log *changeLog, want string) string {
	t.Helper()
	announced := ""
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if more := log.take(); more != "" {
			if announced != "" {
				announced += "; "
			}
			announced += more
		}
		if known(announced) == want && want != "" {
			break
		}
		if want == "" && !hasDoubt(announced) && time.Now().After(deadline.Add(-19500*time.Millisecond)) {
			break
		}
	}
	return known(announced)
}
