package pgtest

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"go.uber.org/goleak"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/integration/pgserver"
)

// Main is the body of TestMain: it runs the tests, stops the server if one was started, and fails the run when
// goroutines are left. It does not return.
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

// New creates an empty database and returns its connection string. When the test ends, so does the database; the test
// fails if connections to it are left. It may be called from parallel tests.
func New(tb testing.TB) string {
	tb.Helper()
	return create(tb, "template0")
}

// NewFrom is [New] for a database that starts as a copy of a template. The first call with a key, in the test binary,
// makes the template: an empty database that is given to fill. fill must close its connections. All calls with the
// same key have to pass the same fill.
func NewFrom(tb testing.TB, key string, fill func(ctx context.Context, connString string) error) string {
	tb.Helper()
	template, err := shared.template(tb.Context(), key, fill)
	if err != nil {
		tb.Fatalf("pgtest: make template %q: %v", key, err)
	}
	return create(tb, template)
}

// Pool is a pool on a database by [New], closed when the test ends.
func Pool(tb testing.TB) *pgxpool.Pool {
	tb.Helper()
	return open(tb, New(tb))
}

// PoolFrom is a pool on a database by [NewFrom], closed when the test ends.
func PoolFrom(tb testing.TB, key string, fill func(ctx context.Context, connString string) error) *pgxpool.Pool {
	tb.Helper()
	return open(tb, NewFrom(tb, key, fill))
}

// DB is a handle to a database by [New], closed when the test ends. Its changes are followed from the start, as they are
// where a cache is in front of it: what its statements write is asked for, and announced.
func DB(tb testing.TB, opts *db.Options) *db.DB {
	tb.Helper()
	pg, err := db.Open(tb.Context(), New(tb), opts)
	if err != nil {
		tb.Fatalf("pgtest: %v", err)
	}
	tb.Cleanup(pg.Close)
	stop, err := pg.OnChange(func(context.Context, []db.Change) {})
	if err != nil {
		tb.Fatalf("pgtest: %v", err)
	}
	tb.Cleanup(stop)
	return pg
}

// Private starts a server for this test alone, to be stopped, killed and restarted by it, and closes it when the test
// ends.
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

// cleanupTimeout is for cleanups: the test's own context is over by then.
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
