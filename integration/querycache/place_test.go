package querycache_test

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/integration/faultproxy"
	"github.com/headrace/headrace/integration/pgserver"
	"github.com/headrace/headrace/integration/pgtest"
	"github.com/headrace/headrace/querycache"
)

// A pair is a handle that writes, which is followed, and one that reads through
// a cache. Their connection strings differ in all that may differ.
type pair struct {
	*testing.T
	server        *pgserver.Server
	writer, other *db.DB
	cache         *querycache.Cache
	reads         *querycache.ReadThrough
}

// newPair makes one on a database of server. Both users may be "" for the
// server's own.
func newPair(t *testing.T, server *pgserver.Server, database, writer, reader string, params ...string) *pair {
	t.Helper()
	p := &pair{T: t, server: server}
	proxy, err := faultproxy.Start(server.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = proxy.Close() })
	direct := server.ConnStringFor(database)
	through, err := proxy.ConnString(direct)
	if err != nil {
		t.Fatal(err)
	}
	p.writer = openAs(t, direct, writer, "application_name=writer")
	p.other = openAs(t, through, reader, append(params, "application_name=reader")...)
	if p.cache, err = querycache.New(nil); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.cache.Close)
	if p.reads, err = p.cache.ReadThrough(p.other, querycache.Policy{TTL: -1}); err != nil {
		t.Fatal(err)
	}
	for _, pg := range []*db.DB{p.writer, p.other} {
		if _, err := p.cache.Follow(pg); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

// rolePassword is that of roles that tests make.
const rolePassword = "secret"

func openAs(t *testing.T, connString, user string, params ...string) *db.DB {
	t.Helper()
	u, err := url.Parse(connString)
	if err != nil {
		t.Fatal(err)
	}
	if user != "" {
		u.User = url.UserPassword(user, rolePassword)
	}
	query := u.Query()
	for _, param := range params {
		key, value, _ := strings.Cut(param, "=")
		query.Set(key, value)
	}
	u.RawQuery = query.Encode()
	pg := pgtest.Open(t, u.String(), nil)
	return pg
}

// do runs what has to succeed in the end: while a server is starting, and on
// connections that are gone, it fails.
func (p *pair) do(what func(ctx context.Context) error) {
	p.Helper()
	var err error
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if err = what(p.Context()); err == nil {
			return
		}
	}
	p.Fatal(err)
}

func (p *pair) write(sql string, args ...any) {
	p.Helper()
	p.do(func(ctx context.Context) error {
		_, err := p.writer.Exec(ctx, sql, args...)
		return err
	})
}

func (p *pair) read(sql string) (v string) {
	p.Helper()
	p.do(func(ctx context.Context) (err error) {
		v, err = db.One[string](ctx, p.reads, db.SQL(sql))
		return err
	})
	return v
}

const titleSQL = "SELECT title FROM books"

// sees fails unless what the writer wrote is what is read, each time.
func (p *pair) sees(what string) {
	p.Helper()
	for i := range 5 {
		title := fmt.Sprintf("%s %d", what, i)
		p.write("UPDATE books SET title = $1", title)
		for range 2 {
			if got := p.read(titleSQL); got != title {
				p.Fatalf("%s: read %q, want %q", what, got, title)
			}
		}
	}
	hits := p.cache.Stats().Lookups[querycache.Hit]
	for deadline := time.Now().Add(20 * time.Second); p.cache.Stats().Lookups[querycache.Hit] == hits; time.Sleep(time.Millisecond) {
		p.read(titleSQL) // while a change is in doubt, reads go to the server
		if time.Now().After(deadline) {
			p.Fatalf("%s: no read hits: %v, %+v", what, p.cache.Stats().Lookups, p.reads.Explain(p.Context(), titleSQL))
		}
	}
}

var books = []string{"CREATE TABLE books (title text)", "INSERT INTO books VALUES ('first')", "GRANT ALL ON books TO PUBLIC"}

func (p *pair) setUp() {
	p.Helper()
	for _, sql := range books {
		p.write(sql)
	}
}

// Reads through one handle see the writes through another, also after their
// connections were lost.
func TestHandlesMeetAgain(t *testing.T) {
	t.Parallel()
	server := pgtest.Private(t, &pgserver.Options{})
	p := newPair(t, server, "postgres", "", "", "idle_session_timeout=400")
	p.setUp()
	p.sees("at first")
	for range 2 {
		time.Sleep(time.Second) // the reader's sessions and its examiner's end meanwhile
		p.sees("after sessions were idle for too long")
	}
	for _, how := range []string{"restart", "crash"} {
		if how == "crash" {
			if err := server.Kill(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if err := server.Restart(t.Context()); err != nil {
			t.Fatal(err)
		}
		p.sees("after a " + how)
	}
}

// An entry with a commit that a crash lost is not returned after the pool has
// reconnected.
func TestLostCommitsInvalidateEntries(t *testing.T) {
	t.Parallel()
	server := pgtest.Private(t, &pgserver.Options{Settings: map[string]string{"wal_writer_delay": "10s"}})
	for _, how := range []string{"all processes", "one process"} {
		p := newPair(t, server, "postgres", "", "")
		p.write("DROP TABLE IF EXISTS books")
		p.setUp()
		p.sees("before")
		p.write("CHECKPOINT")
		tx, err := p.writer.Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, sql := range []string{"SET LOCAL synchronous_commit = off", "UPDATE books SET title = 'lost'"} {
			if _, err := tx.Exec(t.Context(), sql); err != nil {
				t.Fatal(err)
			}
		}
		if err := tx.Commit(t.Context()); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if got := p.read(titleSQL); got != "lost" {
				t.Fatalf("read %q before the crash", got)
			}
		}
		if how == "all processes" {
			if err := server.Kill(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := server.Restart(t.Context()); err != nil {
				t.Fatal(err)
			}
		} else {
			crashBackend(t, server)
		}
		var truth string
		p.do(func(ctx context.Context) (err error) { // the writer's pool alone connects: the reader's has only hits
			truth, err = db.One[string](ctx, p.writer, db.SQL(titleSQL))
			return err
		})
		if truth == "lost" {
			t.Logf("%s: the commit survived", how)
		}
		if got := p.read(titleSQL); got != truth {
			t.Errorf("%s: read %q, which the server lost; it has %q", how, got, truth)
		}
		p.sees("after the crash of " + how)
	}
}

// crashBackend kills one process of the server, which then starts all others
// again.
func crashBackend(t *testing.T, server *pgserver.Server) {
	t.Helper()
	var conns [2]*pgx.Conn
	for i := range conns {
		var err error
		if conns[i], err = pgx.Connect(t.Context(), server.ConnString()); err != nil {
			t.Fatal(err)
		}
		defer conns[i].Close(context.WithoutCancel(t.Context()))
	}
	sql := fmt.Sprintf("COPY (SELECT 1) TO PROGRAM 'kill -9 %d'", conns[0].PgConn().PID())
	if _, err := conns[0].Exec(t.Context(), sql); err == nil {
		t.Fatal("the server process outlived a SIGKILL")
	}
	for conns[1].Ping(t.Context()) == nil { // until the server has noticed
		time.Sleep(time.Millisecond)
	}
}

// A database that takes the name of another one is a different database, for
// readers and writers.
func TestSwappedDatabases(t *testing.T) {
	t.Parallel()
	server := pgtest.Private(t, &pgserver.Options{})
	admin := pgtest.Connect(t, server.ConnString())
	run := func(statements ...string) {
		t.Helper()
		for _, sql := range statements {
			if _, err := admin.Exec(t.Context(), sql); err != nil {
				t.Fatalf("%s: %v", sql, err)
			}
		}
	}
	run("CREATE DATABASE blue")
	p := newPair(t, server, "blue", "", "")
	p.setUp()
	p.sees("in blue")
	run("CREATE DATABASE green")
	green := openAs(t, server.ConnStringFor("green"), "")
	for _, sql := range append(books, "UPDATE books SET title = 'green'") {
		if _, err := green.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	green.Close()
	end := "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname IN ('blue', 'green')"
	run("ALTER DATABASE blue CONNECTION LIMIT 0", "ALTER DATABASE green CONNECTION LIMIT 0") // superusers may still connect
	for tries := 0; ; tries++ {
		run(end)
		if _, err := admin.Exec(t.Context(), "ALTER DATABASE blue RENAME TO old"); err == nil {
			break
		} else if tries == 50 {
			t.Fatal(err)
		}
		time.Sleep(20 * time.Millisecond)
	}
	run("ALTER DATABASE green RENAME TO blue")
	p.do(func(ctx context.Context) error {
		got, err := db.One[string](ctx, p.writer, db.SQL(titleSQL))
		if err == nil && got != "green" {
			t.Fatalf("the pool leads to %q", got)
		}
		return err
	})
	p.do(func(ctx context.Context) error {
		if err := p.other.Ping(ctx); err != nil {
			return err
		}
		got, err := db.One[string](ctx, p.reads, db.SQL(titleSQL))
		if err == nil && got != "green" {
			t.Fatalf("read %q from the database that had the name before", got)
		}
		return err
	})
	p.sees("in green")
}

// Handles of a role without access to the server's identity match those of a
// role with access.
func TestRolesThatMayNotReadTheIdentity(t *testing.T) {
	t.Parallel()
	server := pgtest.Private(t, &pgserver.Options{})
	admin := openAs(t, server.ConnString(), "")
	for _, sql := range append(books, "CREATE ROLE plain LOGIN PASSWORD '"+rolePassword+"'", "CREATE ROLE plain2 LOGIN PASSWORD '"+rolePassword+"'", "REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC") {
		if _, err := admin.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	for _, roles := range [][2]string{{"", "plain"}, {"plain", ""}, {"plain", "plain2"}} {
		p := newPair(t, server, "postgres", roles[0], roles[1])
		p.sees(fmt.Sprintf("as %q and %q", roles[0], roles[1]))
		if err := server.Restart(t.Context()); err != nil {
			t.Fatal(err)
		}
		p.sees(fmt.Sprintf("after a restart, as %q and %q", roles[0], roles[1]))
	}
}

// The connections that examine statements may end at any time.
func TestExaminersAreKilled(t *testing.T) {
	t.Parallel()
	server := pgtest.Private(t, &pgserver.Options{})
	p := newPair(t, server, "postgres", "", "")
	p.setUp()
	ctx, stop := context.WithCancel(t.Context())
	killed := make(chan int)
	go func() {
		n := 0
		defer func() { killed <- n }()
		conn, err := pgx.Connect(t.Context(), server.ConnString())
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close(context.WithoutCancel(t.Context()))
		for ctx.Err() == nil {
			var one int
			err := conn.QueryRow(t.Context(), "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name LIKE '%headrace%'").Scan(&one)
			if err != nil {
				t.Error(err)
				return
			}
			n += one
			time.Sleep(3 * time.Millisecond)
		}
	}()
	for i := range 300 {
		title := fmt.Sprint("title ", i)
		p.write(fmt.Sprintf("UPDATE books SET title = '%s' /* %d */", title, i))
		if i%10 == 0 {
			p.write(fmt.Sprintf("ALTER TABLE books ADD COLUMN c%d int", i))
		}
		for range 2 {
			if got := p.read(titleSQL); got != title {
				t.Fatalf("read %q, want %q", got, title)
			}
		}
	}
	stop()
	if n := <-killed; n == 0 {
		t.Error("nothing was killed")
	}
}

// A schema change through one handle is known to all handles of the database.
func TestSchemaChangedByAnotherHandle(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name           string
		before, change []string
		read           string
		write          string // that changes what is read, through the reader's own handle
	}{
		{
			name:   "view replaced",
			before: []string{"CREATE VIEW v AS SELECT title FROM books"}, change: []string{"CREATE OR REPLACE VIEW v AS SELECT title FROM films"},
			read: "SELECT title FROM v", write: "UPDATE films SET title = 'new'",
		},
		{
			name:   "view dropped and made again",
			before: []string{"CREATE VIEW v AS SELECT title FROM books"}, change: []string{"DROP VIEW v", "CREATE VIEW v AS SELECT title FROM films"},
			read: "SELECT title FROM v", write: "UPDATE films SET title = 'new'",
		},
		{
			name:   "function replaced",
			before: []string{"CREATE FUNCTION f() RETURNS text STABLE BEGIN ATOMIC SELECT title FROM books; END"},
			change: []string{"CREATE OR REPLACE FUNCTION f() RETURNS text STABLE BEGIN ATOMIC SELECT title FROM films; END"},
			read:   "SELECT f()", write: "UPDATE films SET title = 'new'",
		},
		{
			name:   "table dropped and made again",
			change: []string{"DROP TABLE books", "CREATE TABLE books (title text)", "INSERT INTO books VALUES ('made again')"},
			read:   titleSQL, write: "UPDATE books SET title = 'new'",
		},
		{
			name:   "names swapped",
			change: []string{"ALTER TABLE books RENAME TO swapped", "ALTER TABLE films RENAME TO books"},
			read:   titleSQL, write: "UPDATE books SET title = 'new'",
		},
		{
			name: "trigger added",
			change: []string{
				"CREATE FUNCTION copy() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN UPDATE books SET title = 'by the trigger'; RETURN NULL; END $$",
				"CREATE TRIGGER copy AFTER UPDATE ON films FOR EACH ROW EXECUTE FUNCTION copy()",
			},
			read: titleSQL, write: "UPDATE films SET title = 'x'",
		},
		{
			name:   "table that hides another",
			before: []string{"CREATE SCHEMA postgres"}, // the role's name: first in the search path
			change: []string{"CREATE TABLE postgres.books AS SELECT 'in front'::text AS title"},
			read:   titleSQL, write: "UPDATE books SET title = 'new'",
		},
		{
			name:   "in a transaction with rows",
			before: []string{"CREATE VIEW v AS SELECT title FROM books"},
			change: []string{"BEGIN; UPDATE films SET title = 'x'; CREATE OR REPLACE VIEW v AS SELECT title FROM films; COMMIT"},
			read:   "SELECT title FROM v", write: "UPDATE films SET title = 'new'",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := following(t, querycache.Policy{TTL: -1})
			b.follow(b.other)
			for _, sql := range append(append(books, "CREATE TABLE films (title text)", "INSERT INTO films VALUES ('film')"), c.before...) {
				b.exec(b.pg, sql)
			}
			same := func(when string) {
				t.Helper()
				for range 3 {
					want, err := db.One[string](t.Context(), b.pg, db.SQL(c.read))
					if err != nil {
						t.Fatal(err)
					}
					if got, err := db.One[string](t.Context(), b.reads, db.SQL(c.read)); err != nil || got != want {
						t.Errorf("%s: read %q, %v, want %q", when, got, err, want)
					}
				}
			}
			b.exec(b.pg, c.write) // it is known what it does
			same("before")
			for _, sql := range c.change {
				b.exec(b.other, sql)
			}
			same("after the change")
			b.exec(b.pg, c.write)
			same("after a write by the reader's handle")
			b.exec(b.other, strings.Replace(c.write, "new", "newer", 1))
			same("after a write by the other handle")
		})
	}
}
