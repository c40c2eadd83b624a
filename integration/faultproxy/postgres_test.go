package faultproxy_test

import (
	"context"
	"errors"
	"net"
	"strconv"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/headrace/headrace/integration/faultproxy"
	"github.com/headrace/headrace/integration/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// through connects to a new database through a proxy.
func through(t *testing.T) (conn *pgx.Conn, proxy *faultproxy.Proxy, direct string) {
	t.Helper()
	direct = pgtest.New(t)
	cfg, err := pgx.ParseConfig(direct)
	must(t, err)
	proxy = start(t, net.JoinHostPort(cfg.Host, strconv.Itoa(int(cfg.Port))))
	proxied, err := proxy.ConnString(direct)
	must(t, err)
	conn, err = pgx.Connect(t.Context(), proxied)
	must(t, err)
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn, proxy, direct
}

// The server has committed, but the client gets an error.
func TestCommitWithLostResponse(t *testing.T) {
	t.Parallel()
	conn, proxy, direct := through(t)
	_, err := conn.Exec(t.Context(), "CREATE TABLE paid (n int)")
	must(t, err)
	tx, err := conn.Begin(t.Context())
	must(t, err)
	_, err = tx.Exec(t.Context(), "INSERT INTO paid VALUES (1)")
	must(t, err)
	fired := proxy.Fail(faultproxy.Fault{Direction: faultproxy.ToClient})
	if err := tx.Commit(t.Context()); err == nil {
		t.Error("the commit reports success without an answer")
	}
	<-fired

	check, err := pgx.Connect(t.Context(), direct)
	must(t, err)
	defer func() { _ = check.Close(t.Context()) }()
	var n int
	must(t, check.QueryRow(t.Context(), "SELECT count(*) FROM paid").Scan(&n))
	if n != 1 {
		t.Errorf("%d rows committed, want 1", n)
	}
}

func TestCutResultIsAnError(t *testing.T) {
	t.Parallel()
	conn, proxy, _ := through(t)
	proxy.Fail(faultproxy.Fault{Direction: faultproxy.ToClient, Plus: 50_001})
	rows, err := conn.Query(t.Context(), "SELECT repeat('x', 100) FROM generate_series(1, 10000)")
	must(t, err)
	got, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err == nil {
		t.Errorf("%d rows without an error, of a result that was cut", len(got))
	}
}

func TestSilentServerExceedsTheDeadline(t *testing.T) {
	t.Parallel()
	conn, proxy, _ := through(t)
	proxy.Silence(faultproxy.ToClient, true)
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if _, err := conn.Exec(ctx, "SELECT 1"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v, want the deadline", err)
	}
}
