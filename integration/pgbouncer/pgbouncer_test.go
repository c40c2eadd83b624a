//go:build unix

package pgbouncer_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/headrace/headrace/integration/pgbouncer"
	"github.com/headrace/headrace/integration/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// start returns the URL of a new database through a pool of one connection.
func start(t *testing.T, mode pgbouncer.Mode) (bouncer *pgbouncer.Bouncer, connString string) {
	t.Helper()
	direct := pgtest.New(t)
	bouncer = pgbouncer.New(t, direct, &pgbouncer.Options{
		Mode:     mode,
		Settings: map[string]string{"default_pool_size": "1"},
	})
	cfg, err := pgx.ParseConfig(direct)
	must(t, err)
	return bouncer, bouncer.ConnString(cfg.Database)
}

func connect(t *testing.T, connString string) *pgx.Conn {
	t.Helper()
	cfg, err := pgx.ParseConfig(connString)
	must(t, err)
	cfg.DefaultQueryExecMode = pgx.QueryExecModeExec
	conn, err := pgx.ConnectConfig(t.Context(), cfg)
	must(t, err)
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Two clients that share one server connection see the differences between
// modes.
func TestModes(t *testing.T) {
	t.Parallel()
	t.Run("transaction: sessions are mixed", func(t *testing.T) {
		t.Parallel()
		_, connString := start(t, pgbouncer.Transaction)
		a, b := connect(t, connString), connect(t, connString)
		_, err := a.Exec(t.Context(), "SET search_path = somewhere")
		must(t, err)
		var path string
		must(t, b.QueryRow(t.Context(), "SHOW search_path").Scan(&path))
		if path != "somewhere" {
			t.Errorf("search_path = %s: the second client has a session of its own", path)
		}
	})
	t.Run("statement: transactions are refused", func(t *testing.T) {
		t.Parallel()
		_, connString := start(t, pgbouncer.Statement)
		_, err := connect(t, connString).Exec(t.Context(), "BEGIN")
		if pgErr := (*pgconn.PgError)(nil); !errors.As(err, &pgErr) {
			t.Errorf("BEGIN: %v, want it refused", err)
		}
	})
	t.Run("session: one client at a time", func(t *testing.T) {
		t.Parallel()
		_, connString := start(t, pgbouncer.Session)
		a := connect(t, connString)
		_, err := a.Exec(t.Context(), "CREATE TEMP TABLE mine ()")
		must(t, err)
		must(t, a.Close(t.Context())) // releases the server connection, which is reset
		var exists bool
		must(t, connect(t, connString).QueryRow(t.Context(), "SELECT to_regclass('mine') IS NOT NULL").Scan(&exists))
		if exists {
			t.Error("the second client sees the first one's temporary table")
		}
	})
}

func TestConsole(t *testing.T) {
	t.Parallel()
	bouncer, connString := start(t, pgbouncer.Transaction)
	_, err := connect(t, connString).Exec(t.Context(), "SELECT 1")
	must(t, err)
	console, err := pgx.Connect(t.Context(), bouncer.Console())
	must(t, err)
	defer func() { _ = console.Close(t.Context()) }()
	rows, err := console.Query(t.Context(), "SHOW POOLS")
	must(t, err)
	pools, err := pgx.CollectRows(rows, pgx.RowToMap)
	must(t, err)
	if len(pools) != 2 {
		t.Errorf("%d pools, want the console's and the database's: %v", len(pools), pools)
	}
}

func TestBadSettingIsNamed(t *testing.T) {
	t.Parallel()
	direct := pgtest.New(t)
	pgbouncer.New(t, direct, nil) // skips the test if PgBouncer is not installed
	_, err := pgbouncer.Start(t.Context(), direct, &pgbouncer.Options{Mode: "never"})
	if err == nil || !strings.Contains(err.Error(), "never") {
		t.Errorf("error %v, want PgBouncer's own", err)
	}
}
