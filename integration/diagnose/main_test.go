// Package diagnose_test holds the tests of package diagnose that need a server.
package diagnose_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/db/diagnose"
	"github.com/headrace/headrace/integration/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

var itemSchema = []string{
	"CREATE TABLE items (id int PRIMARY KEY, name text NOT NULL)",
	"INSERT INTO items SELECT g, 'item ' || g FROM generate_series(1, 20000) g",
}

type item struct {
	ID   int
	Name string
}

var (
	itemByID = db.MustCompile[item]("-- name: ItemByID :one\nSELECT id, name FROM items WHERE id = $1")
	allItems = db.MustCompile[item]("-- name: AllItems :many\nSELECT id, name FROM items")
)

// interval is the length of a window in these tests.
const interval = 100 * time.Millisecond

// openPool returns a handle to its own database with the given number of
// connections.
func openPool(t *testing.T, conns int, schema ...string) *db.DB {
	t.Helper()
	return openAt(t, pgtest.New(t), conns, schema...)
}

func openAt(t *testing.T, connString string, conns int, schema ...string) *db.DB {
	t.Helper()
	return pgtest.Open(t, with(connString, fmt.Sprintf("pool_max_conns=%d", conns)), nil, schema...)
}

// with returns a connection URL with a further parameter.
func with(connString, param string) string {
	if strings.Contains(connString, "?") {
		return connString + "&" + param
	}
	return connString + "?" + param
}

// monitor returns a Monitor with short windows. It is closed when the test
// ends.
func monitor(t *testing.T, pg *db.DB, opts diagnose.Options) *diagnose.Monitor {
	t.Helper()
	opts.Interval = interval
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	m, err := diagnose.New(pg, &opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	return m
}

// load runs fn in goroutines until the function that it returns is called, or
// the test ends.
func load(t *testing.T, goroutines int, fn func(ctx context.Context) error) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	for range goroutines {
		running.Go(func() {
			for ctx.Err() == nil {
				if err := fn(ctx); err != nil && ctx.Err() == nil {
					t.Error(err)
					return
				}
			}
		})
	}
	stop = sync.OnceFunc(func() {
		cancel()
		running.Wait()
	})
	t.Cleanup(stop)
	return stop
}

const patience = 20 * time.Second

// await returns the first finding of a kind, and fails the test if there is
// none for a long time.
func await(t *testing.T, m *diagnose.Monitor, kind diagnose.Kind) diagnose.Finding {
	t.Helper()
	for began := time.Now(); ; time.Sleep(interval) {
		findings := m.Findings(t.Context())
		if i := slices.IndexFunc(findings, func(f diagnose.Finding) bool { return f.Kind == kind }); i >= 0 {
			if f := findings[i]; f.Title == "" || f.Evidence == "" || f.Do == "" || f.Share < 0 || f.Share > 1 {
				t.Errorf("incomplete: %+v", f)
			}
			return findings[i]
		}
		if time.Since(began) > patience {
			t.Fatalf("%s was not found; found %+v", kind, findings)
		}
	}
}

// awaitBottleneck waits for a bottleneck.
func awaitBottleneck(t *testing.T, m *diagnose.Monitor, resource diagnose.Resource) diagnose.Bottleneck {
	t.Helper()
	for began := time.Now(); ; time.Sleep(interval) {
		b := m.Bottleneck(t.Context())
		if b.Resource == resource {
			return b
		}
		if time.Since(began) > patience {
			t.Fatalf("the bottleneck is %+v, want %s", b, resource)
		}
	}
}

// awaitWindows waits for a number of windows from now on, and returns the last
// of them.
func awaitWindows(t *testing.T, m *diagnose.Monitor, n int) diagnose.Window {
	t.Helper()
	began := time.Now()
	for {
		windows := m.Windows()
		windows = slices.DeleteFunc(windows, func(w diagnose.Window) bool { return w.Began.Before(began) })
		if len(windows) >= n {
			return windows[len(windows)-1]
		}
		if time.Since(began) > patience {
			t.Fatalf("%d windows, want %d", len(windows), n)
		}
		time.Sleep(interval / 2)
	}
}
