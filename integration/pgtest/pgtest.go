package pgtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"go.uber.org/goleak"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/integration/pgserver"
)

// Main is the body of TestMain. It runs the tests, stops the server if one was
// started, and fails the run if goroutines are left. It does not return.
func Main(m *testing.M) {
	code := m.Run()
	if err := shared.close(); err != nil {
		fmt.Fprintln(os.Stderr, "pgtest:", err)
		code = max(code, 1)
	}
	if code == 0 {
		if err := goleak.Find(); err != nil {
			fmt.Fprintln(os.Stderr, "pgtest: goroutines left after the tests:", err)
			code = 1
		}
	}
	os.Exit(code)
}

// New creates an empty database and returns its connection string. The database
// is dropped when the test ends; the test fails if connections to it are left.
// New is safe for parallel tests.
func New(tb testing.TB) string {
	tb.Helper()
	return create(tb, "template0")
}

// NewFrom is [New] for a copy of a template. The first call with a key in a
// test binary creates the template and calls fill with its connection string;
// fill must close its connections. All calls with the same key must pass the
// same fill. See [Script] for a fill of SQL statements.
func NewFrom(tb testing.TB, key string, fill func(ctx context.Context, connString string) error) string {
	tb.Helper()
	template, err := shared.template(tb.Context(), key, fill)
	if err != nil {
		tb.Fatalf("pgtest: make template %q: %v", key, err)
	}
	return create(tb, template)
}

// Script returns a fill for [NewFrom] that executes SQL statements.
func Script(sql string) func(ctx context.Context, connString string) error {
	return func(ctx context.Context, connString string) error {
		conn, err := pgx.Connect(ctx, connString)
		if err != nil {
			return err
		}
		_, err = conn.Exec(ctx, sql)
		return errors.Join(err, conn.Close(context.WithoutCancel(ctx)))
	}
}

// Pool returns a pool on a database of [New]. It is closed when the test ends.
func Pool(tb testing.TB) *pgxpool.Pool {
	tb.Helper()
	return open(tb, New(tb))
}

// PoolFrom returns a pool on a database of [NewFrom]. It is closed when the
// test ends.
func PoolFrom(tb testing.TB, key string, fill func(ctx context.Context, connString string) error) *pgxpool.Pool {
	tb.Helper()
	return open(tb, NewFrom(tb, key, fill))
}

// DB returns a handle to a database of [New], in which the setup statements
// have been executed. It is closed when the test ends. DB subscribes to the
// changes of the handle, so that it observes its statements as it does under a
// cache.
func DB(tb testing.TB, opts *db.Options, setup ...string) *db.DB {
	tb.Helper()
	pg := Open(tb, New(tb), opts)
	stop, err := pg.OnChange(func(context.Context, []db.Change) {})
	if err != nil {
		tb.Fatalf("pgtest: %v", err)
	}
	tb.Cleanup(stop)
	for _, sql := range setup {
		Exec(tb, pg, sql)
	}
	return pg
}

// Open returns a handle to the database with the given connection string, in
// which the setup statements have been executed. It is closed when the test
// ends.
func Open(tb testing.TB, connString string, opts *db.Options, setup ...string) *db.DB {
	tb.Helper()
	pg, err := db.Open(tb.Context(), connString, opts)
	if err != nil {
		tb.Fatalf("pgtest: %v", err)
	}
	tb.Cleanup(pg.Close)
	for _, sql := range setup {
		Exec(tb, pg, sql)
	}
	return pg
}

// Connect returns a connection to the database with the given connection
// string. It is closed when the test ends.
func Connect(tb testing.TB, connString string) *pgx.Conn {
	tb.Helper()
	conn, err := pgx.Connect(tb.Context(), connString)
	if err != nil {
		tb.Fatalf("pgtest: %v", err)
	}
	tb.Cleanup(func() { _ = conn.Close(context.WithoutCancel(tb.Context())) })
	return conn
}

// Exec executes a statement and fails the test if the statement fails.
func Exec(tb testing.TB, on db.Execer, sql string, args ...any) {
	tb.Helper()
	if _, err := on.Exec(tb.Context(), sql, args...); err != nil {
		tb.Fatalf("%s: %v", sql, err)
	}
}

// Private starts a server for this test, which may stop, kill and restart it.
// It is closed when the test ends.
func Private(tb testing.TB, opts *pgserver.Options) *pgserver.Server {
	tb.Helper()
	server, err := pgserver.Private(tb.Context(), opts)
	if err != nil {
		tb.Fatalf("pgtest: %v", err)
	}
	tb.Cleanup(func() {
		if err := server.Close(); err != nil {
			tb.Errorf("pgtest: %v", err)
		}
	})
	return server
}

func open(tb testing.TB, connString string) *pgxpool.Pool {
	tb.Helper()
	pool, err := pgxpool.New(tb.Context(), connString)
	if err != nil {
		tb.Fatalf("pgtest: %v", err)
	}
	tb.Cleanup(pool.Close)
	return pool
}

// cleanupTimeout bounds cleanups. The context of the test has ended by then.
const cleanupTimeout = 30 * time.Second

func create(tb testing.TB, template string) string {
	tb.Helper()
	connString, name, err := shared.create(tb.Context(), template)
	if err != nil {
		tb.Fatalf("pgtest: create a database: %v", err)
	}
	tb.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), cleanupTimeout)
		defer cancel()
		if err := shared.drop(ctx, name); err != nil {
			tb.Errorf("pgtest: %v", err)
		}
	})
	return connString
}
