// Package batchinsert_test holds the tests of package batchinsert that need a
// server.
package batchinsert_test

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/headrace/headrace/db"
	"github.com/headrace/headrace/integration/faultproxy"
	"github.com/headrace/headrace/integration/pgtest"
)

func TestMain(m *testing.M) {
	obeyIfAsked()
	pgtest.Main(m)
}

// open returns a handle to a database of the test's own, in which the given
// statements have been run.
func open(t *testing.T, setup ...string) *db.DB {
	t.Helper()
	return pgtest.Open(t, pgtest.New(t), nil, setup...)
}

// overProxy returns a pool that reaches a database of its own through a proxy.
// settings are added to the connection string.
func overProxy(t *testing.T, settings string) (*pgxpool.Pool, *faultproxy.Proxy) {
	t.Helper()
	return proxyTo(t, pgtest.New(t), settings)
}

// proxyTo is overProxy to a given database.
func proxyTo(t *testing.T, connString, settings string) (*pgxpool.Pool, *faultproxy.Proxy) {
	t.Helper()
	direct, err := pgx.ParseConfig(connString)
	if err != nil {
		t.Fatal(err)
	}
	proxy, err := faultproxy.Start(fmt.Sprintf("%s:%d", direct.Host, direct.Port))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = proxy.Close() })
	if connString, err = proxy.ConnString(direct.ConnString()); err != nil {
		t.Fatal(err)
	}
	at, err := url.Parse(connString)
	if err != nil {
		t.Fatal(err)
	}
	at.RawQuery = strings.Trim(at.RawQuery+"&"+settings, "&")
	pool, err := pgxpool.New(t.Context(), at.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	t.Cleanup(proxy.CutAll)
	return pool, proxy
}

func exec(t *testing.T, pg db.Execer, sql string, args ...any) {
	t.Helper()
	pgtest.Exec(t, pg, sql, args...)
}

// newRole returns the name of a role of the test's own, quoted, to SET ROLE to.
func newRole(t *testing.T, pg *db.DB, grants ...string) string {
	t.Helper()
	role := pgx.Identifier{"batchinsert " + get[string](t, pg, "SELECT current_database()")}.Sanitize()
	exec(t, pg, "CREATE ROLE "+role)
	t.Cleanup(func() { // roles are the whole server's
		for _, sql := range []string{"DROP OWNED BY " + role, "DROP ROLE " + role} {
			if _, err := pg.Exec(context.WithoutCancel(t.Context()), sql); err != nil {
				t.Error(err)
			}
		}
	})
	for _, grant := range grants {
		exec(t, pg, "GRANT "+grant+" TO "+role)
	}
	return role
}

// get returns the one value that a statement returns.
func get[V any](t *testing.T, pg db.Querier, sql string, args ...any) V {
	t.Helper()
	rows, err := pg.Query(t.Context(), sql, args...)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	v, err := pgx.CollectExactlyOneRow(rows, pgx.RowTo[V])
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return v
}

// wantCount checks how many rows a table has.
func wantCount(t *testing.T, pg db.Querier, table string, want int64) {
	t.Helper()
	if got := get[int64](t, pg, "SELECT count(*) FROM "+table); got != want {
		t.Errorf("%s has %d rows, want %d", table, got, want)
	}
}

// wantError checks that the text of err contains all of the wanted texts.
func wantError(t *testing.T, err error, want ...string) {
	t.Helper()
	if err == nil {
		t.Errorf("no error, want %q", want)
		return
	}
	for _, w := range want {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("error %q does not say %q", err, w)
		}
	}
}

// A textTracer notes the texts of statements.
type textTracer struct {
	mu    sync.Mutex
	texts []string
}

func (s *textTracer) TraceQueryStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.texts = append(s.texts, data.SQL)
	return ctx
}

func (s *textTracer) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// take returns the texts of statements since the last call.
func (s *textTracer) take() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	texts := s.texts
	s.texts = nil
	return texts
}
